"""Figures as files that ask nobody on a network for anything."""

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMED = dict.fromkeys(("Creator", "Date", "Format", "Type"))
"""What matplotlib would write about itself and the hour."""


def save_figure(figure: "Figure", path: Path, **settings: Any) -> None:
    """Writes a figure as its suffix says; an SVG without document type, metadata and namespaces that a browser does not need.

    Args:
        settings: as `Figure.savefig` takes them, such as `dpi`.
    """
    if path.suffix != ".svg":
        figure.savefig(path, **settings)
        return
    drawing = StringIO()
    figure.savefig(drawing, format="svg", metadata=NAMED, **settings)
    svg = drawing.getvalue()
    svg = svg[svg.index("<svg") :].replace("xlink:href", "href")
    path.write_text(re.sub(r'\s+xmlns:xlink="[^"]*"', "", svg), encoding="utf-8")
