"""Numbers with their company: success beside floors, and what can be read from the latents beside what anybody could read."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

NAMES = {"random": "random actions", "zero": "no action at all", "scripted": "scripted expert", "guarded expert": "expert under the guardrails"}


def percent(value: float | None) -> str:
    """`0.985` as `98.5 %`; a dash for what is no number."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def interval(row: Mapping[str, Any]) -> str:
    """`93.0 to 98.3`, in percent."""
    return f"{100 * row['success_low']:.1f} to {100 * row['success_high']:.1f}"


def success_table(evaluation: Mapping[str, Any]) -> str:
    """The agent above its floors."""
    rows = {"the agent": evaluation, **{NAMES[name]: row for name, row in evaluation["floors"].items()}}
    head = '<tr><th></th><th class="bar"></th><th>success</th><th>95 % interval</th><th>at any step</th><th>steps</th></tr>'
    body = "".join(_success_row(name, row, is_us=row is evaluation) for name, row in rows.items())
    return f'<div class="scroll"><table>{head}{body}</table></div>'


def _success_row(name: str, row: Mapping[str, Any] | None, *, is_us: bool) -> str:
    if row is None:
        return f'<tr><td>{escape(name)}</td><td class="bar"></td><td>–</td><td>not in this world</td><td>–</td><td>–</td></tr>'
    steps = row["steps"]
    cells = (percent(row["success"]), interval(row), percent(row["success_any"]), f"{steps:.0f}" if steps and math.isfinite(steps) else "–")
    bar = interval_bar(row["success"], row["success_low"], row["success_high"], "us" if is_us else "floor")
    return f'<tr{" class=us" if is_us else ""}><td>{escape(name)}</td><td class="bar">{bar}</td>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def interval_bar(value: float, low: float, high: float, colour: str) -> str:
    """A dot with its interval, on a line from 0 to 100 %."""
    left, value, right = (5 + 190 * share for share in (low, value, high))
    return (
        '<svg viewBox="0 0 200 18" preserveAspectRatio="none" aria-hidden="true"><line class="axis" x1="5" x2="195" y1="9" y2="9"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="9" y2="9" style="stroke:var(--{colour})" stroke-width="3"/>'
        f'<rect x="{value - 3:.1f}" y="3" width="6" height="12" rx="1.5" style="fill:var(--{colour})"/></svg>'
    )


def probe_table(probes: Sequence[Mapping[str, Any]]) -> str:
    """Share of the variance of each true quantity that can be read from the latents, beside the floors."""
    titles = ("R² of", "the model's latents", "the same, linear readout", "an untrained encoder's", "PCA of the observation")
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
    rows = []
    for probe in probes:
        values = "".join(f"<td>{_score(probe[kind])}</td>" for kind in ("latent", "linear", "untrained", "pca"))
        rows.append(f"<tr><td>{escape(str(probe['quantity']))}</td>{values}</tr>")
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _score(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}".replace("-", "−")
