"""What a guardrail rests on, as fingerprints: of the model, the readouts, the requirement, and of how the agent plans."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from telos.core.acting import Mode
from telos.core.config import class_path
from telos.core.contracts import AbstractPlanner, AbstractRisk
from telos.core.functions import fingerprint_of_function
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge
from telos.core.top_down import TopDown
from telos.core.weights import fingerprint as fingerprint_of_weights

DIGITS = 16
"""Of a part's fingerprint in a tie."""
NAMES = {
    "model": "the world model",
    "readouts": "the readouts that it speaks of",
    "requirement": "the requirement",
    "fallback": "the fallback",
    "planner": "the planner",
    "horizon": "the planner's horizon",
    "replan_every": "the interval of replanning",
    "mode": "the mode",
    "risk": "the risk",
    "proposals": "the number of proposals",
    "levels": "the levels that plan",
    "top_down": "how levels plan together",
    "time_to_go": "the critic of time",
}
"""Parts of a tie, for people."""


class Planning(Protocol):
    """How an agent plans: `AgentSettings`, or an `Intent`."""

    @property
    def planner(self) -> AbstractPlanner: ...
    @property
    def replan_every(self) -> int: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def risk(self) -> AbstractRisk | None: ...
    @property
    def proposals(self) -> int: ...
    @property
    def levels(self) -> int: ...
    @property
    def top_down(self) -> TopDown: ...
    @property
    def time_to_go(self) -> str | None: ...


def fingerprint_of(value: Any) -> str:
    """Of a value, all that is in it, and functions by their text."""
    return hashlib.sha256(_described(value).encode()).hexdigest()


def quantities_of(guardrail: Guardrail) -> tuple[str, ...]:
    """What a guardrail and its fallback read."""
    return tuple(dict.fromkeys((*guardrail.requirement.quantities, *guardrail.fallback.quantities)))


def tie_of(knowledge: Knowledge, guardrail: Guardrail, settings: Planning, *, model: str | None = None) -> str:
    """What a calibration is valid for: `model=... readouts=... requirement=... fallback=... planner=... horizon=12 replan_every=2`,
    and the mode, risk, proposals, levels and critic of time where they are not as always. Of the levels all count that may plan; how many of
    them do in an episode is for the configurator to say, calibrated or not. A policy is no part of it: it may go on learning, and the gate binds it.

    Margin and alpha are no part of it: they are what a calibration finds, and what it was asked for.

    Args:
        model: the fingerprint of the world model's weights, where it is known already.

    Raises:
        UnknownNameError: the agent cannot read a quantity.
    """
    parts = _parts(model or fingerprint_of_weights(knowledge.world_model), knowledge, guardrail, settings)
    return " ".join(f"{name}={value}" for name, value in parts.items())


def differing(tie: str, other: str) -> tuple[str, ...]:
    """The parts of two ties that are not the same, for people."""
    first, second = ({name: value for name, _, value in (part.partition("=") for part in whole.split())} for whole in (tie, other))
    return tuple(text for name, text in NAMES.items() if first.get(name) != second.get(name))


def leads(settings: Planning) -> bool:
    """Whether something leads the lowest level: levels above it, or subgoals of a critic."""
    return settings.levels > 1 or settings.top_down.subgoals == "critic"


def unusual(settings: Planning) -> dict[str, str]:
    """What of the way of planning differs from planning as always; what is as always is not spoken of, so that older ties hold."""
    found: dict[str, str] = {} if settings.mode == "plan" else {"mode": settings.mode}
    if settings.risk is not None:
        found["risk"] = fingerprint_of(settings.risk)[:DIGITS]
    if settings.proposals:
        found["proposals"] = str(settings.proposals)
    if settings.levels > 1:
        found["levels"] = str(settings.levels)
    if leads(settings) and settings.top_down != TopDown():
        found["top_down"] = fingerprint_of(settings.top_down)[:DIGITS]
    return found if settings.time_to_go is None else {**found, "time_to_go": settings.time_to_go}


def weights_above(knowledge: Knowledge, settings: Planning) -> dict[str, str]:
    """Fingerprints of the levels that may plan, and of the critics of time that may have a say; nothing where neither is asked for."""
    found: dict[str, str] = {}
    if settings.levels > 1:
        found["levels"] = fingerprint_of([fingerprint_of_weights(level) for level in knowledge.levels[: settings.levels - 1]])
    if leads(settings) or settings.time_to_go is not None:
        # Where levels plan under guardrails, a critic vetoes subgoals also if none is named.
        heard = sorted(knowledge.times) if settings.time_to_go is None else [settings.time_to_go]
        found["time_to_go"] = fingerprint_of([(name, fingerprint_of_weights(knowledge.time_to_go(name))) for name in heard])
    return found


def _parts(model: str, knowledge: Knowledge, guardrail: Guardrail, settings: Planning) -> dict[str, str]:
    readouts = [(name, fingerprint_of_weights(knowledge.readout(name))) for name in sorted(quantities_of(guardrail))]
    planner = {field.name: getattr(settings.planner, field.name) for field in dataclasses.fields(settings.planner) if field.name != "horizon"}
    return {
        "model": model[:DIGITS],
        "readouts": fingerprint_of(readouts)[:DIGITS],
        "requirement": fingerprint_of(guardrail.requirement)[:DIGITS],
        "fallback": fingerprint_of(guardrail.fallback)[:DIGITS],
        "planner": fingerprint_of((class_path(type(settings.planner)), planner))[:DIGITS],
        "horizon": str(settings.planner.horizon),
        "replan_every": str(settings.replan_every),
        **unusual(settings),
        **_above(knowledge, settings),
    }


def _above(knowledge: Knowledge, settings: Planning) -> dict[str, str]:
    """How many levels, which critic, and what they are."""
    named = unusual(settings)
    return {name: f"{named.get(name, 'any')}-{value[:DIGITS]}" for name, value in weights_above(knowledge, settings).items()}


def _described(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ",".join(f"{field.name}={_described(_field(value, field.name))}" for field in dataclasses.fields(value))
        return f"{class_path(type(value))}({fields})"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key!r}:{_described(part)}" for key, part in sorted(value.items())) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(map(_described, value)) + "]"
    if callable(value) and not isinstance(value, type):
        return fingerprint_of_function(value)
    return repr(value)


def _field(value: Any, name: str) -> Any:
    # A function that was named by its path counts by what it computes.
    return value.loaded if name == "function" and hasattr(type(value), "loaded") else getattr(value, name)
