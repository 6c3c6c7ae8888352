"""The actor: finds the actions of least energy."""

from telos.agent.actor.auto import AUTO, MEASURED, choose_planner, choose_planner_for, setting_of
from telos.agent.actor.categorical import CategoricalCEM
from telos.agent.actor.collocation import Collocation
from telos.agent.actor.cross_entropy import CEM, ICEM
from telos.agent.actor.exhaustive import ExhaustiveSearch
from telos.agent.actor.gaussian import AbstractGaussianPlanner
from telos.agent.actor.gradient import GradientDescent
from telos.agent.actor.hybrid import Hybrid
from telos.agent.actor.lbfgs import LBFGS
from telos.agent.actor.mppi import MPPI
from telos.agent.actor.noise import coloured_noise
from telos.agent.actor.pace import Pace
from telos.agent.actor.plan import make_plan
from telos.agent.actor.random_shooting import RandomShooting
from telos.agent.actor.risks import CVaR, Mean, Quantile, Worst
from telos.agent.actor.sampling import AbstractSamplingPlanner, Proposal

__all__ = [
    "ExhaustiveSearch",
    "Collocation",
    "LBFGS",
    "Hybrid",
    "AUTO",
    "CEM",
    "CVaR",
    "ICEM",
    "MEASURED",
    "MPPI",
    "Mean",
    "AbstractGaussianPlanner",
    "AbstractSamplingPlanner",
    "CategoricalCEM",
    "GradientDescent",
    "Pace",
    "Proposal",
    "Quantile",
    "RandomShooting",
    "Worst",
    "choose_planner",
    "choose_planner_for",
    "coloured_noise",
    "make_plan",
    "setting_of",
]
