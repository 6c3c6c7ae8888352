"""Guardrails cannot be taken away: what an agent was built with is sealed, and the seal is looked at before every action."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import Tensor

from telos.agent.actor.guard import Guard
from telos.agent.frozen_values import WatchedValue
from telos.agent.guardrails import differing, fingerprint_of, leads, quantities_of, tie_of, unusual, weights_above
from telos.agent.top_down.guarded import StateRules, Within, check_led, notes
from telos.agent.watching import WatchedModule, methods_of
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, GuardrailError
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge, check_readable
from telos.core.tasks import Intent
from telos.core.types import Plan, Problem

Part = TypeVar("Part")
REBUILD = "build the agent again, with telos.load_agent(RUN) or Agent(...)"
KEPT = 4
"""Sets of guardrails that shortest ways are kept for."""
RECALIBRATE = "telos calibrate RUN, with these settings; or use the ones that it was calibrated with"


@dataclass(eq=False)
class Seal:
    """What is in force in one agent, and how it was when it was sealed.

    Raises:
        GuardrailError: a guardrail cannot be kept by this agent: two have one name, a quantity cannot be read well enough, the planner looks
            less far ahead than it needs, or it was calibrated for something else.
        UnknownNameError: the agent has no readout of a quantity.
        ConfigError, SpaceError: requirement or fallback do not fit their quantities or the action space.
    """

    knowledge: Knowledge
    settings: Intent
    """How the agent plans, as far as fingerprints are concerned."""
    drives: AbstractCost | None
    guardrails: tuple[Guardrail, ...]
    added: tuple[Guardrail, ...] = ()
    """By the task."""
    found: dict[str, Within] = field(default_factory=dict, repr=False)
    """What the agent knows within some guardrails; kept for those of the next task, which are often the same."""
    model: WatchedModule = field(init=False)
    fingerprint: str = field(init=False)
    """Of all of it."""

    def __post_init__(self) -> None:
        _check_names(self.guardrails, self.added)
        names = tuple(dict.fromkeys(name for guardrail in self.in_force for name in quantities_of(guardrail)))
        self.readouts = MappingProxyType({name: self.knowledge.readout(name) for name in names})
        for guardrail in self.in_force:
            check_fits(guardrail, self.readouts, self.knowledge)
        self.model = WatchedModule(self.knowledge.world_model)
        self._watched = [WatchedModule(readout, thorough=True) for readout in self.readouts.values()]
        self._values = WatchedValue((self.in_force, self.drives))
        self._planned: tuple[Plan, bytes] | None = None
        self._covered: tuple[WatchedValue, tuple[Any, ...]] | None = None
        self._within: Within | None = None
        self.check_intent(self.settings)
        self.fingerprint = self._fingerprint()

    @property
    def in_force(self) -> tuple[Guardrail, ...]:
        """The agent's own guardrails, and those of its task."""
        return self.guardrails + self.added

    def guard(self, replan_every: int) -> Guard:
        """What a plan is given that is carried out for so many steps."""
        return Guard(guardrails=self.in_force, readouts=self.readouts, committed=replan_every, fingerprint=self.fingerprint)

    @property
    def allowed(self) -> Knowledge:
        """What the agent knows as the guardrails in force let it be, for levels and critics of time; the same as ever where neither counts."""
        return self.knowledge if self._within is None else self._within.knowledge

    def notes(self, problem: Problem, intent: Intent) -> tuple[str, ...]:
        """What there is to say of guardrails and far goals, for people."""
        return () if self._within is None else notes(self._within.knowledge, self._within.rules, problem, intent.time_to_go)

    def check_intent(self, intent: Intent) -> None:
        """Raises GuardrailError for a way of planning that some guardrail is blind to, or was not calibrated for."""
        covered = self._covered
        way = (intent.replan_every, intent.mode, intent.risk, intent.proposals, intent.levels, intent.top_down, intent.time_to_go)
        if covered is not None and covered[0].value is intent.planner and covered[1] == way and covered[0].unchanged():
            return
        for guardrail in self.in_force:
            needed = guardrail.requirement.shortest_horizon
            if intent.planner.horizon < needed:
                raise GuardrailError(
                    f"The guardrail '{guardrail.name}' needs plans of {needed} steps; these are {intent.planner.horizon} steps long.",
                    fix=f"a planner with horizon={needed} or more",
                )
            check_calibration(guardrail, self.knowledge, intent, model=self.model.whole)
        if self.in_force and (leads(intent) or intent.time_to_go is not None):
            self._within = self._find_within()
            check_led(self._within.knowledge, self._within.rules, intent)
        self._covered = WatchedValue(intent.planner), way

    def planned(self, plan: Plan | None) -> None:
        """Notes the plan that the gate has let through."""
        self._planned = None if plan is None else (plan, _bytes(plan.actions))

    def verify(self, agent: Any, knowledge: Knowledge, plan: Plan | None, *, thorough: bool = False) -> None:
        """Raises GuardrailError for whatever was altered since it was sealed.

        Args:
            agent: whose seal it is.
            knowledge: what it knows.
            plan: the one that the next action is taken from; None: there is none.
            thorough: whether every weight is read, which takes longer.
        """
        if not self._values.unchanged():
            raise _altered("A guardrail, or a drive,")
        if vars(agent).keys() & methods_of_agent(type(agent)):
            raise _altered("A method of the agent")
        if knowledge is not self.knowledge:
            raise _altered("What the agent knows")
        if any(knowledge.readouts.get(name) is not readout for name, readout in self.readouts.items()):
            raise _altered("A readout that guardrails speak of")
        for name, watched in zip(self.readouts, self._watched, strict=True):
            if not (watched.full() if thorough else watched.quick()):
                raise _altered(f"The readout '{name}'")
        if not (self.model.full() if thorough else self.model.quick()):
            raise _altered("The world model")
        if self._within is not None and not self._within.unchanged(thorough=thorough):
            raise _altered("A level, or a critic of time,")
        if plan is not None and (self._planned is None or plan is not self._planned[0] or _bytes(plan.actions) != self._planned[1]):
            raise _altered("The plan, or what is left of it,")

    def joined(self, guardrails: tuple[Guardrail, ...]) -> "Seal":
        """The same with the guardrails of a task in place of those of the task before."""
        return self if not (guardrails or self.added) else replace(self, added=tuple(guardrails))

    def _find_within(self) -> Within:
        rules = StateRules(guardrails=self.in_force, readouts=self.readouts)
        if rules.fingerprint not in self.found:
            while len(self.found) >= KEPT:
                self.found.pop(next(iter(self.found)))
            self.found[rules.fingerprint] = Within(self.knowledge, rules)
        return self.found[rules.fingerprint]

    def _fingerprint(self) -> str:
        readouts = {name: watched.whole for name, watched in zip(self.readouts, self._watched, strict=True)}
        rules = [(guardrail.name, guardrail.requirement, guardrail.alpha, guardrail.margin, guardrail.fallback) for guardrail in self.in_force]
        more = {**unusual(self.settings), "above": weights_above(self.knowledge, self.settings)}
        more = {name: part for name, part in more.items() if part}
        planning = (self.settings.planner, self.settings.replan_every, *([more] if more else []))
        return fingerprint_of((self.model.whole, readouts, rules, planning, self.drives))


