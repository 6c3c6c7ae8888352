"""What the page about a store shows, a section a question."""

from html import escape

from telos.core.spaces import DiscreteSpace
from telos.data import AbstractEpisodes
from telos.data.survey.outliers import Finding
from telos.data.survey.statistics import Statistic
from telos.data.survey.survey import Survey
from telos.evaluation.dataset_report import drawings
from telos.evaluation.dataset_report.looks import evenly, look
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.page import Section

MOST_SHOWN = 6
"""Episodes of each kind that are shown."""
MOST_POINTS = 400
"""Of a curve over the episodes."""


def findings(survey: Survey) -> Section:
    """Everything that somebody should look at, a sentence each."""
    if not survey.findings:
        return Section(title="What to look at", says="Nothing stood out.", body="", note=_RULE)
    listed = "".join(f"<li>{escape(finding.says)}</li>" for finding in survey.findings)
    num = len(survey.findings)
    says = f"{num} thing{'' if num == 1 else 's'} stood out. None need be wrong; all are worth a look before hours of training go in."
    return Section(title="What to look at", says=says, body=f"<ul>{listed}</ul>", note=_RULE)


_RULE = (
    "An episode stands apart if it lies five robust deviations or more from the median of all episodes. Steps are counted from 0; a change "
    "at step 14 "
    "lies between frames 14 and 15."
)


def contact_sheet(logs: AbstractEpisodes) -> Section:
    """Some episodes, spread over the logs."""
    chosen = evenly(logs.num_episodes, MOST_SHOWN)
    body = "".join(look(logs, index, f"episode {index}") for index in chosen)
    says = f"{len(chosen)} of {logs.num_episodes:,} episodes, spread evenly from the first to the last, each from its beginning to its end."
    return Section(title="A look at the episodes", says=says, body=body)


def odd_episodes(logs: AbstractEpisodes, survey: Survey) -> Section | None:
    """The episodes that stand apart; None if none do."""
    shown: dict[int, tuple[Finding, int | None]] = {}
    for finding in survey.findings:
        for place, index in enumerate(finding.episodes[:2]):
            shown.setdefault(index, (finding, finding.times[place] if finding.times else None))
    if not shown:
        return None
    pieces = []
    for index, (finding, at) in list(shown.items())[:MOST_SHOWN]:
        pieces.append(f'<p class="note">{escape(finding.says)}</p>{look(logs, index, f"episode {index}", at)}')
    says = "The worst of each kind. Where it is known at which step, the frames around it are shown, and the one that it leads to is framed."
    return Section(title="Episodes that look wrong", says=says, body="".join(pieces))


def actions(logs: AbstractEpisodes, survey: Survey) -> Section:
    """What was done."""
    space, use = logs.spaces.action, survey.actions
    drawn = [histogram for histogram in survey.coverage.histograms if histogram.column == "action"]
    charts = []
    for histogram in drawn:
        if isinstance(space, DiscreteSpace):
            charts.append(drawings.bars(histogram, f"choices 0 to {space.num - 1}"))
            continue
        used = use.numbers[histogram.number].used
        share = "" if used is None else f" · {100 * used:.0f} % of its range"
        bounds = (float(space.bounds[0][histogram.number]), float(space.bounds[1][histogram.number]))
        charts.append(drawings.bars(histogram, f"number {histogram.number}{share}", bounds))
    says = "How often each action was taken. A model knows nothing of actions that were never tried, and a planner may try them all."
    box = "" if use.box is None else f"Of the cells of the whole action box (ten along each number), {100 * use.box:.0f} % were visited. "
    dead = f"Never changed, or never chosen: {', '.join(map(str, use.dead))}. " if use.dead else ""
    return Section(title="What was done", says=says, body=f'<div class="three">{"".join(charts)}</div>', note=box + dead)


def states(survey: Survey) -> Section | None:
    """Which readings and places were seen; None for pictures alone."""
    drawn = [histogram for histogram in survey.coverage.histograms if histogram.column != "action"]
    if not drawn:
        return None
    charts = "".join(drawings.bars(histogram, f"{histogram.column} · {histogram.number}") for histogram in drawn)
    maps = "".join(drawings.places(part, f"{part.column}, numbers {part.numbers[0]} and {part.numbers[1]}") for part in survey.coverage.maps)
    says = "How often each number took which value, and where two of them were together. Goals in empty places ask the model for what it never saw."
    near = survey.duplicates
    note = (
        f"Of {near.num_frames:,} frames, {100 * near.share:.0f} % have a frame of another episode nearer than a tenth of what a usual step "
        "changes: the "
        "denser the logs, the more. Columns that begin with info are the true state, for evaluation only."
    )
    body = f'<div class="three">{charts}</div>' + (f'<div class="three">{maps}</div>' if maps else "")
    return Section(title="Where it went", says=says, body=body, note=note)


def statistics(survey: Survey) -> Section:
    """One number of every episode, in the order in which they were logged."""
    charts = "".join(_over_episodes(part) for part in survey.statistics)
    says = "One number of every episode, in the order in which they were logged. A step or a slope means that something changed while they were made."
    note = "Changes between frames are measured on small grey pictures and on readings in units of their deviation."
    return Section(title="From the first episode to the last", says=says, body=f'<div class="two">{charts}</div>', note=note)


def _over_episodes(statistic: Statistic) -> str:
    values = statistic.values
    stride = -(-len(values) // MOST_POINTS)
    # Of each stretch the most extreme value: an odd episode must not fall between two points.
    middle = sorted(values)[len(values) // 2]
    picked = [
        max(range(start, min(start + stride, len(values))), key=lambda index: abs(values[index] - middle)) for start in range(0, len(values), stride)
    ]
    line = Line(label="", x=list(map(float, picked)), y=[float(values[index]) for index in picked])
    unit = f", {statistic.unit}" if statistic.unit else ""
    title = statistic.says.removeprefix("the ")
    return Chart(title=title[0].upper() + title[1:] + unit, x_label="episode", lines=(line,), height=170).svg()


def columns(survey: Survey) -> str:
    """All columns with their ranges."""
    head = "<tr><th>column</th><th>kind</th><th>shape</th><th>least</th><th>mean</th><th>most</th><th>unit</th></tr>"
    rows = []
    for name, column in survey.inspection.columns.items():
        values = "".join(f"<td>{'–' if value is None else f'{value:.4g}'}</td>" for value in (column.low, column.mean, column.high))
        shape = " × ".join(map(str, column.shape)) or "1"
        rows.append(f"<tr><td>{escape(name)}</td><td>{escape(column.dtype)}</td><td>{shape}</td>{values}<td>{escape(column.unit) or '–'}</td></tr>")
    return f'<div class="scroll"><table class="tight">{head}{"".join(rows)}</table></div>'
