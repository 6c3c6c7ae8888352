"""A learning curve as a page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from telos.core.run import atomic_file
from telos.evaluation.learning_curve.curve import LearningCurve
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.page import Section, page

NUM_SAMPLES = 60
"""Places at which the law is drawn."""
COLOURS = ("us", "violet", "good", "ochre", "bad")


def write_curve_page(curve: LearningCurve, out: Path, *, title: str, failed: Sequence[str] = ()) -> Path:
    """Writes the page; `failed` are sentences on points that are missing."""
    sections = [error_section(curve), *([probe_section(curve)] if any(point.probes for point in curve.points) else [])]
    if failed:
        listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in failed)
        sections.append(Section(title="Points that are missing", says="These trainings came to nothing.", body=f"<ul>{listed}</ul>"))
    lead = [f"<strong>{escape(curve.says)}</strong>"]
    content = page(title=title, lead=lead, sections=sections, footer="Made by Telos; this page needs no network.")
    with atomic_file(out) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return out


def error_section(curve: LearningCurve) -> Section:
    """The error by number of episodes, and where it is heading."""
    ends = min(point.episodes for point in curve.points), 2 * curve.episodes
    ahead = np.geomspace(*ends, NUM_SAMPLES)
    draws = np.array([[law(num) for num in ahead] for law in curve.fit.draws])
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    lines = (
        Line(label="95 %", x=ahead.tolist(), y=high.tolist(), colour="floor", dashed=True),
        Line(label="", x=ahead.tolist(), y=low.tolist(), colour="floor", dashed=True),
        Line(label="the law", x=ahead.tolist(), y=[curve.fit.law(num) for num in ahead], colour="dream"),
        *(Line(label=f"seed {seed}", x=x, y=y, colour=COLOURS[number % len(COLOURS)]) for number, (seed, x, y) in enumerate(_by_seed(curve))),
    )
    marks = ((float(curve.episodes), "all that there are"),)
    chart = Chart(title='Error, as a share of "nothing moves"', x_label="episodes trained on", lines=lines, marks=marks, width=840, height=280).svg()
    says = (
        "Models of the same recipe, trained for equally long on more and more of the episodes, and judged on the same held-out ones. To the "
        "right of the "
        "line lies what was not measured: the law says where the curve is heading, and the dashed lines how sure that is."
    )
    law = curve.fit.law
    note = (
        f"The law: {law.level:.3g} + {law.slope:.3g} × episodes to the power of −{law.exponent:.2f}. From seed to seed, errors of equally "
        "many episodes "
        f"differ by {100 * curve.fit.noise:.0f} %. The law is a habit of learning curves, not a law of nature: twice the logs is as far as it "
        "should be "
        "trusted. Each seed draws other episodes, each larger part contains the smaller ones."
    )
    return Section(title="How the error falls", says=says, body=chart + _table(curve), note=note)


def probe_section(curve: LearningCurve) -> Section:
    """What can be read from the latents, by number of episodes."""
    names = list(dict.fromkeys(name for point in curve.points for name in point.probes))
    numbers = sorted({point.episodes for point in curve.points})
    lines = []
    for name, colour in zip(names, COLOURS, strict=False):
        means = [_mean([point.probes[name] for point in curve.points if point.episodes == num and name in point.probes]) for num in numbers]
        lines.append(Line(label=name, x=list(map(float, numbers)), y=means, colour=colour))
    chart = Chart(title="R²", x_label="episodes trained on", lines=tuple(lines), levels=((1.0, "perfect"),), width=840, height=220).svg()
    says = "The share of each true quantity's variance that can be read from the latents of held-out frames, mean over seeds."
    return Section(title="What the latents know", says=says, body=chart)


def _by_seed(curve: LearningCurve) -> list[tuple[int, list[float], list[float]]]:
    found = []
    for seed in sorted({point.seed for point in curve.points}):
        mine = sorted((point for point in curve.points if point.seed == seed), key=lambda point: point.episodes)
        found.append((seed, [float(point.episodes) for point in mine], [point.error for point in mine]))
    return found


def _table(curve: LearningCurve) -> str:
    rows = []
    for num in sorted({point.episodes for point in curve.points}):
        errors = [point.error for point in curve.points if point.episodes == num]
        spread = f"{min(errors):.3f} to {max(errors):.3f}" if len(errors) > 1 else "–"
        rows.append(f"<tr><td>{num:,}</td><td>{_mean(errors):.3f}</td><td>{spread}</td><td>{curve.fit.law(num):.3f}</td></tr>")
    head = "<tr><th>episodes</th><th>error, mean over seeds</th><th>from to</th><th>the law</th></tr>"
    return f'<div class="scroll"><table class="tight">{head}{"".join(rows)}</table></div>'


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
