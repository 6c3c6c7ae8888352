"""Plans of which some rows come from elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from telos.core.types import Batched, Choice, Plan


def merge_plans(rows: Bool[Tensor, " batch"], before: Plan, anew: Plan) -> Plan:
    """`before`, but for the `rows` of `anew`, which holds these alone; the trace is that of `anew`. What only one of them has is left out."""
    names = [name for name in vars(before) if name not in ("trace", "choice")]
    parts = {name: _merged(rows, getattr(before, name), getattr(anew, name)) for name in names}
    return Plan(**parts, choice=_merged_choice(rows, before.choice, anew.choice), trace=anew.trace)


def _merged(rows: Tensor, before: Any, anew: Any) -> Any:
    if before is None or anew is None:
        return None
    if isinstance(before, Tensor):
        return before.index_put((rows,), anew.to(before.dtype))
    if isinstance(before, Mapping):
        return {name: _merged(rows, value, anew[name]) for name, value in before.items()}
    if isinstance(before, Batched):
        return replace(before, **{name: _merged(rows, value, getattr(anew, name)) for name, value in vars(before).items()})  # type: ignore[type-var]
    return anew


def _merged_choice(rows: Tensor, before: Choice | None, anew: Choice | None) -> Choice | None:
    if before is None or anew is None:
        return None
    reasons = tuple(dict.fromkeys((*before.reasons, *anew.reasons)))

    def places(choice: Choice) -> Tensor:
        return torch.tensor([reasons.index(text) for text in choice.reasons], device=rows.device)[choice.reason]

    reason = places(before).index_put((rows,), places(anew))
    return Choice(planned=before.planned.index_put((rows,), anew.planned), reason=reason, reasons=reasons)
