"""What logs alone can tell: the page of verdicts, and what plans recovered."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.page import Section

SIGNS = {"go": "good", "caution": "ochre", "no-go": "bad"}
"""Colour of each verdict."""
LINES = {
    "planned": ("the plan", "us"),
    "mean": ("mean action", "floor"),
    "zero": ("zero action", "ochre"),
    "random": ("random", "bad"),
    "elsewhere": ("done elsewhere", "violet"),
}


def go_or_no_go(offline: Mapping[str, Any]) -> Section:
    """Every verdict with its numbers and its rule, and what they do not show."""
    level = offline["overall"]
    words = {"go": "nothing speaks against going on", "caution": "go on with care", "no-go": "do not go on like this"}
    says = (
        f"No environment was at hand, so the model was judged by {offline['held_out_episodes']:,} recorded episodes that it was not trained on. "
        f"On the whole: {_badge(level)} {words[level]}. A chain is as good as its weakest link, so the worst verdict counts."
    )
    rows = "".join(_verdict(verdict) for verdict in offline["verdicts"])
    missing = "".join(f"<li>{escape(sentence)}</li>" for sentence in offline["not_shown"])
    body = f'<div class="scroll"><table class="verdicts">{rows}</table></div><p class="note">What no verdict shows:</p><ul>{missing}</ul>'
    note = "In brackets: 95 % intervals, from drawing whole episodes again. The lines between the verdicts are conventions; the numbers are not."
    return Section(title="Go or no-go: what these logs support", says=says, body=body, note=note)


def action_recovery(offline: Mapping[str, Any]) -> Section:
    """How far plans between logged frames are from what was done, and how near to the goal they come in imagination."""
    says = (
        "The agent was given two frames of a recorded episode and planned from the first to the second. If it has understood its actions, "
        "its plan does "
        "what was done; the other lines are guesses that need no model. Lower is better, on the left and on the right."
    )
    note = (
        f"Left, the mean action between the two frames, so that the order does not matter. {offline['pairs']} pairs for each distance. Right, the "
        "squared distance in latent space between the goal and where the model imagines to end. The farther apart the frames, the more ways "
        "lead from one "
        "to the other, and the less an error on the left means."
    )
    charts = _chart(offline, "net_error", "Missed by, as a share of the range") + _chart(
        offline, "distance", "Imagined distance to the goal", logged=True
    )
    return Section(title="Do plans do what was done?", says=says, body=f'<div class="two">{charts}</div>{_table(offline)}', note=note)


def _verdict(verdict: Mapping[str, Any]) -> str:
    what = f'<p>{escape(verdict["says"])}</p><p class="note">{escape(verdict["rule"])}</p>'
    return f"<tr><td>{_badge(verdict['level'])}</td><th>{escape(verdict['question'])}</th><td>{what}</td></tr>"


def _badge(level: str) -> str:
    return f'<span class="badge" style="border-color:var(--{SIGNS[level]});color:var(--{SIGNS[level]})">{level}</span>'


def _chart(offline: Mapping[str, Any], measure: str, title: str, *, logged: bool = False) -> str:
    recovery = offline["action_recovery"]
    names = {**LINES, "logged": ("what was done", "good")} if logged else LINES
    gaps = [float(part["gap"]) for part in recovery]
    lines = []
    for name, (label, colour) in names.items():
        found = [part["contestants"].get(name) for part in recovery]
        if any(found):
            values = [None if one is None else one[measure]["value"] for one in found]
            lines.append(Line(label=label, x=gaps, y=values, colour=colour, dashed=name not in ("planned", "logged")))
    return Chart(title=title, x_label="steps between the frames", lines=tuple(lines), width=420).svg()


def _table(offline: Mapping[str, Any]) -> str:
    recovery = offline["action_recovery"]
    head = "<th>missed by, in %</th>" + "".join(f"<th>{part['gap']} step{'' if part['gap'] == 1 else 's'} apart</th>" for part in recovery)
    rows = []
    for name, (label, _) in LINES.items():
        found = [part["contestants"].get(name) for part in recovery]
        if any(found):
            cells = "".join(f"<td>{_percent(one['net_error']) if one else '–'}</td>" for one in found)
            rows.append(f"<tr{' class=us' if name == 'planned' else ''}><td>{label}</td>{cells}</tr>")
    return f'<div class="scroll"><table class="tight"><tr>{head}</tr>{"".join(rows)}</table></div>'


def _percent(estimate: Mapping[str, float | None]) -> str:
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if value is None:
        return "–"
    if low is None or high is None or math.isnan(low):
        return f"{100 * value:.1f}"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
