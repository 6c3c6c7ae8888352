"""What the agent felt, step by step, as a strip under its film: lanes over one axis of time, and a cursor that moves with the film."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from telos.agent.moments import PLANNED, REACTED
from telos.evaluation.report.chart import number

Moments = Sequence[Mapping[str, Any]]
"""Of one episode, a step each, as `Moments.to_json` tells."""
WIDTH, LEFT, RIGHT = 832, 132, 8
"""Of the strip, and its margins; names of lanes stand in the left one."""
GAP, AXIS = 9, 18
"""Pixels between lanes, and for the steps below the last one."""
MODES = {PLANNED: ("us", "planning"), REACTED: ("good", "reacting")}
FALLBACK = ("bad", "falling back")
LEAST_P = 1e-3
"""P-values below look like this one."""


@dataclass(frozen=True)
class Lane:
    """One quantity over time."""

    name: str
    height: int
    draw: Callable[["Ruler", float], str]
    """SVG of what there is to see, below the given top."""


@dataclass(frozen=True)
class Ruler:
    """Where steps are, from left to right."""

    num_steps: int

    def x(self, step: float) -> float:
        return LEFT + min(max(step / max(self.num_steps, 1), 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def feelings_strip(moments: Moments, *, level: float = 0.0, cursor: bool = False) -> str:
    """The strip as SVG; lanes of which there is nothing to tell are left out, and without any moment there is none.

    Args:
        level: p-value below which the agent counts something as a surprise; 0: nothing surprises it, and 0.01 is drawn.
        cursor: whether it stands under a film, which moves a line over it; whoever clicks on the strip is shown that step.
    """
    if not moments:
        return ""
    ruler, lanes, top, parts = Ruler(len(moments)), _lanes(moments, level or 0.01), 4.0, []
    for lane in lanes:
        parts.append(f'<text class="lane" x="0" y="{top + lane.height / 2 + 4:.1f}">{escape(lane.name)}</text>{lane.draw(ruler, top)}')
        top += lane.height + GAP
    parts += [
        f'<text x="{ruler.x(step):.1f}" y="{top + 6:.1f}" text-anchor="{"end" if step == len(moments) else "middle"}">{step}</text>'
        for step in _ticks(len(moments))
    ]
    if cursor:
        parts.append(f'<line class="now" x1="{LEFT}" x2="{LEFT}" y1="0" y2="{top - GAP + 4:.1f}"/>')
    label = "what the agent felt, step by step: " + ", ".join(lane.name for lane in lanes)
    click = f' onclick="{_SEEK}"' if cursor else ""
    size = f"0 0 {WIDTH} {top + AXIS - GAP:.0f}"
    return f'<svg class="feelings" viewBox="{size}" role="img" aria-label="{escape(label)}"{click}>{"".join(parts)}</svg>'


def follow(num_pictures: int, per_second: int) -> str:
    """Attributes of a video that stands right before a strip in the same element: while it plays, the cursor goes with it.

    Args:
        num_pictures: of the film, without the last one's repetitions.
    """
    place = f"Math.min(Math.floor(v.currentTime*{per_second}+.01),{num_pictures - 1})/{max(num_pictures - 1, 1)}"
    move = (
        f"const v=this,l=v.parentNode.querySelector('.now');(function f(){{if(!l)return;const x={LEFT}+{place}*{WIDTH - LEFT - RIGHT};"
        "l.setAttribute('x1',x);l.setAttribute('x2',x);if(!v.paused)requestAnimationFrame(f)})()"
    )
    return f'data-seconds="{(num_pictures - 1) / per_second:.4f}" onplay="{move}" onseeked="{move}"'


_SEEK = (
    "const v=this.parentNode.querySelector('video'),b=this.getBoundingClientRect(),"
    f"s=((event.clientX-b.left)/b.width*{WIDTH}-{LEFT})/{WIDTH - LEFT - RIGHT};"
    "v.currentTime=Math.min(Math.max(s,0),1)*v.dataset.seconds"
)
"""Shows the step that was clicked on."""


def _lanes(moments: Moments, level: float) -> list[Lane]:
    lanes = [Lane("how it acts", 16, lambda ruler, top: _modes(moments, ruler, top))]
    lanes += [_aims(moments, place) for place in range(max((len(moment.get("levels") or ()) for moment in moments), default=0))]
    lanes.append(Lane("energy ahead", 58, lambda ruler, top: _energies(moments, ruler, top)))
    if any(moment["disagreement"] is not None for moment in moments):
        lanes.append(Lane("disagreement", 30, lambda ruler, top: _line([moment["disagreement"] for moment in moments], "violet", ruler, top, 30)))
    if any(moment["remembered"] for moment in moments):
        lanes.append(Lane("remembers", 26, lambda ruler, top: _line([moment["remembered"] for moment in moments], "ochre", ruler, top, 26)))
    if any(moment["guardrail"] is not None for moment in moments):
        lanes.append(Lane("nearest rule", 44, lambda ruler, top: _guardrails(moments, ruler, top)))
    if any(moment["surprise"] is not None for moment in moments):
        lanes.append(Lane("surprise", 44, lambda ruler, top: _surprises(moments, level, ruler, top)))
    return lanes


def _modes(moments: Moments, ruler: Ruler, top: float) -> str:
    """A band whose colour says who acts; whoever points at it reads why."""
    return _band([(FALLBACK if moment["fallback"] else MODES[moment["mode"]], moment["why"]) for moment in moments], ruler, top)


def _aims(moments: Moments, place: int) -> Lane:
    """Whether a level above the lowest is of use, and which of its subgoals is gone for."""
    told = [(moment.get("levels") or ())[place : place + 1] for moment in moments]
    level = next(part[0]["level"] for part in told if part)
    look: list[tuple[tuple[str, str], str]] = []
    before: Mapping[str, Any] | None = None
    for now in (part[0] if part else None for part in told):
        helps = now is not None and now["helps"]
        name = f"subgoal {now['subgoal']} of {now['of']}" if now is not None and helps else "left out"
        colour = (("violet", "ochre")[level % 2] if helps else "floor", name)
        # Words of the first step stand for all that follow, as long as the level goes on with the same plan.
        same = look and look[-1][0] == colour and now is not None and before is not None and now["age"] >= before["age"]
        look.append((colour, look[-1][1] if same else "" if now is None else now["why"]))
        before = now
    return Lane(f"level {level}", 16, lambda ruler, top: _band(look, ruler, top))


def _band(look: Sequence[tuple[tuple[str, str], str]], ruler: Ruler, top: float) -> str:
    """A band over time: for each step a colour and a name, and why; what stays the same is one piece."""
    parts, begin = [], 0
    for step in range(1, len(look) + 1):
        if step < len(look) and look[step] == look[begin]:
            continue
        (colour, name), why = look[begin]
        left, width = ruler.x(begin), ruler.x(step) - ruler.x(begin)
        text = next((text for text in (f"{name}: {why}", name) if 6.3 * len(text) + 8 < width), "")
        parts.append(
            f"<g><title>{escape(f'steps {begin} to {step - 1}, {name}: {why}')}</title>"
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(width - 1, 0.5):.1f}" height="16" rx="2" style="fill:var(--{colour})"/>'
            f'<text class="inside" x="{left + 4:.1f}" y="{top + 12:.1f}">{escape(text)}</text></g>'
        )
        begin = step
    return "".join(parts)


def _energies(moments: Moments, ruler: Ruler, top: float, height: float = 58) -> str:
    """From the best to the worst that is expected, with the mean."""
    told = [(step, moment) for step, moment in enumerate(moments) if all(math.isfinite(moment[name]) for name in ("best", "mean", "worst"))]
    high = max((moment["worst"] for _, moment in told), default=0.0) or 1.0
    low = min(0.0, min((moment["best"] for _, moment in told), default=0.0))
    y = _scale(low, high, top, height)
    upper, mean, lower = ([f"{ruler.x(step):.1f},{y(moment[name]):.1f}" for step, moment in told] for name in ("worst", "mean", "best"))
    return (
        f"{_frame(ruler, top, height)}{_ends(low, high, top, height)}"
        f'<polygon class="band" points="{" ".join(upper + lower[::-1])}"/><polyline class="mean" points="{" ".join(mean)}"/>'
    )


def _guardrails(moments: Moments, ruler: Ruler, top: float, height: float = 44) -> str:
    """The greatest value ahead of the guardrail that comes nearest to being broken; the red line is the limit."""
    values = [moment["guardrail_value"] for moment in moments]
    values = [None if value is None or not math.isfinite(value) else value for value in values]
    known = [value for value in values if value is not None] or [0.0]
    low, high = min(known), max(0.0, *known)
    y = _scale(low, max(high, low + 1e-9), top, height)
    points = " ".join(f"{ruler.x(step):.1f},{y(value):.1f}" for step, value in enumerate(values) if value is not None)
    return (
        f"{_frame(ruler, top, height)}{_ends(low, high, top, height)}"
        f'<line class="limit" x1="{ruler.x(0):.1f}" x2="{ruler.x(ruler.num_steps):.1f}" y1="{y(0):.1f}" y2="{y(0):.1f}"/>'
        f'<polyline class="rule" points="{points}"/>{_names(moments, ruler, top + height - 5)}'
    )


def _names(moments: Moments, ruler: Ruler, y: float) -> str:
    """Which guardrail is nearest, wherever another one comes to be and there is room to say so."""
    names = [moment["guardrail"] for moment in moments]
    begins = [step for step, name in enumerate(names) if name is not None and (step == 0 or names[step - 1] != name)]
    parts = []
    for begin, end in zip(begins, [*begins[1:], len(names)], strict=True):
        if 5.6 * len(names[begin]) + 8 < ruler.x(end) - ruler.x(begin):
            parts.append(f'<text class="end" x="{ruler.x(begin) + 4:.1f}" y="{y:.1f}">{escape(names[begin])}</text>')
    return "".join(parts)


def _surprises(moments: Moments, level: float, ruler: Ruler, top: float, height: float = 44) -> str:
    """How unusual each moment was: the smaller the p-value, the higher the bar; what is beyond the level is marked."""
    depth = math.log10(min(LEAST_P, level / 10))
    width = max(1.0, (ruler.x(1) - ruler.x(0)) * 0.6)

    def y(p: float) -> float:
        return top + height * (1 - math.log10(max(p, 10**depth)) / depth)

    bars = []
    for step, moment in enumerate(moments):
        if (p := moment["surprise"]) is None:
            continue
        x, colour = ruler.x(step), "bad" if p < level else "floor"
        mark = f'<circle cx="{x:.1f}" cy="{y(p):.1f}" r="3.2" style="fill:var(--bad)"/>' if p < level else ""
        bars.append(
            f'<g><title>step {step}: p = {p:.3g}</title><rect x="{max(x - width / 2, LEFT):.1f}" y="{y(p):.1f}" width="{width:.1f}" '
            f'height="{max(top + height - y(p), 0.5):.1f}" style="fill:var(--{colour})"/>{mark}</g>'
        )
    line = f'<line class="limit" x1="{ruler.x(0):.1f}" x2="{ruler.x(ruler.num_steps):.1f}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
    return f'{_frame(ruler, top, height)}{line}{"".join(bars)}<text x="{LEFT - 6}" y="{y(level) + 4:.1f}" text-anchor="end">p {number(level)}</text>'


def _line(values: Sequence[float | None], colour: str, ruler: Ruler, top: float, height: float) -> str:
    high = max((value for value in values if value is not None), default=0.0) or 1.0
    y = _scale(0.0, high, top, height)
    points = " ".join(f"{ruler.x(step):.1f},{y(value):.1f}" for step, value in enumerate(values) if value is not None)
    frame = f"{_frame(ruler, top, height)}{_ends(0.0, high, top, height)}"
    return f'{frame}<polyline class="mean" style="stroke:var(--{colour})" points="{points}"/>'


def _scale(low: float, high: float, top: float, height: float) -> Callable[[float], float]:
    return lambda value: top + height * (1 - (min(max(value, low), high) - low) / max(high - low, 1e-12))


def _frame(ruler: Ruler, top: float, height: float) -> str:
    left, right = ruler.x(0), ruler.x(ruler.num_steps)
    return f'<rect class="lane-ground" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{height}"/>'


def _ends(low: float, high: float, top: float, height: float) -> str:
    """The greatest and the least number of a lane, beside it."""
    return (
        f'<text class="end" x="{LEFT - 6}" y="{top + 8:.1f}" text-anchor="end">{_signed(high)}</text>'
        f'<text class="end" x="{LEFT - 6}" y="{top + height:.1f}" text-anchor="end">{_signed(low)}</text>'
    )


def _signed(value: float) -> str:
    return number(value).replace("-", "−")


def _ticks(num_steps: int) -> list[int]:
    """Steps that are named: about ten of them, and the last."""
    stride = next(stride for stride in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if num_steps / stride <= 12)
    ticks = list(range(0, num_steps + 1, stride))
    return ticks if ticks[-1] == num_steps else [*(tick for tick in ticks if num_steps - tick > stride / 2), num_steps]
