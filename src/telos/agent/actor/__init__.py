"""The actor: finds the actions of least energy."""

from telos.agent.actor.cross_entropy import CEM, ICEM
from telos.agent.actor.gradient import GradientDescent
from telos.agent.actor.mppi import MPPI
from telos.agent.actor.plan import make_plan
from telos.agent.actor.random_shooting import RandomShooting

__all__ = ["CEM", "ICEM", "MPPI", "GradientDescent", "RandomShooting", "make_plan"]
