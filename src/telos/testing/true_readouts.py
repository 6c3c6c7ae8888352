"""Readouts that are right: what `TruePointMass` believes is position and velocity themselves."""

from jaxtyping import Float
from torch import Tensor

from telos.core.readouts import AbstractReadout, Fidelity, Knowledge
from telos.envs.point_mass import PointMass
from telos.testing.true_point_mass import TruePointMass

SPREAD = 0.3
"""Of a place that is anywhere in the arena, in arena widths; speeds are of about the same size."""


class TrueReadout(AbstractReadout):
    """Two numbers of the belief of `TruePointMass`, without any error. Nothing in it is trained.

    Args:
        name: `position` or `velocity`.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.size = name, 2
        self.first = {"position": 0, "velocity": 2}[name]
        self.unit = {"position": "arena widths", "velocity": "arena widths per second"}[name]
        self.fidelity = Fidelity(error=0.0, floor=SPREAD, untrained=SPREAD)

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch size"]:
        return belief[..., self.first : self.first + 2]


def true_knowledge(world: PointMass | None = None) -> Knowledge:
    """An agent's knowledge in which all is right: use to test tasks, guardrails and planners, in place of a trained run."""
    return Knowledge(world_model=TruePointMass(world), readouts={name: TrueReadout(name) for name in ("position", "velocity")})
