"""Which episodes are run, and what counts as success: fixed before anybody plays, the same for every contestant."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from telos.core.errors import ConfigError, UnknownNameError
from telos.core.logs import WindowPlaces
from telos.core.seeding import numpy_generator
from telos.core.world import AbstractWorld, WorldState
from telos.data import AbstractEpisodes
from telos.data.behaviour import HeldRandomActions

OFFSET = "offset"
"""The protocol whose goals are what is seen some steps after the start, in episodes that were held out from training."""
HELD_OUT, FRESH, SAMPLED = "held-out episodes", "fresh random wandering", "the world's sampler"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Held-out starts and goals, and the rule of success."""

    name: str
    """A kind of start and goal of the world, or `offset`."""
    episodes: int = 200
    """Starts and goals."""
    offset: int | None = None
    """For `offset`: steps of an episode from start to goal."""
    seed: int = 0
    """Of starts, goals and contestants."""
    radius: float = 0.05
    """Inside counts as reached; a share of the arena's width."""
    hold: int = 5
    """Steps in a row inside the radius that make a success."""
    patience: float = 3.0
    """Time allowed, as a multiple of the scripted expert's steps."""

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError(f"The evaluation has {self.episodes} episodes.", expected="1 or more")
        if (self.offset is None) == (self.name == OFFSET):
            raise ConfigError(
                f"Protocol '{self.name}' has the offset {self.offset}.", expected="an offset with the protocol 'offset', and only there"
            )
        if self.offset is not None and self.offset < 1:
            raise ConfigError(f"The offset is {self.offset}.", expected="1 step or more")

    def hash(self, world: dict[str, Any], logs: str | None = None) -> str:
        """Equal hashes mean equal episodes and equal rules; `world` is the world's config as JSON, `logs` the fingerprint of
        the episodes that starts and goals were cut from, if they were."""
        return hashlib.sha256(json.dumps([asdict(self), world, logs], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Pairs:
    """Starts and goals of a protocol, and how many steps the scripted expert needs for each."""

    starts: WorldState
    goals: WorldState
    limits: np.ndarray
    """`[episodes]`: steps allowed."""
    source: str = SAMPLED
    """Where starts and goals come from."""

    def __len__(self) -> int:
        return len(self.limits)


Drawn = tuple[WorldState, WorldState]
"""Starts and goals."""


def select_rows(state: WorldState, rows: np.ndarray | slice) -> WorldState:
    """Some rows of a batch of true states."""
    return {name: value[rows] for name, value in state.items()}


def join_rows(states: list[WorldState]) -> WorldState:
    """Several batches of true states as one."""
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def make_protocol(world: AbstractWorld, name: str | None, *, episodes: int, offset: int | None, seed: int) -> Protocol:
    """The protocol that a user asked for; by default the world's own first kind of start and goal.

    Raises:
        UnknownNameError: the world has no such kind.
    """
    name = name or (OFFSET if offset is not None else world.pair_kinds[0])
    if name != OFFSET and name not in world.pair_kinds:
        raise UnknownNameError.of("protocol for this world", name, (*world.pair_kinds, OFFSET))
    if name == OFFSET and offset is None:
        offset = 25
    return Protocol(name=name, episodes=episodes, offset=offset, seed=seed)


def draw_pairs(
    world: AbstractWorld,
    protocol: Protocol,
    expert_steps: Callable[[WorldState, WorldState], np.ndarray],
    logs: AbstractEpisodes | None = None,
) -> Pairs:
    """The episodes of a protocol; starts that are solved already are left out and replaced.

    Args:
        expert_steps: how many steps `[batch]` the scripted expert needs from starts to goals.
        logs: held-out episodes of this world. Offsets are cut from them where they carry the true state and are long
            enough, and from fresh episodes of random wandering otherwise; `Pairs.source` says which.

    Raises:
        ConfigError: hardly any start is not solved already.
    """
    rng = numpy_generator(protocol.seed, "evaluation", protocol.name, protocol.offset or 0)
    source, draw = _source(world, protocol, logs)
    starts: list[WorldState] = []
    goals: list[WorldState] = []
    found = 0
    for _ in range(100):
        if found >= protocol.episodes:
            break
        start, goal = draw(rng)
        open_rows = world.distance(start, goal) > protocol.radius
        starts.append(select_rows(start, open_rows))
        goals.append(select_rows(goal, open_rows))
        found += int(open_rows.sum())
    if found < protocol.episodes:
        raise ConfigError(
            f"Only {found} of {protocol.episodes} starts are not solved already.", fix="ask for a larger --offset, or another --protocol"
        )
    first = slice(0, protocol.episodes)
    start, goal = select_rows(join_rows(starts), first), select_rows(join_rows(goals), first)
    return Pairs(start, goal, np.ceil(protocol.patience * expert_steps(start, goal)).astype(int), source)


def _source(world: AbstractWorld, protocol: Protocol, logs: AbstractEpisodes | None) -> tuple[str, Callable[[np.random.Generator], Drawn]]:
    """Where starts and goals come from, and how to draw a batch of them."""
    num, offset = protocol.episodes, protocol.offset
    if offset is None:
        return SAMPLED, lambda rng: world.sample_pairs(rng, num, protocol.name)
    dtypes = {name: value.dtype for name, value in world.sample(np.random.default_rng(0), 1).items()}
    if logs is not None and set(dtypes) <= set(logs.info_names) and int(logs.lengths.max()) >= offset:
        return HELD_OUT, lambda rng: _cut_pairs(logs, dtypes, rng, num, offset)
    return FRESH, lambda rng: _wander(world, rng, num, offset)


def _cut_pairs(logs: AbstractEpisodes, dtypes: Mapping[str, np.dtype], rng: np.random.Generator, num: int, offset: int) -> Drawn:
    """Frames `offset` steps apart, every such pair of the logs equally likely; stores keep no truth values, so dtypes are the world's."""
    episodes, starts = WindowPlaces(logs.lengths, offset).draw(rng, num)

    def at(times: np.ndarray) -> WorldState:
        def column(name: str) -> np.ndarray:
            return np.stack([logs.info(name, int(episode))[time] for episode, time in zip(episodes, times, strict=True)])

        return {name: column(name).astype(dtype) for name, dtype in dtypes.items()}

    return at(starts), at(starts + offset)


def _wander(world: AbstractWorld, rng: np.random.Generator, num: int, offset: int) -> Drawn:
    """Random states, and where random wandering has led `offset` steps later."""
    start = world.sample(rng, num)
    behaviour = HeldRandomActions().start(world.spaces.action, num, rng)
    goal = start
    for time in range(offset):
        goal = world.advance(goal, behaviour(world.observe(goal), goal, np.full(num, time == 0)))
    return start, goal
