import pytest
from plane import write_walks

from telos.data import Episodes


@pytest.fixture(scope="session")
def walks(tmp_path_factory) -> Episodes:
    """A store of random walks on the plane."""
    return write_walks(tmp_path_factory.mktemp("walks") / "walks")
