"""Which margins are tried, and in which order: decided before any episode is played."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail

MULTIPLES = (1.5, 1.0, 0.7, 0.5, 0.35)
"""Of the open-loop estimate, from the widest on."""


def margins_from(scales: Mapping[str, float], multiples: Sequence[float] = MULTIPLES) -> list[dict[str, float]]:
    """All guardrails' margins side by side, as multiples of their open-loop estimates; the widest first.

    Where there is nothing to multiply, since no guardrail is graded, the one candidate is 0.

    Raises:
        ConfigError: a multiple is negative, or they do not become smaller.
    """
    _check_order("multiples", multiples)
    if not any(scales.values()):
        return [dict.fromkeys(scales, 0.0)]
    return [{name: multiple * scale for name, scale in scales.items()} for multiple in multiples]


def margins_given(guardrails: Sequence[Guardrail], margins: Sequence[float]) -> list[dict[str, float]]:
    """Margins that somebody asked for, in the guardrail's unit.

    Raises:
        ConfigError: there are several guardrails, which have units of their own; or a margin is negative, or not below the one before.
    """
    graded = [guardrail.name for guardrail in guardrails if guardrail.requirement.graded]
    if len(graded) != 1:
        raise ConfigError(
            f"Margins are given in a guardrail's own unit, and {len(graded)} guardrails can have one.",
            fix="leave out --margins, or say --multiples 2,1,0.5 of what the logs suggest for each",
        )
    _check_order("margins", margins)
    return [{guardrail.name: margin if guardrail.name in graded else 0.0 for guardrail in guardrails} for margin in margins]


def _check_order(what: str, numbers: Sequence[float]) -> None:
    if not numbers or any(not number >= 0 for number in numbers) or any(not later < first for first, later in pairwise(numbers)):
        raise ConfigError(
            f"The {what} {', '.join(f'{number:g}' for number in numbers) or 'are none'} cannot be tested in this order.",
            expected="numbers of 0 or more, each below the one before: the test begins with the widest margin, and stops at the first that fails",
        )
