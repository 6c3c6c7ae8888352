"""Starts and goals of episodes under guardrails."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from telos.core.errors import ConfigError
from telos.core.guarding import AbstractRequirement
from telos.core.world import AbstractWorld, WorldState
from telos.data import AbstractEpisodes
from telos.evaluation.closed_loop import Outcome, Reached, expert_steps, play
from telos.evaluation.contestants import AbstractContestant, ScriptedContestant
from telos.evaluation.experts import expert_under
from telos.evaluation.guarded import Judges, met_at_goal, met_at_start
from telos.evaluation.protocols import Pairs, Protocol, draw_pairs, select_rows

HOPELESS = 5
"""Starts and goals without a way between them, for each episode that was asked for, after which none is looked for if not one had a way."""
LONGEST_WAY = 250
"""Steps within which an expert that goes round has to arrive, if nobody says how long an episode is."""


def draw_guarded_pairs(
    world: AbstractWorld,
    protocol: Protocol,
    requirements: Iterable[AbstractRequirement],
    logs: AbstractEpisodes | None = None,
    reached: Reached | None = None,
    *,
    conflicts: bool = False,
) -> Pairs:
    """The episodes of a protocol that can be played without breaking a requirement.

    Left out and replaced are starts and goals that break one themselves and, where a scripted expert can keep to the requirements,
    those between which it finds no way. Time allowed is a multiple of what that expert takes, where there is one.

    Args:
        conflicts: keep only those between which the world's own expert, which knows of no requirement, breaks one.

    Raises:
        ConfigError: hardly any episode is left, or nothing says how much time is allowed.
    """
    if conflicts and not world.has_expert:
        raise ConfigError("Nobody wrote a scripted expert for this world: what its usual way breaks is not known.", fix="leave out --conflicts")
    rehearsal = _Rehearsal(world, protocol, tuple(requirements), reached)
    drawn, left, lost = 0, 0, 0

    def unfit(starts: WorldState, goals: WorldState) -> Bool[np.ndarray, " batch"]:
        nonlocal drawn, left, lost
        allowed = rehearsal.allowed(starts, goals)
        fit = _also(allowed, rehearsal.has_a_way, starts, goals)
        lost += int((allowed & ~fit).sum())
        if conflicts:
            fit = _also(fit, rehearsal.in_conflict, starts, goals)
        drawn, left = drawn + len(fit), left + int(fit.sum())
        if not left and lost >= HOPELESS * protocol.episodes:
            raise _too_few(drawn, left, protocol)
        return ~fit

    try:
        return draw_pairs(world, protocol, rehearsal.steps, logs, unfit)
    except ConfigError as error:
        if not 0 < left < protocol.episodes:
            raise
        raise _too_few(drawn, left, protocol) from error


def _also(
    fit: Bool[np.ndarray, " batch"], test: Callable[[WorldState, WorldState], np.ndarray], starts: WorldState, goals: WorldState
) -> Bool[np.ndarray, " batch"]:
    """Those that are fit and pass the test; the others are not put to it."""
    (rows,) = np.nonzero(fit)
    passed = fit.copy()
    if len(rows):
        passed[rows] = test(select_rows(starts, rows), select_rows(goals, rows))
    return passed


def _too_few(drawn: int, left: int, protocol: Protocol) -> ConfigError:
    return ConfigError(
        f"Of {drawn:,} starts and goals {left:,} are left under the guardrails, and {protocol.episodes:,} were asked for.",
        expected="guardrails that leave room, and starts and goals outside of what they forbid",
    )


@dataclass(frozen=True)
class _Rehearsal:
    """What experts tell of starts and goals before anybody plays."""

    world: AbstractWorld
    protocol: Protocol
    requirements: tuple[AbstractRequirement, ...]
    reached: Reached | None

    def allowed(self, starts: WorldState, goals: WorldState) -> Bool[np.ndarray, " batch"]:
        """Neither solved nor broken already."""
        solved = self.world.distance(starts, goals) <= self.protocol.radius if self.reached is None else self.reached(starts, goals)
        return ~solved & met_at_start(self.world, self.requirements, starts) & met_at_goal(self.world, self.requirements, goals)

    def has_a_way(self, starts: WorldState, goals: WorldState) -> Bool[np.ndarray, " batch"]:
        """Whether the expert under the requirements arrives; True where there is none."""
        guarded = expert_under(self.world, self.requirements, starts)
        return np.ones(_num(starts), dtype=bool) if guarded is None else self._play(guarded, starts, goals).success

    def steps(self, starts: WorldState, goals: WorldState) -> np.ndarray:
        """Steps of the expert under the requirements; where there is none, of the world's own."""
        guarded = expert_under(self.world, self.requirements, starts)
        if guarded is None:
            return expert_steps(self.world, self.protocol, starts, goals, self.reached)
        return self._play(guarded, starts, goals).steps

    def in_conflict(self, starts: WorldState, goals: WorldState) -> Bool[np.ndarray, " batch"]:
        """Whether the world's own expert breaks a requirement."""
        judges = Judges(self.world, {str(number): requirement for number, requirement in enumerate(self.requirements)}, starts)
        self._play(ScriptedContestant(), starts, goals, judges)
        return np.any([breaches.broken for breaches in judges.breaches.values()], axis=0)

    def _play(self, contestant: AbstractContestant, starts: WorldState, goals: WorldState, judges: Judges | None = None) -> Outcome:
        limit = LONGEST_WAY if self.protocol.steps is None else self.protocol.steps
        pairs = Pairs(starts, goals, np.full(_num(starts), limit))
        return play(self.world, pairs, contestant, self.protocol, reached=self.reached, record=judges)


def _num(states: WorldState) -> int:
    return len(next(iter(states.values())))
