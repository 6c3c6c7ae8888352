import copy
import inspect
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_runs
import torch

from telos.agent import actor
from telos.agent.actor import make_plan
from telos.agent.cost import PathDistance
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig, TransformerPredictorConfig
from telos.core.compiling import CompiledOrPlain, compile_rollouts
from telos.core.contracts import AbstractPlanner
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import Problem
from telos.data import Episodes
from telos.recipes.experiment import train

SMALL_TRANSFORMER = {"depth": 2, "num_heads": 2, "head_size": 8, "hidden": 24, "output_hidden": 16}
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "predictor", [RecurrentPredictorConfig(width=12), TransformerPredictorConfig(**SMALL_TRANSFORMER)], ids=["recurrent", "transformer"]
)
def test_every_planner_finds_the_same_with_compiled_rollouts(predictor):
    spaces = Spaces(VectorSpace(4), VectorSpace(2, (-1, -1), (1, 1)))
    torch.manual_seed(0)
    plain = JEPAConfig(encoder=EncoderConfig(), predictor=predictor, latent_size=6).build(spaces).eval()
    compiled = copy.deepcopy(plain)
    compile_rollouts(compiled)
    observations = torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(1))
    problem = Problem(state=plain.observe(None, None, observations[0]), goal=plain.observe(None, None, observations[1]))
    planners = [value for name in actor.__all__ if isinstance(value := getattr(actor, name), type) and issubclass(value, AbstractPlanner)]
    tried = [kind(horizon=4) for kind in planners if not inspect.isabstract(kind) and kind(horizon=4).supports(spaces.action)]
    assert len(tried) > 5
    for planner in tried:
        plans = [
            make_plan(planner, world_model=model, cost=PathDistance(), problem=problem, generator=torch.Generator().manual_seed(0))
            for model in (plain, compiled)
        ]
        torch.testing.assert_close(plans[1].energy, plans[0].energy, atol=1e-4, rtol=1e-3)
