import moving_point
import pytest
import tiny_runs

from telos.core.run import Run
from telos.data import Episodes
from telos.recipes.experiment import train


@pytest.fixture(scope="session")
def point_logs(tmp_path_factory) -> Episodes:
    return Episodes.open(moving_point.write_logs(tmp_path_factory.mktemp("point") / "logs"))


@pytest.fixture(scope="session")
def point_run(point_logs, tmp_path_factory) -> Run:
    """A finished run; tests that teach it copy it."""
    return train(point_logs.path, tmp_path_factory.mktemp("point") / "run", recipe=tiny_runs.tiny, held_out=0.25)


@pytest.fixture
def pupil(point_run, tmp_path) -> Run:
    """A copy of the run, to be taught."""
    import shutil

    return Run(shutil.copytree(point_run.path, tmp_path / "run"))
