import shutil

import pytest
from verbs import fine, refusal

QUICK = ("--threads", 1, "--num-steps", 2, 2, 2, "--num-landmarks", 20)


@pytest.fixture
def run(folders, tmp_path):
    return shutil.copytree(folders.run, tmp_path / "run")


def test_teaches_levels_and_says_how_they_came_out(run):
    told = fine("levels", run, "--strides", 2, 2, *QUICK, "--json").json
    assert [(level["level"], level["stride"], level["steps"]) for level in told["levels"]] == [(2, 2, 2), (3, 2, 4)]
    assert all(level["information"] > 0 and level["latent_size"] == 16 for level in told["levels"])
    shown = fine("levels", run, "--strides", 3, *QUICK).out
    assert "level 2   3 steps of the world" in shown and "macro-actions tell" in shown and f"telos evaluate {run} --levels 2" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--strides", 8, 4], "one step of level 3 is 32"),
        (["--strides", 1], "2 or more"),
        (["--strides", 2, "--jointly"], "leave jointly out"),
        (["--strides", 2, "--price", -1], "price of a nat"),
    ],
)
def test_says_what_is_wrong(run, options, said):
    assert said in refusal("levels", run, *QUICK, *options)
