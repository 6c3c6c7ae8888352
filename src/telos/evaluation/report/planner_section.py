"""What thinking longer is worth: success against the CPU time of a plan, planner by planner."""

from collections.abc import Mapping
from html import escape
from typing import Any

from telos.core.config import short_name
from telos.evaluation.planner_curves import LADDERS
from telos.evaluation.report import tables
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.page import Section

COLOURS = ("us", "dream", "good", "violet", "ochre", "bad", "floor")
SHIPPED = tuple(short_name(kind) for kind in LADDERS)
"""A planner has its colour, whoever else is drawn."""


def planners(curves: Mapping[str, Any]) -> Section:
    """The curves and the table of what `telos evaluate RUN --planners` kept."""
    says = f"Success of {curves['episodes']} attempts at the same starts and goals, against what one plan costs. {escape(curves['says'])}"
    note = (
        "CPU time of one plan of an agent that acts alone, and of one of many that are planned side by side. The difference to the best is taken "
        f"pair by pair, in points. Whoever asks for --planner auto gets the cheapest that is at the worst {100 * curves['margin']:g} points "
        "behind the best."
    )
    return Section(title="What thinking longer is worth", says=says, body=planner_chart(curves).svg() + _table(curves), note=note)


def planner_chart(curves: Mapping[str, Any], *, title: str = "Success, in percent", width: int = 860, height: int = 360) -> Chart:
    """One line per planner over milliseconds of CPU time, with the floors, and a mark at the knee."""
    rows: Mapping[str, list[Mapping[str, Any]]] = {row["name"]: [] for row in curves["rows"]}
    for row in curves["rows"]:
        rows[row["name"]].append(row)
    lines = []
    own = [name for name in rows if name not in SHIPPED]
    for name, points in rows.items():
        index = (*SHIPPED, *own).index(name)
        points = sorted(points, key=lambda row: row["cpu_seconds"])
        style = {"colour": COLOURS[index % len(COLOURS)], "dashed": index >= len(COLOURS), "dots": True}
        times = [1000 * row["cpu_seconds"] for row in points]
        lines.append(Line(label=name, x=times, y=[100 * row["success"] for row in points], **style))
    levels = tuple((100 * floor["success"], f"{tables.NAMES[name]}") for name, floor in curves["floors"].items() if floor is not None)
    knee = None if curves["knee"] is None else curves["rows"][curves["knee"]]
    return Chart(
        title=title,
        x_label="CPU milliseconds for one plan",
        lines=tuple(lines),
        log_x=True,
        levels=levels,
        marks=() if knee is None else ((1000 * knee["cpu_seconds"], f"knee: {knee['setting']}"),),
        width=width,
        height=height,
    )


def _table(curves: Mapping[str, Any]) -> str:
    titles = ("", "success", "95 % interval", "to the best", "95 % interval", "ms alone", "ms in company")
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
    body = "".join(_row(row, chosen=index == curves["knee"]) for index, row in enumerate(curves["rows"]))
    return f'<div class="scroll"><table class="tight">{head}{body}</table></div>'


def _row(row: Mapping[str, Any], *, chosen: bool) -> str:
    low, high = (_points(row[f"difference_{end}"]) for end in ("low", "high"))
    times = (f"{1000 * row[name]:.1f}" for name in ("cpu_seconds", "cpu_seconds_together"))
    cells = (tables.percent(row["success"]), tables.interval(row), _points(row["difference"]), f"{low} to {high}", *times)
    return f"<tr{' class=us' if chosen else ''}><td>{escape(row['setting'])}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
