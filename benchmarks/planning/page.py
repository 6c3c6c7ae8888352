"""What the docs page shows of the results: a part between two marks is replaced, all else is written by people."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.planning.growth import Point

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/benchmarks.md"
FIGURES = ROOT / "docs/images"


def replace(part: str, text: str) -> None:
    """Puts `text` between the marks of `part` on the page."""
    begin, end = f"<!-- {part}: written by make bench -->", f"<!-- end of {part} -->"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")


def growth_markdown(points: Sequence[Point]) -> str:
    """Every point of the curves, so that the figures can be checked."""
    lines = [
        "| what grows | | Telos | of the floor | pages asked for | torch-world | of the floor | pages asked for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for sweep, x in dict.fromkeys((point.sweep, point.x) for point in points):
        found = {point.who.split(",")[0]: point for point in points if (point.sweep, point.x) == (sweep, x)}
        label = f"{x:,.0f}" if sweep != "parameters" else f"{x:.3g} M" + (" (perceptron)" if "perceptron" in found["Telos"].who else "")
        lines.append(f"| {sweep} | {label} | {_cells(found.get('Telos'))} | {_cells(found.get('torch-world'))} |")
    return "\n".join(lines)


def growth_text(points: Sequence[Point]) -> str:
    """The same for a terminal."""
    lines = ["Growth of a plan of two rounds: seconds, as a multiple of the floor"]
    lines += [
        f"  {point.sweep:<11} {point.x:>9.4g}  {point.who:<18} {point.seconds:>9.4g} s {point.seconds / point.floor:>6.2f} x" for point in points
    ]
    return "\n".join(lines)


def _cells(point: Point | None) -> str:
    if point is None:
        return "– | – | –"
    seconds = f"{point.seconds:.3g} s" if point.seconds >= 0.1 else f"{1000 * point.seconds:.3g} ms"
    return f"{seconds} | {point.seconds / point.floor:.2f} × | {point.faults:,}"
