"""The film as a strip: what was seen above what was imagined, step by step."""

from html import escape

import numpy as np

from telos.evaluation.report.footage import Footage
from telos.evaluation.report.pictures import RGB, picture_uri

MOST_FRAMES = 9


def filmstrip(footage: Footage) -> str:
    """A grid of frames; the steps above, the goal at the end."""
    assert footage.pictures is not None
    times = np.unique(np.linspace(0, footage.num_steps, min(footage.num_steps + 1, MOST_FRAMES)).round().astype(int))
    with_goal = footage.goal is not None
    columns = f"86px repeat({len(times)}, 1fr)" + (" 10px 1fr" if with_goal else "")
    head = ['<div class="row">step</div>', *(f'<div class="step">{time}</div>' for time in times)]
    seen = [_name("seen"), *(_frame(footage.pictures[time], f"seen at step {time}") for time in times)]
    if footage.goal is not None:
        head += ["<div></div>", '<div class="step">goal</div>']
        seen += ["<div></div>", _frame(footage.goal, "the goal", kind="goal")]
    rows = [head, seen]
    if footage.gone_for is not None:
        cells = [_frame(footage.gone_for[time], f"gone for at step {time}", kind=_kind(footage, time)) for time in times]
        rows.append([_name("goes for"), *cells, *(["<div></div>"] * 2 if with_goal else [])])
    for way in footage.imagined:
        assert way.pictures is not None
        cells = [_imagined(way.pictures, time, way.label) for time in times]
        rows.append([_name(way.label), *cells, *(["<div></div>"] * 2 if with_goal else [])])
    cells = "".join(cell for row in rows for cell in row)
    return f'<div class="scroll"><div class="strip" style="grid-template-columns: {columns}">{cells}</div></div>'


def _name(label: str) -> str:
    return f'<div class="row">{escape(label)}</div>'


def _kind(footage: Footage, time: int) -> str:
    """The goal itself looks like the goal, also where it is gone for."""
    assert footage.gone_for is not None
    return "aim" if footage.goal is None or not np.array_equal(footage.gone_for[time], footage.goal) else "goal"


def _imagined(pictures: RGB, time: int, label: str) -> str:
    return '<div class="none">–</div>' if time == 0 else _frame(pictures[time - 1], f"{label}, step {time}")


def _frame(picture: RGB, text: str, *, kind: str = "") -> str:
    return f'<img class="{kind}" src="{picture_uri(picture)}" alt="{escape(text)}">'
