"""Planning beside its peers and beside the arithmetic that it needs: `make bench`, or `python -m benchmarks.planning`.

Everybody computes on one thread, with the same weights, in turns; a ratio is the median of several rounds, and its least and
greatest stand beside it. Peers live in an environment of their own (`.bench-peers/`), which is made when it is not there.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before torch is loaded: it asks for its threads only once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks import training
from benchmarks.planning import page, rows
from benchmarks.planning.compiled import compiled_or_plain
from benchmarks.planning.figures import LABELS, draw
from benchmarks.planning.growth import Point, curves
from benchmarks.planning.peers import CACHE, Peers, make_environment, running
from benchmarks.planning.plans import one_plan
from benchmarks.planning.rooms import across_rooms, make_run
from benchmarks.planning.rows import Row
from benchmarks.planning.settings import Settings
from benchmarks.planning.timing import Spread
from benchmarks.planning.together import many_problems

SECTIONS = ("plans", "together", "rooms", "training", "compiled", "growth")


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    settings = Settings(
        rounds=2 if args.quick else args.rounds, device=args.device, dtype=getattr(torch, args.dtype), compiled=args.compile, quick=args.quick
    )
    python = None if args.no_peers else make_environment(args.peers)
    with running(python) as peers, tempfile.TemporaryDirectory() as folder:
        table, points = measure(settings, peers, python, Path(folder), args.only)
    results = {"machine": machine(settings), "table": [row.to_json() for row in table], "growth": [point.to_json() for point in points]}
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.write:
        write(table, points, settings)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="parts to measure; by default all")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in which everybody takes a turn")
    parser.add_argument("--peers", type=Path, default=CACHE, help="folder of the peers' environment; made when it is not there")
    parser.add_argument("--no-peers", action="store_true", help="beside the floor only")
    parser.add_argument("--quick", action="store_true", help="everything tiny: whether it runs, not how fast; needs no trained model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; there, seconds are those of the clock")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"), help="of weights and latents, everybody's")
    parser.add_argument("--compile", action="store_true", help="our rollouts compiled; on a GPU as CUDA graphs")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--write", action="store_true", help="write tables and figures into docs/")
    return parser.parse_args()


def measure(settings: Settings, peers: Peers | None, python: Path | None, folder: Path, only: tuple[str, ...]) -> tuple[list[Row], list[Point]]:
    """Everything that was asked for; rows are printed as they come."""
    table: list[Row] = []

    def show(found: list[Row]) -> None:
        settings.tell("")
        print("\n".join(rows.lines(found)), flush=True)
        table.extend(found)

    print(
        f"Ratios of times on {machine(settings)['device']}, {settings.rounds} rounds: median (least to greatest); below 1 Telos is faster\n",
        flush=True,
    )
    parts: dict[str, Callable[[], None]] = {
        "plans": lambda: show([row for size in settings.sizes for row in one_plan(size, settings.search, peers, settings, folder)]),
        "together": lambda: show(many_problems(settings.sizes[0], settings.search, settings, folder)),
        "rooms": lambda: None if settings.quick else show([across_rooms(settings, make_run())]),
        "training": lambda: None if settings.quick or python is None else show([training_row(python, settings)]),
    }
    if not settings.quick:
        parts["compiled"] = lambda: show(compiled_or_plain(settings.sizes[0], settings.search, settings, folder))
    for name, part in parts.items():
        if name in only:
            part()
    points = curves(settings, peers, folder) if "growth" in only else []
    settings.tell("")
    if points:
        print("\n" + page.growth_text(points))
    return table, points


def training_row(python: Path, settings: Settings) -> Row:
    """Seconds of a training step, ours to torch-world's."""
    rates = training.measure(python, rounds=settings.rounds)
    seconds = {name: [training.FRAMES / rate for rate in found] for name, found in rates.items()}
    return Row(
        work="a step of training, small transformer, 64 windows of 4 frames",
        against="torch-world",
        ratio=Spread.ratio(seconds["telos"], seconds["torch-world"]),
        bar=1 / 1.5,
        stretch=1 / 2.5,
        seconds={name: Spread.of(found).middle for name, found in seconds.items()},
    )


def machine(settings: Settings) -> dict[str, Any]:
    device = torch.cuda.get_device_name() if settings.device != "cpu" else f"one thread of {platform.machine()}"
    return {"device": device, "torch": torch.__version__, "python": platform.python_version(), "dtype": str(settings.dtype)}


def write(table: list[Row], points: list[Point], settings: Settings) -> None:
    """Into docs/benchmarks.md, whatever was measured; the rest stays as it is."""
    if table:
        page.replace("table", rows.markdown(table))
    if points:
        page.replace("growth", page.growth_markdown(points))
        for sweep in LABELS:
            draw(points, sweep, page.FIGURES / f"growth-{sweep}.svg")
    print(f"\nWritten to {page.PAGE} ({settings.rounds} rounds)")


if __name__ == "__main__":
    main()
