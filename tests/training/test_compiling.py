import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_runs

from telos.core.compiling import CompiledOrPlain
from telos.data import Episodes
from telos.recipes.experiment import train

PROGRAM = """
import json, sys, torch
sys.path.insert(0, {tests!r})
import tiny_runs
from telos.recipes.experiment import train
torch.set_num_threads(1)
run = train({logs!r}, {out!r}, recipe=tiny_runs.tiny, compiled=True)
print(json.dumps(run.metrics()))
"""


@pytest.mark.slow
def test_without_a_compiler_training_runs_plainly_and_says_so(logs, finished_run, tmp_path):
    program = PROGRAM.format(tests=str(Path(tiny_runs.__file__).parent), logs=str(logs), out=str(tmp_path / "run"))
    environment = {**os.environ, "CXX": str(tmp_path / "no-such-compiler"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Nothing was compiled, and all runs plainly" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == finished_run.metrics()


def test_errors_of_the_function_itself_are_not_taken_for_those_of_a_compiler():
    def broken(value):
        raise ZeroDivisionError("of its own")

    with pytest.raises(ZeroDivisionError, match="of its own"):
        CompiledOrPlain(broken)(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_compiled_run_is_the_plain_one_to_rounding(logs, tmp_path):
    recipe = tiny_runs.tiny(Episodes.open(logs))
    short = replace(recipe, curriculum=replace(recipe.curriculum, phases=recipe.curriculum.phases[:1]))
    plain, compiled = (train(logs, tmp_path / str(flag), recipe=short, compiled=flag).metrics() for flag in (False, True))
    for ours, theirs in zip(compiled, plain, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
