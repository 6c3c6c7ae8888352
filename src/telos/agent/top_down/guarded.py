"""Guardrails above the lowest level: nobody plans to come through a state that breaks one.

The gate looks at what the lowest level is about to do, and nothing gets past it. But whoever aims at a place that only a violation leads to
stands before the gate for ever. So upper levels and critics of time know the agent's world as the guardrails let it be: landmarks that break
one are no subgoals, and how long something takes is the time of the way round.

A guardrail of an upper level is the worst over its stride. That worst is taken over real states: a step from one landmark to another is
allowed if some way through states that keep every guardrail leads there in time; the critic's shortest way is that way.

What can be said of a state by itself is said of landmarks: to keep out of a region, to stay inside of one, limits of a value, distances, rules
of one's own. What speaks of movement (the limit of a rate) or of what was before (never one thing before another) is the gate's alone.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.agent.guardrails import fingerprint_of, leads
from telos.agent.top_down.within_reach import WithinReach
from telos.agent.watching import WatchedModule
from telos.core.errors import GuardrailError
from telos.core.guarding import Guardrail
from telos.core.levels import AbstractLevel, AbstractTimeToGo, Landmarks
from telos.core.readouts import AbstractReadout, Knowledge
from telos.core.tasks import Intent
from telos.core.types import Problem
from telos.core.weights import fingerprint

WAYS_ROUND = "telos time-to-go RUN --kind landmarks teaches a critic that does"
BEHIND_GUARDRAILS = "only what is forbidden leads to its subgoal"
"""Why a level is of no use."""


@dataclass(frozen=True, kw_only=True)
class StateRules:
    """What of the guardrails in force can be said of a state by itself. Called with beliefs: which of them break one."""

    guardrails: tuple[Guardrail, ...]
    readouts: Mapping[str, AbstractReadout]
    """Those that they speak of, by name."""
    silent: tuple[str, ...] = field(init=False)
    """Names of the guardrails that speak of movement, or of what was before."""
    fingerprint: str = field(init=False)
    """Of all that an answer hangs on."""

    def __post_init__(self) -> None:
        speaking = tuple(guardrail for guardrail in self.guardrails if guardrail.requirement.of_states)
        object.__setattr__(self, "silent", tuple(guardrail.name for guardrail in self.guardrails if guardrail not in speaking))
        object.__setattr__(self, "guardrails", speaking)
        names = sorted({name for guardrail in speaking for name in guardrail.requirement.quantities})
        read = [(name, fingerprint(self.readouts[name])) for name in names]
        rules = [(guardrail.requirement, guardrail.margin) for guardrail in speaking]
        object.__setattr__(self, "fingerprint", fingerprint_of((read, rules)))

    @torch.no_grad()
    def __call__(self, beliefs: Float[Tensor, "num belief"]) -> Bool[Tensor, " num"]:
        broken = torch.zeros(len(beliefs), dtype=torch.bool, device=beliefs.device)
        for guardrail in self.guardrails:
            requirement = guardrail.requirement
            now = {name: self.readouts[name](beliefs) for name in requirement.quantities}
            ahead = {name: quantity[:, None] for name, quantity in now.items()}
            value = requirement.value(now, ahead, requirement.begin(now))[:, 0] + guardrail.margin
            # What is not a number is not kept.
            broken |= ~(value <= 0)
        return broken


def allowed_knowledge(knowledge: Knowledge, rules: StateRules) -> Knowledge:
    """The same as the rules let it be: landmarks that keep all of them, and critics that know no way through any other state.

    Levels are copies, so that nobody else holds what subgoals are drawn to. The critics that know of no states in between stay as they are;
    `guarding_time` finds one that does.

    Raises:
        GuardrailError: a level knows no state that keeps all rules.
    """
    if not rules.guardrails:
        return knowledge
    levels = copy.deepcopy(knowledge.levels)
    for number, level in enumerate(levels, start=2):
        level.landmarks = _allowed_landmarks(level, number, rules)
    times = {name: WithinReach.of(critic, rules) or critic for name, critic in knowledge.times.items()}
    return replace(knowledge, levels=levels, times=MappingProxyType(times))


@dataclass(eq=False)
class Within:
    """What an agent knows as its guardrails let it be, found once and watched.

    Raises:
        GuardrailError: a level knows no state that keeps all of them.
    """

    own: Knowledge
    """What it knows."""
    rules: StateRules
    knowledge: Knowledge = field(init=False)
    """The same as the rules let it be."""

    def __post_init__(self) -> None:
        self.knowledge = allowed_knowledge(self.own, self.rules)
        self._levels = [WatchedModule(level) for level in self.knowledge.levels]
        # Ways between thousands of states are many megabytes: too many to be read before every action.
        self._times = [WatchedModule(critic, light=True) for critic in self.knowledge.times.values()]

    def unchanged(self, *, thorough: bool = False) -> bool:
        """Whether every level and critic is as it was."""
        return all(watched.full() if thorough else watched.quick() for watched in (*self._levels, *self._times))


def guarding_time(knowledge: Knowledge, name: str | None = None) -> WithinReach | None:
    """The critic that knows ways round what is forbidden: the one of this name if it does, else the first that does; None: none does."""
    chosen = [knowledge.times[name]] if name in knowledge.times else []
    return next((critic for critic in (*chosen, *knowledge.times.values()) if isinstance(critic, WithinReach)), None)


def reachable(time: AbstractTimeToGo | None, here: Float[Tensor, "batch latent"], there: Float[Tensor, "batch belief"]) -> Bool[Tensor, " batch"]:
    """Whether something allowed leads there, as far as a critic knows: always, if nothing is forbidden to it."""
    if isinstance(time, WithinReach):
        return time.leads_to(here, there)
    return torch.ones(len(here), dtype=torch.bool, device=here.device)


def notes(knowledge: Knowledge, rules: StateRules, problem: Problem, name: str | None) -> tuple[str, ...]:
    """What an agent has to say of its guardrails and levels, in a few words for people.

    Args:
        knowledge: as the rules let it be.
        name: of the critic that counts; None: any.
    """
    told = []
    if rules.silent:
        names = " and ".join(f"'{name}'" for name in rules.silent)
        told.append(f"subgoals know nothing of {names}, which speaks of more than one state; the lowest level keeps to it")
    if problem.goal is not None:
        lost = ~reachable(guarding_time(knowledge, name), problem.state.latent, problem.goal.belief)
        if lost.any():
            where = "" if len(lost) == 1 else f" in {int(lost.sum())} of {len(lost)} episodes"
            told.append(f"no allowed way to the goal is known{where}: as near as the guardrails let")
    return tuple(told)


def check_led(knowledge: Knowledge, rules: StateRules, intent: Intent) -> None:
    """Raises GuardrailError for a way of planning in which subgoals might be chosen that only a violation can reach.

    Args:
        knowledge: as the rules let it be.
    """
    if not rules.guardrails or not leads(intent):
        return
    names = " and ".join(f"'{guardrail.name}'" for guardrail in rules.guardrails)
    if not intent.top_down.snap:
        raise GuardrailError(
            f"Subgoals are to be what is imagined, and nobody can say whether that keeps {names}.",
            fix="TopDown(snap=True), so that they are real states",
        )
    if guarding_time(knowledge, intent.time_to_go) is None:
        raise GuardrailError(
            f"Levels are to plan under {names}, and no critic of time knows the ways round.",
            expected="a critic of states that were seen, so that no subgoal is chosen that only a violation can reach",
            fix=f"{WAYS_ROUND}; or levels=1",
        )


def _allowed_landmarks(level: AbstractLevel, number: int, rules: StateRules) -> Landmarks:
    marks = level.landmarks
    kept = ~rules(marks.beliefs)
    if not kept.any():
        names = ", ".join(guardrail.name for guardrail in rules.guardrails)
        raise GuardrailError(
            f"Level {number} knows no state that keeps the guardrails ({names}).", fix="levels=1; or rules and margins that leave room in the logs"
        )
    return Landmarks(marks.beliefs[kept], marks.latents[kept])
