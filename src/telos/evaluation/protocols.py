"""Which episodes are run, and what counts as success: fixed before anybody plays, the same for every contestant."""

import hashlib
import json
import math
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
DISTANCE, LATENT = "distance", "latent"
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
    success: str = DISTANCE
    """What tells that the goal is reached: `distance` (the world's own), `latent` (calibrated), or `file.py:function`."""
    radius: float = 0.05
    """Inside counts as reached; in the unit of the world's distance."""
    unit: str = "arena widths"
    """Of the radius."""
    hold: int = 5
    """Steps in a row inside the radius that make a success."""
    at_end: bool = False
    """Whether the last `hold` steps of the time allowed must lie inside, instead of any `hold` in a row."""
    steps: int | None = None
    """Time allowed; None: `patience` times the scripted expert's steps, or the offset where there is no expert."""
    patience: float = 3.0
    """Time allowed, as a multiple of the scripted expert's steps."""

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError(f"The evaluation has {self.episodes} episodes.", expected="1 or more")
        if (self.offset is None) == (self.name == OFFSET):
            raise ConfigError(
                f"Protocol '{self.name}' has the offset {self.offset}.", expected="an offset with the protocol 'offset', and only there"
            )
        for name in ("offset", "steps"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"The evaluation has {name} {getattr(self, name)}.", expected="1 step or more")
        if self.hold < 1 or self.radius < 0:
            raise ConfigError(f"Success cannot be {self.hold} steps within {self.radius}.", expected="1 step or more, and a radius of 0 or more")

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


def make_protocol(
    world: AbstractWorld,
    name: str | None,
    *,
    episodes: int,
    offset: int | None,
    seed: int,
    success: str = DISTANCE,
    radius: float | None = None,
    steps: int | None = None,
) -> Protocol:
    """The protocol that a user asked for; by default the world's own first kind of start and goal, by the world's own rules.

    Raises:
        UnknownNameError: the world has no such kind.
    """
    name = name or (OFFSET if offset is not None else world.pair_kinds[0])
    if name != OFFSET and name not in world.pair_kinds:
        raise UnknownNameError.of("protocol for this world", name, (*world.pair_kinds, OFFSET))
    if name == OFFSET and offset is None:
        offset = 25
    rules: dict[str, Any] = asdict(world.rules)
    if name == OFFSET:
        # A rule about the end of a fixed time is meant for the world's own goals.
        rules |= {"at_end": False, "steps": None}
    rules |= {key: value for key, value in {"radius": radius, "steps": steps}.items() if value is not None}
    return Protocol(name=name, episodes=episodes, offset=offset, seed=seed, success=success, **rules)


def how_long(protocol: Mapping[str, Any]) -> str:
    """For how long a success lasts and in what time it comes, of a protocol as JSON."""
    steps, hold = protocol.get("steps"), f"{protocol['hold']} step{'' if protocol['hold'] == 1 else 's'}"
    if protocol.get("at_end"):
        return f"for the last {hold} of {steps}"
    in_time = f"{protocol['patience']:g} times the expert's steps, or the offset where there is none" if steps is None else f"{steps} steps"
    return f"{'at any step' if protocol['hold'] == 1 else f'for {hold} in a row'}, in at most {in_time}"


def draw_pairs(
    world: AbstractWorld,
    protocol: Protocol,
    expert_steps: Callable[[WorldState, WorldState], np.ndarray],
    logs: AbstractEpisodes | None = None,
    reached: Callable[[WorldState, WorldState], np.ndarray] | None = None,
) -> Pairs:
    """The episodes of a protocol; starts that are solved already are left out and replaced.

    Args:
        expert_steps: how many steps `[batch]` the scripted expert needs from starts to goals; asked where there is one.
        logs: held-out episodes of this world. Offsets are cut from them where they carry the true state and are long
            enough, and from fresh episodes of random wandering otherwise; `Pairs.source` says which.

        reached: whether `[batch]` states count as their goals; by default those within the protocol's radius.

    Raises:
        ConfigError: hardly any start is not solved already, or nothing says how much time is allowed.
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
        open_rows = world.distance(start, goal) > protocol.radius if reached is None else ~reached(start, goal)
        starts.append(select_rows(start, open_rows))
        goals.append(select_rows(goal, open_rows))
        found += int(open_rows.sum())
    if found < protocol.episodes:
        raise ConfigError(
            f"Only {found} of {protocol.episodes} starts are not solved already.", fix="ask for a larger --offset, or another --protocol"
        )
    first = slice(0, protocol.episodes)
    start, goal = select_rows(join_rows(starts), first), select_rows(join_rows(goals), first)
    return Pairs(start, goal, _limits(world, protocol, expert_steps, start, goal), source)


def _limits(
    world: AbstractWorld, protocol: Protocol, expert_steps: Callable[[WorldState, WorldState], np.ndarray], start: WorldState, goal: WorldState
) -> np.ndarray:
    """Steps allowed `[episodes]`."""
    if protocol.steps is not None:
        return np.full(protocol.episodes, protocol.steps)
    if world.has_expert:
        return np.ceil(protocol.patience * expert_steps(start, goal)).astype(int)
    if protocol.offset is not None:
        return np.full(protocol.episodes, math.ceil(protocol.patience * protocol.offset))
    raise ConfigError("Nothing says how many steps an episode may take: this world has neither an expert nor a rule.", fix="say --steps 200, or so")


def _source(world: AbstractWorld, protocol: Protocol, logs: AbstractEpisodes | None) -> tuple[str, Callable[[np.random.Generator], Drawn]]:
    """Where starts and goals come from, and how to draw a batch of them."""
    num, offset = protocol.episodes, protocol.offset
    if offset is None:
        return SAMPLED, lambda rng: world.sample_pairs(rng, num, protocol.name)
    kept = set(world.truth(world.sample(np.random.default_rng(0), 1)))
    if logs is not None and kept <= set(logs.info_names) and int(logs.lengths.max()) >= offset:
        return HELD_OUT, lambda rng: _cut_pairs(world, logs, sorted(kept), rng, num, offset)
    return FRESH, lambda rng: _wander(world, rng, num, offset)


def _cut_pairs(world: AbstractWorld, logs: AbstractEpisodes, names: list[str], rng: np.random.Generator, num: int, offset: int) -> Drawn:
    """States `offset` steps apart, every such pair of the logs equally likely."""
    episodes, starts = WindowPlaces(logs.lengths, offset).draw(rng, num)

    def at(times: np.ndarray) -> WorldState:
        rows = []
        for episode, time in zip(episodes.tolist(), times.tolist(), strict=True):
            truth = {name: logs.info(name, episode)[time : time + 1] for name in names}
            rows.append(world.recall(truth, logs.column("action", episode)[:time]))
        return join_rows(rows)

    return at(starts), at(starts + offset)


def _wander(world: AbstractWorld, rng: np.random.Generator, num: int, offset: int) -> Drawn:
    """Random states, and where random wandering has led `offset` steps later."""
    start = world.sample(rng, num)
    behaviour = HeldRandomActions().start(world.spaces.action, num, rng)
    goal = start
    for time in range(offset):
        goal = world.advance(goal, behaviour(world.observe(goal), goal, np.full(num, time == 0)))
    return start, goal
