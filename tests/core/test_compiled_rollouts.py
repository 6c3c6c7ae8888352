import copy
import inspect

import pytest
import torch

from telos.agent import actor
from telos.agent.actor import make_plan
from telos.agent.cost import PathDistance
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig, TransformerPredictorConfig
from telos.core.compiling import compile_rollouts
from telos.core.contracts import AbstractPlanner
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import Problem

SMALL_TRANSFORMER = {"depth": 2, "num_heads": 2, "head_size": 8, "hidden": 24, "output_hidden": 16}


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
