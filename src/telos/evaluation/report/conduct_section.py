"""Fast and slow: how often the agent searched, how often it simply acted, why, how practice changed that, and what surprised it."""

import json
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from telos.core.run import Run
from telos.evaluation.conduct import PRACTICE
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.episode import Episode
from telos.evaluation.report.page import Section
from telos.evaluation.report.tables import percent

WORDS = {"plan": ("planned", "us"), "react": ("reacted", "good")}


def has_conduct(run: Run, evaluation: Mapping[str, Any] | None) -> bool:
    """Whether there is more to tell than that it always searched."""
    conduct = (evaluation or {}).get("conduct") or {"mode": "plan", "surprise": None}
    return conduct["mode"] != "plan" or conduct["surprise"] is not None or (run.path / PRACTICE).is_file()


def conduct(run: Run, evaluation: Mapping[str, Any] | None, episodes: Sequence[Episode]) -> Section:
    """Shares of steps by mode and reason, the curve from slow to fast, and surprise over time."""
    told = (evaluation or {}).get("conduct")
    says, notes, body = [], [], ""
    if told is not None and told["mode"] != "plan":
        says.append(
            f"In {percent(told['modes']['react'])} of its {told['steps']:,} steps the agent simply acted, as its policy says; "
            f"in the others it searched: {told['searches']:,} searches where an agent that always plans would have made {told['decisions']:,}."
        )
        body += _reasons(told["reasons"])
    charts = []
    if lines := read_practice(run):
        says.append("Left to practise a new task, it begins slow, by planning, and becomes fast by itself.")
        charts.append(_slow_to_fast(lines))
    if told is not None and told["surprise"] is not None:
        below = told["surprise"]["below"]
        shares = ", and ".join(f"{percent(share)} are below {level}" for level, share in below.items())
        notes.append(
            f"Surprise: of the p-values of all steps {shares}. In episodes like the logged ones as many are as the level says; more where the agent "
            "goes where the logs seldom went, and where the world has changed."
        )
        if chart := _surprise_over_time(episodes, told["surprise_level"]):
            charts.append(chart)
    if charts:
        body += f'<div class="two">{"".join(chart.svg() for chart in charts)}</div>'
    return Section(title="Fast and slow", says=" ".join(says) or "What was usual to it, and what was not.", body=body, note=" ".join(notes))


def read_practice(run: Run) -> list[dict[str, Any]]:
    """What practice left, block by block; a last line that was cut off by a crash does not count."""
    file, found = run.path / PRACTICE, []
    if not file.is_file():
        return found
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), (int, float)) for key in ("episodes", "planned", "success")):
            break
        found.append(entry)
    return found


def _reasons(reasons: Sequence[Mapping[str, Any]]) -> str:
    head = "<tr><th>what it did</th><th>why</th><th></th><th>of all steps</th></tr>"
    rows = []
    for part in reasons:
        word, colour = WORDS[part["mode"]]
        bar = (
            '<svg viewBox="0 0 200 18" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect x="0" y="4" width="{max(200 * part["share"], 0.8):.1f}" height="10" rx="2" style="fill:var(--{colour})"/></svg>'
        )
        cells = f'<td class="why">{escape(part["why"])}</td><td class="bar">{bar}</td><td>{percent(part["share"])}</td>'
        rows.append(f'<tr><td style="color:var(--{colour})">{word}</td>{cells}</tr>')
    return f'<div class="scroll"><table class="reasons">{head}{"".join(rows)}</table></div>'


def _slow_to_fast(lines: Sequence[Mapping[str, Any]]) -> Chart:
    x = [float(line["episodes"]) for line in lines]
    curves = (
        Line(label="reached", x=x, y=[100 * line["success"] for line in lines], colour="good", dots=True),
        Line(label="planned", x=x, y=[100 * line["planned"] for line in lines], colour="us", dots=True),
    )
    return Chart(title="From slow to fast, % of episodes and of steps", x_label="episodes practised", lines=curves, height=220)


def _surprise_over_time(episodes: Sequence[Episode], level: float) -> Chart | None:
    """Step by step, over the first attempts: the median of the p-values, and the least."""
    ways = [[moment["surprise"] for moment in episode.moments] for episode in episodes]
    longest = max(map(len, ways), default=0)
    steps = [[way[step] for way in ways if step < len(way) and way[step] is not None] for step in range(longest)]
    if not any(steps):
        return None
    x = list(map(float, range(longest)))
    lines = (
        Line(label="median", x=x, y=[statistics.median(values) if values else None for values in steps], colour="floor"),
        Line(label="least", x=x, y=[min(values) if values else None for values in steps], colour="bad"),
    )
    title = f"How usual each step was (p), {len(ways)} attempts"
    return Chart(title=title, x_label="step", lines=lines, log=True, levels=((level or 0.01, "surprise"),), height=220)