methods_of_agent = cache(methods_of)


def sealed_knowledge(knowledge: Knowledge) -> Knowledge:
    """The same, in mappings that nobody writes into."""
    return replace(knowledge, readouts=_held(knowledge.readouts), critics=_held(knowledge.critics), times=_held(knowledge.times))


def _held(parts: Mapping[str, Part]) -> Mapping[str, Part]:
    return MappingProxyType(dict(parts))


def check_fits(guardrail: Guardrail, readouts: Mapping[str, Any], knowledge: Knowledge) -> None:
    """Raises what `Seal` says where a guardrail does not suit what the agent can read and do."""
    names = quantities_of(guardrail)
    for name in names:
        try:
            check_readable(readouts[name])
        except ConfigError as error:
            raise GuardrailError(
                f"The guardrail '{guardrail.name}' cannot be kept. {error.what}",
                fix="a quantity that can be read; 'telos readout RUN' tells how well",
            ) from error
    now = {name: torch.zeros(1, readouts[name].size) for name in guardrail.requirement.quantities}
    ahead = {name: torch.zeros(1, 2, readouts[name].size) for name in guardrail.requirement.quantities}
    value = guardrail.requirement.value(now, ahead, guardrail.requirement.begin(now))
    if not isinstance(value, Tensor) or tuple(value.shape) != (1, 2):
        found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise GuardrailError(
            f"The requirement of '{guardrail.name}' gives {found} for one way of two steps.", expected="[1, 2]: a value for each step"
        )
    guardrail.fallback.check({name: readouts[name].size for name in names}, knowledge.world_model.spaces.action)


def check_calibration(guardrail: Guardrail, knowledge: Knowledge, planning: Intent, *, model: str | None = None) -> None:
    """Raises GuardrailError for a guardrail that was calibrated for something else; one that never was may pass."""
    found = guardrail.calibration
    if found is None:
        return
    if guardrail.alpha < found.alpha:
        raise GuardrailError(
            f"The guardrail '{guardrail.name}' promises alpha = {guardrail.alpha:g}, and was calibrated for {found.alpha:g}.", fix=RECALIBRATE
        )
    if found.tried and found.tried[-1] != guardrail.margin:
        raise GuardrailError(
            f"The guardrail '{guardrail.name}' has the margin {guardrail.margin:g}; {found.tried[-1]:g} was accepted by its calibration.",
            fix=RECALIBRATE,
        )
    tie = tie_of(knowledge, guardrail, planning, model=model)
    if tie != found.tie:
        parts = differing(tie, found.tie) or ["something"]
        verb = "differs" if len(parts) == 1 else "differ"
        raise GuardrailError(f"The guardrail '{guardrail.name}' was calibrated for something else: {' and '.join(parts)} {verb}.", fix=RECALIBRATE)


def _check_names(own: tuple[Guardrail, ...], added: tuple[Guardrail, ...]) -> None:
    names = [guardrail.name for guardrail in own]
    for guardrail in added:
        if guardrail.name in names:
            raise GuardrailError(
                f"The task brings a guardrail '{guardrail.name}', and the agent has one of that name.",
                expected="another name: a task adds guardrails, it replaces none",
            )
    names += [guardrail.name for guardrail in added]
    for name in names:
        if names.count(name) > 1:
            raise GuardrailError(f"Two guardrails are called '{name}'.", expected="a name for each")
    fallbacks = {guardrail.fallback for guardrail in (*own, *added)}
    if len(fallbacks) > 1 and any(fallback.resumes for fallback in fallbacks):
        raise GuardrailError(
            "One guardrail falls back to the last safe plan, and another to something else.", expected="the same fallback for all of them then"
        )


def _altered(what: str) -> GuardrailError:
    return GuardrailError(f"{what} was altered after the agent was built; no action leaves it any more.", fix=REBUILD)


def _bytes(actions: Tensor) -> bytes:
    return actions.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
