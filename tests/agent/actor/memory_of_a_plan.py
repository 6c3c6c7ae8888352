"""Run by test_memory in a process of its own: plans with very many candidates, and prints by how many MiB the process grew."""

import resource
import sys
from dataclasses import dataclass

import torch

from telos.agent.actor import MPPI, GradientDescent, make_plan
from telos.agent.cost import PathDistance
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.contracts import AbstractCost
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import Problem

HORIZON = 12
SPACES = Spaces(VectorSpace(6), VectorSpace(2, (-1, -1), (1, 1)))


@dataclass(frozen=True, kw_only=True)
class ReadsBeliefs(AbstractCost):
    """Has everything put together that the model carries."""

    def energy(self, rollout, problem):
        return PathDistance().energy(rollout, problem) + 1e-3 * rollout.belief.square().mean(dim=-1)


def plan(kind: str, num: int) -> None:
    """One plan with `num` candidates, of the kind `perceptron`, `wide-belief` or `gradient`."""
    wide = kind == "wide-belief"
    predictor = MLPPredictorConfig(width=32 if wide else 256)
    model = JEPAConfig(encoder=EncoderConfig(), predictor=predictor, latent_size=16, scenery_size=2048 if wide else 0).build(SPACES).eval()
    with torch.no_grad():
        start, goal = (model.observe(None, None, torch.randn(1, 6)) for _ in range(2))
    planner = (
        GradientDescent(horizon=HORIZON, num_starts=num, num_iterations=1)
        if kind == "gradient"
        else MPPI(horizon=HORIZON, num_candidates=num, num_iterations=1)
    )
    problem, cost = Problem(state=start, goal=goal), ReadsBeliefs() if wide else PathDistance()
    make_plan(planner, world_model=model, cost=cost, problem=problem, generator=torch.Generator().manual_seed(0))


def peak() -> float:
    """Most memory so far, in MiB; macOS counts in bytes, Linux in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


if __name__ == "__main__":
    torch.set_num_threads(1)
    plan(sys.argv[1], 100)
    before = peak()
    plan(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write(f"{peak() - before}\n")
