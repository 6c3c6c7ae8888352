"""A scripted expert that goes round: where actions are displacements, and guardrails are about positions."""

import numpy as np
from jaxtyping import Bool, Float

from telos.core.errors import ConfigError
from telos.core.guarding import AbstractRequirement
from telos.core.spaces import VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant
from telos.evaluation.guarded import met_by_step

NODES = 57
"""Places per side of the grid; a multiple of 8 and one, so that the middle of every corridor of a 7 x 7 maze lies on it."""
WAYS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
DIRECTIONS, LENGTHS = 48, (1.0, 0.6, 0.3, 0.1)
"""Of the actions that are looked at, in every step."""
AT_ONCE = 50
"""Goals whose ways are found together: as many as fit into a cache."""


class DetourExpert(AbstractContestant):
    """Knows the way to its goal from everywhere, and takes the allowed step after which it is shortest.

    Ways are found on a grid of positions by the world's own dynamics. It sees the true state, and never takes a step that breaks a
    requirement, whatever the goal.
    """

    name = "guarded expert"

    def __init__(self, requirements: tuple[AbstractRequirement, ...]) -> None:
        self.requirements = requirements

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        if any((part != part[:1]).any() for name, part in starts.items() if name != "position"):
            raise ConfigError("The expert that goes round knows one layout at a time.", expected="a world with a fixed layout")
        self.world, self.goals = world, np.asarray(goals["position"], np.float64)
        self.layout = {name: part[:1] for name, part in starts.items() if name != "position"}
        space = world.spaces.action
        assert isinstance(space, VectorSpace), "expert_under looks at this first"
        self.bound = np.asarray(space.high, np.float64)
        parts = range(0, len(self.goals), AT_ONCE)
        edges = self._edges()
        self.costs = np.concatenate([_ways_to(self.goals[part : part + AT_ONCE], edges) for part in parts])

    def act(self, states: WorldState) -> np.ndarray:
        position = np.asarray(states["position"], np.float64)
        straight = np.clip((self.goals - position) / self.world.action_repeat, -self.bound, self.bound)
        actions = np.concatenate([np.broadcast_to(self._fan(), (len(position), *self._fan().shape)), straight[:, None]], axis=1)
        num = actions.shape[1]
        many = {name: np.repeat(part, num, axis=0) for name, part in states.items()}
        ahead = self.world.advance(many, actions.reshape(-1, 2))
        allowed = met_by_step(self.world, self.requirements, many, ahead).reshape(-1, num)
        places = ahead["position"].reshape(-1, num, 2)
        costs = np.where(allowed, self._cost(places), np.inf)
        # Where no step is allowed, standing still (the first of the fan) is at least no worse.
        return actions[np.arange(len(actions)), costs.argmin(axis=1)].astype(self.world.spaces.action.dtype)

    def keep(self, rows: np.ndarray) -> None:
        self.goals, self.costs = self.goals[rows], self.costs[rows]

    def _fan(self) -> Float[np.ndarray, "fan 2"]:
        angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
        round_ = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        longest = round_ / np.abs(round_).max(axis=1, keepdims=True) * self.bound
        return np.concatenate([np.zeros((1, 2)), *(length * longest for length in LENGTHS)])

    def _cost(self, places: Float[np.ndarray, "batch num 2"]) -> Float[np.ndarray, "batch num"]:
        """The way that is left from places in the open: by way of the nearest nodes, or straight where the goal is beside them."""
        scaled = places * (NODES - 1)
        corner = np.clip(np.floor(scaled).astype(int) - 1, 0, NODES - 4)
        rows = np.arange(len(places))[:, None]
        straight = np.linalg.norm(places - self.goals[:, None], axis=-1)
        best = np.where(straight < 2 / (NODES - 1), straight, np.inf)
        for x in range(4):
            for y in range(4):
                node = corner + np.array((x, y))
                away = np.linalg.norm(scaled - node, axis=-1) / (NODES - 1)
                best = np.minimum(best, away + self.costs[rows, node[..., 0], node[..., 1]])
        return best

    def _edges(self) -> Bool[np.ndarray, "ways nodes nodes"]:
        """Whether one gets from each node (x, y) to its neighbour in a straight line, and may be at both ends."""
        steps = np.linspace(0, 1, NODES)
        nodes = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        state = {"position": nodes, **{name: np.repeat(part, len(nodes), axis=0) for name, part in self.layout.items()}}
        clear = met_by_step(self.world, self.requirements, state, state).reshape(NODES, NODES)
        edges = []
        for way in WAYS:
            wanted = nodes + np.array(way) / (NODES - 1)
            there = self.world.advance(state, (wanted - nodes) / self.world.action_repeat)
            back = self.world.advance(there, (nodes - wanted) / self.world.action_repeat)
            arrived = (np.abs(there["position"] - wanted).max(axis=1) < 1e-4) & (np.abs(back["position"] - nodes).max(axis=1) < 1e-4)
            edges.append(arrived.reshape(NODES, NODES) & clear & _neighbour(clear, way, False))
        return np.stack(edges)


def _ways_to(goals: Float[np.ndarray, "goals 2"], edges: Bool[np.ndarray, "ways nodes nodes"]) -> Float[np.ndarray, "goals nodes nodes"]:
    """The shortest way from every node to every goal, by relaxation until nothing changes; infinite where there is none."""
    steps = np.linspace(0, 1, NODES, dtype=np.float32)
    away = np.hypot(steps[:, None] - goals[:, 0, None, None], steps - goals[:, 1, None, None]).astype(np.float32)
    passable = edges.any(axis=0)
    costs = np.where((away < 1.5 / (NODES - 1)) & passable, away, np.float32(np.inf))
    lengths = [np.where(edge, np.float32(np.hypot(*way) / (NODES - 1)), np.float32(np.inf)) for way, edge in zip(WAYS, edges, strict=True)]
    while True:
        before = costs.copy()
        for way, length in zip(WAYS, lengths, strict=True):
            np.minimum(costs, _neighbour(costs, way, np.inf) + length, out=costs)
        if np.array_equal(before, costs):
            return costs


def _neighbour(values: np.ndarray, way: tuple[int, int], beyond: float | bool) -> np.ndarray:
    """What stands at the neighbour of each node `[... nodes nodes]`; `beyond` at the border."""
    shifted = np.full_like(values, beyond)
    (to_x, from_x), (to_y, from_y) = (_slices(step) for step in way)
    shifted[..., to_x, to_y] = values[..., from_x, from_y]
    return shifted


def _slices(step: int) -> tuple[slice, slice]:
    if step == 0:
        return slice(None), slice(None)
    return (slice(None, -1), slice(1, None)) if step > 0 else (slice(1, None), slice(None, -1))
