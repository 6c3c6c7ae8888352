"""What is lost where the world looks different from what was learned."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from telos.core import config
from telos.core.spaces import PixelSpace, TreeSpace
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.protocols import select_rows
from telos.evaluation.report import tables
from telos.evaluation.report.page import Section
from telos.evaluation.report.pictures import as_rgb, picture_uri
from telos.evaluation.shifts import AbstractShift, ShiftedWorld


def other_looks(world: AbstractWorld, states: WorldState, evaluation: Mapping[str, Any]) -> Section:
    """A row a look: its picture of the first of `states`, success, and the difference on the same starts and goals."""
    shifts, state = evaluation["shifts"], select_rows(states, slice(0, 1))
    rows = [_row("as it was learned", world, state, evaluation)]
    for row in shifts["rows"]:
        shift = config.from_json(row["shift"])
        assert isinstance(shift, AbstractShift)
        rows.append(_row(row["label"], ShiftedWorld(world=world, shift=shift), state, row))
    head = "<tr><th></th><th>success</th><th>95 % interval</th><th>less plain</th><th>95 % interval</th></tr>"
    shown = "in the same look" if shifts["goals"] == "shifted" else "in the look that was learned"
    says = f"The same {evaluation['episodes']} starts and goals, in looks that the logs do not have. Goals are shown {shown}."
    note = "The difference is taken pair by pair, in points. Whoever judges sees the world as it is, and nothing moves differently."
    if shifts["left_out"]:
        note += " Left out: " + "; ".join(f"{escape(row['label'])} ({escape(row['why'])})" for row in shifts["left_out"]) + "."
    body = f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
    return Section(title="When it looks different", says=says, body=body, note=note)


def _row(label: str, world: AbstractWorld, state: WorldState, row: Mapping[str, Any]) -> str:
    style = "width:48px;display:inline-block;vertical-align:middle;margin-right:12px"
    picture = f'<img src="{picture_uri(as_rgb(_first_picture(world, state)), 48)}" alt="" style="{style}">'
    lost = ("–", "–")
    if "difference" in row:
        low, high = (_points(row[f"difference_{end}"]) for end in ("low", "high"))
        lost = (_points(row["difference"]), f"{low} to {high}")
    cells = (tables.percent(row["success"]), tables.interval(row), *lost)
    return f"<tr><td>{picture}{escape(label)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _first_picture(world: AbstractWorld, state: WorldState) -> np.ndarray:
    space, seen = world.spaces.observation, world.observe(state)
    if isinstance(space, TreeSpace):
        return next(seen[name] for name, part in space.spaces.items() if isinstance(part, PixelSpace))[0]
    return seen[0]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
