"""Plans of which some rows come from elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import torch
from jaxtyping import Bool
from torch import Tensor

from telos.core.types import Aim, Batched, Choice, Plan, PlanTrace

Reasoned = TypeVar("Reasoned", Choice, Aim)


def merge_plans(rows: Bool[Tensor, " batch"], before: Plan, anew: Plan) -> Plan:
    """`before`, but for the `rows` of `anew`, which holds these alone; the trace is that of `anew`. What only one of them has is left out."""
    return Plan(**{name: _merged(rows, getattr(before, name), getattr(anew, name)) for name in vars(before)})


def merge_aims(rows: Bool[Tensor, " batch"], before: Aim, anew: Aim) -> Aim:
    """The same for aims, and for all that these serve."""
    return _merged(rows, before, anew)


def _merged(rows: Tensor, before: Any, anew: Any) -> Any:
    if before is None or anew is None:
        return None
    if isinstance(before, PlanTrace):
        return anew
    if isinstance(before, Tensor):
        return before.index_put((rows,), anew.to(before.dtype))
    if isinstance(before, Mapping):
        return {name: _merged(rows, value, anew[name]) for name, value in before.items()}
    if isinstance(before, Plan):
        return merge_plans(rows, before, anew)
    if isinstance(before, Choice):
        before, anew = _of_one_mind(before, anew)
    if isinstance(before, Aim):
        before, anew = _of_one_mind(before, anew)
    if isinstance(before, Batched):
        return replace(before, **{name: _merged(rows, value, getattr(anew, name)) for name, value in vars(before).items()})  # type: ignore[type-var]
    return anew


def _of_one_mind(before: Reasoned, anew: Reasoned) -> tuple[Reasoned, Reasoned]:
    """Both with the same reasons: all that either has."""
    reasons = tuple(dict.fromkeys((*before.reasons, *anew.reasons)))

    def renumbered(one: Reasoned) -> Reasoned:
        places = torch.tensor([reasons.index(text) for text in one.reasons], device=one.reason.device)
        return replace(one, reason=places[one.reason], reasons=reasons)

    return renumbered(before), renumbered(anew)
