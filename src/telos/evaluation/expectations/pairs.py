"""Pairs of clips that share everything up to one moment: what goes on is possible in one of them, and impossible in the other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from telos.core.errors import ConfigError, DataError
from telos.core.seeding import numpy_generator
from telos.core.world import WorldState
from telos.data.behaviour import HeldRandomActions
from telos.envs.playroom import Playroom
from telos.evaluation.expectations.violations import SOON, AbstractViolation, Course

AT_ONCE, MOST_ROUNDS = 400, 60
"""Episodes that are looked through at a time, and how often, for moments at which a violation can be shown."""


@dataclass(frozen=True, kw_only=True)
class ClipPairs:
    """Clips of one kind, pair by pair."""

    violation: AbstractViolation
    possible: UInt8[np.ndarray, "pairs time height width channel"]
    impossible: UInt8[np.ndarray, "pairs time height width channel"]
    actions: Float[np.ndarray, "pairs steps action"]
    """The same in both; one less than there are frames."""
    begins: Int[np.ndarray, " pairs"]
    """The first frame that may differ."""

    def __len__(self) -> int:
        return len(self.begins)


def make_pairs(world: Playroom, violation: AbstractViolation, num: int, *, seed: int, steps: int = 30) -> ClipPairs:
    """`num` pairs of clips of `steps` steps from fresh episodes, in which the fan blows at random as in logs.

    Raises:
        ConfigError: clips too short for something to be seen before and after.
        DataError: moments at which this kind can be shown are too rare.
    """
    if steps < 2 * SOON + 4 or num < 1:
        raise ConfigError(f"{num} pairs of clips of {steps} steps cannot be made.", expected=f"1 pair or more, of {2 * SOON + 4} steps at the least")
    rng = numpy_generator(seed, "expectations", violation.name)
    found: list[tuple[np.ndarray, ...]] = []
    for _ in range(MOST_ROUNDS):
        found.append(_some_pairs(world, violation, rng, steps))
        if sum(len(part[0]) for part in found) >= num:
            possible, impossible, actions, begins = (np.concatenate(parts)[:num] for parts in zip(*found, strict=True))
            return ClipPairs(violation=violation, possible=possible, impossible=impossible, actions=actions, begins=begins)
    raise DataError(f"In {AT_ONCE * MOST_ROUNDS} episodes there are fewer than {num} moments for {violation.name}.", fix="ask for fewer pairs")


def _some_pairs(world: Playroom, violation: AbstractViolation, rng: np.random.Generator, steps: int) -> tuple[np.ndarray, ...]:
    """Pairs from some episodes: those that have a moment for it, and in which it shows."""
    act = HeldRandomActions().start(world.spaces.action, AT_ONCE, rng)
    path, actions, started = [world.sample(rng, AT_ONCE)], [], np.ones(AT_ONCE, bool)
    for _ in range(steps):
        actions.append(act(None, {}, started))
        path.append(world.advance(path[-1], actions[-1]))
        started = np.zeros(AT_ONCE, bool)
    course = Course(world=world, states={name: np.stack([state[name] for state in path]) for name in path[0]})
    fits = violation.possible_at(course)
    fits[: SOON + 1] = fits[-SOON:] = False
    rows = np.flatnonzero(fits.any(axis=0))
    # Any of the moments that fit, each as likely.
    begins = (fits[:, rows] * rng.random(fits[:, rows].shape)).argmax(axis=0)
    changed = _violate(world, violation, path, actions, rows, begins, rng)
    possible, impossible = (_film(world, states, rows_of) for states, rows_of in ((path, rows), (changed, np.arange(len(rows)))))
    shows = (possible != impossible).any(axis=(1, 2, 3, 4))
    return possible[shows], impossible[shows], np.stack(actions, axis=1)[rows][shows], begins[shows]


def _violate(
    world: Playroom, violation: AbstractViolation, path: list[WorldState], actions: list[np.ndarray], rows: np.ndarray, begins: np.ndarray, rng
) -> list[WorldState]:
    """The same episodes, each no longer as it should be from its moment on."""
    changed = [_rows(path[0], rows)]
    for time in range(1, len(path)):
        before, after = changed[-1], _rows(path[time], rows)
        first = violation.begin(world, before, after, rng)
        later = violation.go_on(world, before, actions[time - 1][rows])
        changed.append({name: _where(begins == time, first[name], _where(begins < time, later[name], after[name])) for name in after})
    return changed


def _film(world: Playroom, states: list[WorldState], rows: np.ndarray) -> UInt8[np.ndarray, "rows time height width channel"]:
    return np.stack([world.observe(_rows(state, rows)) for state in states], axis=1)


def _rows(state: WorldState, rows: np.ndarray) -> WorldState:
    return {name: part[rows] for name, part in state.items()}


def _where(rows: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    return np.where(rows.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)
