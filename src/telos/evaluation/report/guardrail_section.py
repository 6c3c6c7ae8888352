"""Guardrails in the report: who broke them, what margins cost, and where the agent went."""

from collections.abc import Mapping
from html import escape
from typing import Any

from telos.core.run import Run
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.page import Section
from telos.evaluation.report.pictures import data_uri
from telos.evaluation.report.tables import NAMES, interval_bar, percent

PICTURE, CALIBRATION = "guardrails.png", "calibration.json"
"""What `telos calibrate` leaves in a run's folder."""


def guardrails(run: Run, evaluation: Mapping[str, Any]) -> Section:
    """Violations by the true state, of everybody who played; then what a calibration tried, and what it looks like."""
    told = evaluation["guardrails"]
    body = "".join(_table(row) for row in told["rows"])
    picture, calibration = run.path / PICTURE, run.path / CALIBRATION
    if picture.is_file():
        body += (
            f'<figure><img src="{data_uri(picture.read_bytes(), "image/png")}" alt="ways with and without guardrails" style="image-rendering:auto">'
        )
        body += "<figcaption>From the calibration: fresh starts with (blue) and without (red) the guardrails.</figcaption></figure>"
    if calibration.is_file():
        body += _margins(run.read_json(CALIBRATION))
    if told["in_force"]:
        share = percent(told["fallback_share"])
        says = f"The agent's own model never judges here: the true state does. In {share} of its steps no plan was safe, and the fallback acted."
    else:
        says = "The agent did not know of these guardrails: this is what it does without them, judged by the true state."
    only = "Only starts and goals were played between which the usual way breaks a guardrail. " if told["conflicts_only"] else ""
    note = only + "A guardrail is broken if its value by the true state is above 0 after any step of the episode."
    return Section(title="Guardrails", says=says, body=body, note=note)


def _table(row: Mapping[str, Any]) -> str:
    head = '<tr><th></th><th class="bar"></th><th>broke it</th><th>95 % interval</th><th>episodes</th><th>farthest beyond</th></tr>'
    rows = []
    for who, counts in row["contestants"].items():
        name = "the agent" if who == "agent" else NAMES.get(who, who)
        bar = interval_bar(counts["violated"], counts["violated_low"], counts["violated_high"], "us" if who == "agent" else "floor")
        between = f"{100 * counts['violated_low']:.1f} to {100 * counts['violated_high']:.1f}"
        worst = f"{max(counts['worst'], 0.0):.3g}" if counts["violations"] else "–"
        cells = "".join(f"<td>{cell}</td>" for cell in (percent(counts["violated"]), between, counts["violations"], worst))
        rows.append(f'<tr{" class=us" if who == "agent" else ""}><td>{escape(name)}</td><td class="bar">{bar}</td>{cells}</tr>')
    margin = "" if row["margin"] is None else f", margin {row['margin']:.3g}{'' if row['calibrated'] else ' (not calibrated)'}"
    title = f"<p><strong>{escape(row['name'])}</strong>: in at most {100 * row['alpha']:g} % of the episodes{margin}</p>"
    return f'{title}<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _margins(calibration: Mapping[str, Any]) -> str:
    """What each margin that was tried cost, and what it was proved to allow."""
    trials = calibration.get("trials", [])[::-1]
    if len(trials) < 2:
        return ""
    name = next(iter(trials[0]["margins"]))
    x = [trial["margins"][name] for trial in trials]
    lines = (
        Line(label="reaches the goal", x=x, y=[100 * trial["success"] for trial in trials], colour="us", dots=True),
        Line(label="may break it, at most", x=x, y=[100 * trial["bounds"][name] for trial in trials], colour="bad", dots=True),
    )
    alpha = 100 * calibration["alphas"][name]
    return Chart(title=f"the margins that were tried, % of the episodes ({name})", x_label="margin", lines=lines, levels=((alpha, "alpha"),)).svg()
