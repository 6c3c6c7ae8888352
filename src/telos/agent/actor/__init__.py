"""The actor: finds the actions of least energy."""

from telos.agent.actor.categorical import CategoricalCEM
from telos.agent.actor.cross_entropy import CEM, ICEM
from telos.agent.actor.gaussian import AbstractGaussianPlanner
from telos.agent.actor.gradient import GradientDescent
from telos.agent.actor.mppi import MPPI
from telos.agent.actor.noise import coloured_noise
from telos.agent.actor.plan import make_plan
from telos.agent.actor.random_shooting import RandomShooting
from telos.agent.actor.sampling import AbstractSamplingPlanner, Proposal

__all__ = [
    "CEM",
    "ICEM",
    "MPPI",
    "AbstractGaussianPlanner",
    "AbstractSamplingPlanner",
    "CategoricalCEM",
    "GradientDescent",
    "Proposal",
    "RandomShooting",
    "coloured_noise",
    "make_plan",
]
