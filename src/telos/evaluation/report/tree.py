"""A plan of several levels drawn as a tree: every level a row, every state of a row a picture, and what the row below goes for marked."""

import re
from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np

from telos.evaluation.report.pictures import RGB, picture_uri
from telos.evaluation.report.storeys import Storey

WIDTH, LEFT = 832, 112
"""Of the drawing, and where pictures begin; what a level is stands to the left."""
CELL, SIDE = 70, 58
"""From one picture to the next, and the side of one."""
HEAD, FOOT, GAP = 20, 20, 34
"""Above a row for why it helps, below it for the time, and down to the next row."""
MOST = 8
"""States of a level that are drawn."""
COLOURS = ("us", "violet", "ochre", "bad")
"""Of the levels, from the lowest; higher ones begin again."""
MARGIN = 4
ROOM = 10
"""Around a drawing that is a file of its own."""


def colour_of(level: int) -> str:
    """Name of a level's colour in the page."""
    return COLOURS[(level - 1) % len(COLOURS)]


def tree(storeys: Sequence[Storey], now: RGB | None) -> str:
    """The drawing as SVG.

    Args:
        storeys: the highest first.
        now: what is seen `[height width 3]`.
    """
    parts, row = [], HEAD + SIDE + FOOT + GAP
    placed = [(storey, _shown(storey), MARGIN + HEAD + row * index) for index, storey in enumerate(storeys)]
    for (storey, shown, top), (_, states, under) in _served(placed):
        assert storey.chosen is not None
        parts.append(_funnel(storey, shown.index(storey.chosen), top, len(states), under))
    for storey, shown, top in placed:
        parts.append(_row(storey, shown, top, now))
    height = MARGIN + row * len(storeys) - GAP + 6
    label = "the plan as a tree: " + ", ".join(f"level {storey.level}" for storey in storeys)
    return f'<svg class="tree" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def standalone(svg: str, style: str) -> str:
    """The drawing as a file of its own, with some room around it."""
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    box = f'viewBox="{-ROOM} {-ROOM} {width + 2 * ROOM:g} {height + 2 * ROOM:g}"'
    svg = re.sub(r'viewBox="0 0 [\d.]+ [\d.]+"', box, svg, count=1)
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f"><style>{style}</style>", 1)


def _served(placed: list[tuple[Storey, list[int], int]]):
    """Each level that helps, and the next one below it that does."""
    return list(pairwise(part for part in placed if part[0].helps))


def _shown(storey: Storey) -> list[int]:
    """States that are drawn: evenly spread, the last, and the chosen one."""
    num = storey.num
    chosen = set() if storey.chosen is None else {storey.chosen}
    spread = np.linspace(0, num - 1, min(num, MOST)).round().astype(int).tolist()
    if chosen <= set(spread):
        return spread
    nearest = min(spread[:-1], key=lambda step: abs(step - (storey.chosen or 0)))
    return sorted((set(spread) - {nearest}) | chosen)


def _row(storey: Storey, shown: list[int], top: int, now: RGB | None) -> str:
    colour = colour_of(storey.level)
    parts = [
        f'<text class="level" x="0" y="{top + 24}" style="fill:var(--{colour})">level {storey.level}</text>',
        *(f'<text x="0" y="{top + 40 + 13 * line}">{words}</text>' for line, words in enumerate(_clock(storey.stride))),
        f'<text class="why" x="{LEFT}" y="{top - 7}">{escape(storey.why)}</text>',
        _picture(now, 0, top, "now"),
    ]
    for place, step in enumerate(shown, start=1):
        picture = None if storey.pictures is None else storey.pictures[step]
        chosen = step == storey.chosen
        parts.append(
            _picture(picture, place, top, _time(storey.times[step]) if storey.times else "on the way", frame=colour if chosen else None, fill=colour)
        )
    parts.append(_arrow(len(shown) + 1, top))
    parts.append(_picture(storey.toward, len(shown) + 1.35, top, "goes for", frame="good" if storey.serves is None else colour_of(storey.serves)))
    return f'<g opacity="{1 if storey.helps else 0.4}">{"".join(parts)}</g>'


def _picture(picture: RGB | None, place: float, top: float, below: str, *, frame: str | None = None, fill: str = "floor") -> str:
    """A picture with a word below it; a dot where nothing can be drawn."""
    left = LEFT + CELL * place
    middle = left + SIDE / 2
    if picture is None:
        shape = f'<circle cx="{middle:.1f}" cy="{top + SIDE / 2:.1f}" r="{SIDE / 6:.1f}" style="fill:var(--{frame or fill})"/>'
    else:
        shape = f'<image href="{picture_uri(picture, SIDE)}" x="{left:.1f}" y="{top}" width="{SIDE}" height="{SIDE}"/>'
    ring = (
        f'<rect class="ring" x="{left - 2:.1f}" y="{top - 2}" width="{SIDE + 4}" height="{SIDE + 4}" rx="3" style="stroke:var(--{frame})"/>'
        if frame
        else ""
    )
    return f'{shape}{ring}<text x="{middle:.1f}" y="{top + SIDE + 14}" text-anchor="middle">{escape(below)}</text>'


def _arrow(place: int, top: float) -> str:
    x, y = LEFT + CELL * place - 3, top + SIDE / 2
    return f'<path class="arrow" d="M{x} {y}h13m-4 -4l4 4l-4 4"/>'


def _funnel(storey: Storey, chosen: int, top: float, num_below: int, under: float) -> str:
    """From now until the chosen state, to the whole of the row below."""
    upper, lower = top + SIDE + FOOT - 2, under - 4
    right, end = LEFT + CELL * (chosen + 1) + SIDE, LEFT + CELL * (num_below + 1.35) + SIDE
    points = f"{LEFT},{upper} {right},{upper} {end:.1f},{lower} {LEFT},{lower}"
    return f'<polygon points="{points}" style="fill:var(--{colour_of(storey.level)})" opacity="0.16"/>'


def _time(steps: int) -> str:
    return f"+{steps}" if steps > 0 else "passed"


def _clock(stride: int | None) -> tuple[str, str]:
    """How long a step is, in two lines."""
    if stride is None:
        return "what the critic", "of time knows"
    return "one step is", "one action" if stride == 1 else f"{stride} actions"
