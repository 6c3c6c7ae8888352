"""A point mass with momentum: the smallest world whose best plan is known exactly."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Num, UInt8

from telos.core.spaces import Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_colours, check_count, check_number

CAUTION = 0.8
"""Share of the strongest brake that the expert counts on; the rest makes up for steps in time."""


@dataclass(frozen=True, kw_only=True)
class PointMass(AbstractWorld):
    """A point is accelerated in an empty arena; it has to brake in time.

    Use to check planners against `optimal_actions`, and to plan from vectors. Not to learn from pixels; take `TwoRooms`.

    State: `position [batch 2]` in arena widths, `velocity [batch 2]` in arena widths per second.
    Actions: acceleration per axis, -1 to 1 arena widths per second squared. Walls stop the motion along their axis.
    """

    dt: float = 0.1
    """Seconds per repeat of an action."""
    damping: float = 0.0
    """Share of the velocity lost per second; 0 for none."""
    min_distance: float = 0.15
    """Least straight distance between a start and its goal, in arena widths."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the point."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("anywhere",)

    def __post_init__(self) -> None:
        check_count(self, "action_repeat", 1)
        check_number(self, "dt", 0.001, 0.5)
        check_number(self, "damping", 0, 1 / self.dt)
        check_number(self, "min_distance", 0.01, 0.5)
        check_colours(self, "floor_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        # At full thrust from wall to wall v² = 2 · 1 · 1; a hair more for rounding to float32.
        fastest = math.sqrt(2) + 1e-3
        return Spaces(VectorSpace(4, (0, 0, -fastest, -fastest), (1, 1, fastest, fastest)), VectorSpace(2, (-1, -1), (1, 1)))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        position = rng.random((num, 2))
        # No faster than can be reached from the wall behind, so that every sampled state could have come about.
        behind = np.sqrt(2 * position), np.sqrt(2 * (1 - position))
        return {"position": position, "velocity": rng.uniform(-behind[1], behind[0]) * 0.5}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts, goals = np.empty((num, 2)), np.empty((num, 2))
        todo = np.arange(num)
        while len(todo):
            starts[todo], goals[todo] = rng.random((len(todo), 2)), rng.random((len(todo), 2))
            todo = todo[_length(starts[todo] - goals[todo]) < self.min_distance]
        return {"position": starts, "velocity": np.zeros((num, 2))}, {"position": goals, "velocity": np.zeros((num, 2))}

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        position, velocity = np.array(state["position"], np.float64), np.array(state["velocity"], np.float64)
        acceleration = np.clip(np.asarray(actions, np.float64), -1, 1)
        for _ in range(self.action_repeat):
            faster = (1 - self.damping * self.dt) * velocity + self.dt * acceleration
            free = position + self.dt / 2 * (velocity + faster)
            position = np.clip(free, 0, 1)
            velocity = np.where(position == free, faster, 0.0)
        return {"position": position, "velocity": velocity}

    def observe(self, state: WorldState) -> Float[np.ndarray, "batch 4"]:
        return np.concatenate([state["position"], state["velocity"]], axis=1).astype(np.float32)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """A picture for people; it does not show the velocity."""
        return canvas.paint(self.floor_colour, (canvas.discs(state["position"], 0.04, size), self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        """Approaches as fast as it can still brake, gently at the end."""
        tick = self.dt * self.action_repeat
        ahead = goal["position"] - state["position"]
        speed = np.minimum(np.sqrt(2 * CAUTION * np.abs(ahead)), np.abs(ahead) / (3 * tick))
        kept = (1 - self.damping * self.dt) ** self.action_repeat
        return np.clip((np.sign(ahead) * speed - kept * state["velocity"]) / tick, -1, 1)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return _length(state["position"] - goal["position"])


def optimal_actions(
    position: Float[np.ndarray, "batch 2"],
    velocity: Float[np.ndarray, "batch 2"],
    goal: Float[np.ndarray, "batch 2"],
    horizon: int,
    effort_weight: float,
    *,
    dt: float = 0.1,
    damping: float = 0.0,
) -> tuple[Float[np.ndarray, "batch horizon 2"], Float[np.ndarray, " batch"]]:
    """The best plan of `PointMass`, exact as long as it touches neither a wall nor the bounds of the action.

    Minimises the sum over t = 1 … horizon of |position_t - goal|² + effort_weight · |a_t|², linear least squares.

    Returns:
        The accelerations, and the least energy.
    """
    drift, response = _linear_motion(horizon, dt, damping)
    # Where the mass would be relative to the goal if nobody pushed: [batch horizon 2].
    error = position[:, None] - goal[:, None] + drift[:, None] * velocity[:, None]
    rows = np.concatenate([response, math.sqrt(effort_weight) * np.eye(horizon)])
    solve = -np.linalg.pinv(rows)[:, :horizon]
    actions = np.einsum("st,btd->bsd", solve, error)
    left = error + np.einsum("ts,bsd->btd", response, actions)
    return actions, np.square(left).sum((1, 2)) + effort_weight * np.square(actions).sum((1, 2))


def _linear_motion(horizon: int, dt: float, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """How far a velocity of 1 carries by each time `[horizon]`, and what a push of 1 at time s has added by t `[horizon horizon]`."""
    kept = 1 - damping * dt
    speeds = kept ** np.arange(horizon + 1)
    drift = np.cumsum(dt / 2 * (speeds[:-1] + speeds[1:]))
    pushed = dt * np.concatenate([[dt / 2], dt / 2 + drift[:-1]])
    late = np.subtract.outer(np.arange(horizon), np.arange(horizon))
    return drift, np.where(late >= 0, pushed[np.maximum(late, 0)], 0.0)


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
