"""Which scripted expert can keep to guardrails in a world, if any."""

import numpy as np

from telos.core.guarding import AbstractRequirement
from telos.core.spaces import VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs.adapters.pendulum import GRAVITY, MOTOR, Pendulum
from telos.envs.point_mass import PointMass
from telos.evaluation.contestants import AbstractContestant
from telos.evaluation.experts.cautious import CautiousExpert
from telos.evaluation.experts.detour import DetourExpert
from telos.evaluation.guarded import remembers

PENDULUM_STEP, FASTEST = 0.05, 8.0
"""Seconds, and radians per second: constants of Gymnasium's Pendulum-v1."""


def expert_under(world: AbstractWorld, requirements: tuple[AbstractRequirement, ...], starts: WorldState) -> AbstractContestant | None:
    """A scripted expert that keeps to `requirements`; None where nobody wrote one.

    There is one for worlds with momentum that ship with us, and one for every world in which actions are displacements of a
    `position` that goals are about, with one layout; neither knows requirements about what has happened before.

    Args:
        starts: some states of the world.
    """
    if any(remembers(world, requirement, starts) for requirement in requirements):
        return None
    if isinstance(world, PointMass):
        tick = world.dt * world.action_repeat
        return CautiousExpert(requirements, gain=1 / tick, tail=int(np.ceil(1.5 / tick)))
    if isinstance(world, Pendulum):
        return CautiousExpert(requirements, gain=1 / (MOTOR * PENDULUM_STEP), tail=60, dynamics=lambda states, actions: swing(world, states, actions))
    names = {name for requirement in requirements for name in requirement.quantities}
    return DetourExpert(requirements) if names <= {"position"} and _goes_where_told(world, starts) else None


def swing(world: Pendulum, states: WorldState, actions: np.ndarray) -> WorldState:
    """What Gymnasium's Pendulum-v1 does, for all rows at once; semi-implicit Euler steps."""
    angle, velocity, torque = states["angle"], states["velocity"], np.clip(np.asarray(actions)[:, 0], -2, 2)
    for _ in range(world.action_repeat):
        velocity = np.clip(velocity + PENDULUM_STEP * (GRAVITY * np.sin(angle) + MOTOR * torque), -FASTEST, FASTEST)
        angle = angle + PENDULUM_STEP * velocity
    return {**states, "angle": angle, "velocity": velocity}


def _goes_where_told(world: AbstractWorld, starts: WorldState) -> bool:
    """Whether an action is a displacement of the position, and goals are about positions alone."""
    space = world.spaces.action
    if not (isinstance(space, VectorSpace) and space.bounded and space.shape == (2,)):
        return False
    position = starts.get("position")
    if position is None or position.ndim != 2 or position.shape[1] != 2:
        return False
    if any((part != part[:1]).any() for name, part in starts.items() if name != "position"):
        return False
    step = np.asarray(space.high, np.float64) / 10
    moved = world.advance(starts, np.broadcast_to(step, position.shape))["position"] - position
    as_told = np.isclose(moved, world.action_repeat * step, atol=1e-6).all(axis=1)
    elsewhere = {name: part[::-1] for name, part in starts.items()}
    there = {**starts, "position": elsewhere["position"]}
    return bool(as_told.mean() > 0.5) and bool((world.distance(there, elsewhere) < 1e-6).all())
