"""Over-optimisation: what becomes of a rating when a search presses on it.

A critic is right about what people compared, and wrong somewhere else. The more candidates a search looks at, the likelier the best of
them is one that the critic overrates. So the true rating rises with pressure at first, and may fall after that, while the critic's own
number goes on rising.

Source: Gao, Schulman and Hilton (2022), "Scaling laws for reward model overoptimization", arXiv 2210.10760.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from telos.core.errors import ConfigError


@dataclass(frozen=True)
class Pressure:
    """The best of several candidates, on average; in deviations between candidates, from their mean."""

    candidates: int
    """That the search chose among."""
    predicted: float
    """What the critic thought of the chosen one."""
    true: float
    """What it was worth."""


def best_of(
    predicted: Float[np.ndarray, " candidates"],
    true: Float[np.ndarray, " candidates"],
    rng: np.random.Generator,
    chosen_by: Float[np.ndarray, " candidates"] | None = None,
    counts: Sequence[int] = (1, 4, 16, 64, 256, 1024),
    tries: int = 400,
) -> list[Pressure]:
    """How the chosen one fares, the more there are to choose from.

    Args:
        predicted: the critic's mean rating of each candidate.
        true: what each is worth.
        rng: which candidates a try has to choose from.
        chosen_by: what the search maximises; None: the mean rating.
        counts: numbers of candidates; those beyond what there is are left out.

    Raises:
        ConfigError: fewer than two candidates, or all alike.
    """
    chosen_by = predicted if chosen_by is None else chosen_by
    if len(true) < 2 or not (predicted.std() > 0 and true.std() > 0):
        raise ConfigError("Pressure is measured among different candidates.", expected="2 or more, not all alike")
    claims, worth = ((value - value.mean()) / value.std() for value in (predicted, true))
    found = []
    for count in counts:
        if count > len(true):
            break
        best = [some[np.argmax(chosen_by[some])] for some in (rng.choice(len(true), count, replace=False) for _ in range(tries))]
        found.append(Pressure(count, float(claims[best].mean()), float(worth[best].mean())))
    return found


def draw_claims(claims: Sequence[dict[str, float]], path: Path) -> Path:
    """Held-out answers: how sure the critic was, against how often people agreed. On the line it knows what it knows."""
    points = [(row["claimed"], row["confirmed"], row["answers"]) for row in claims]
    dots = "".join(f'<circle cx="{_x(claimed):.1f}" cy="{_y(confirmed):.1f}" r="{3 + answers**0.5:.1f}"/>' for claimed, confirmed, answers in points)
    empty = "" if points else '<text x="180" y="150" text-anchor="middle">no check has been answered so far</text>'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_CLAIMS.format(dots=dots, empty=empty), encoding="utf-8")
    return path


def _x(claimed: float) -> float:
    return 50 + 280 * (np.clip(claimed, 0.5, 1) - 0.5) * 2


def _y(confirmed: Any) -> float:
    return 20 + 240 * (1 - float(confirmed))


_CLAIMS = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 320" font-family="system-ui, sans-serif" font-size="12">
<style>text {{ fill: #6d7079 }} line, path {{ stroke: #b9b5ab; fill: none }} circle {{ fill: #c4412f; opacity: .85 }}</style>
<path d="M50 20V260H330"/><line x1="50" y1="140" x2="330" y2="20" stroke-dasharray="4 4"/>
<text x="44" y="24" text-anchor="end">100 %</text><text x="44" y="144" text-anchor="end">50 %</text><text x="44" y="264" text-anchor="end">0 %</text>
<text x="50" y="278">50 %</text><text x="330" y="278" text-anchor="end">100 %</text>
<text x="190" y="300" text-anchor="middle">how sure the critic was</text><text x="60" y="14">agreed, of answers that it had not seen</text>
{dots}{empty}</svg>
"""
