"""Near, middle and far goals in mazes: flat planning, critics of time, levels, and both, on the same starts and goals.

A success stays within 5 % of the arena's width from the goal for 5 steps in a row, within 3 times the steps of the scripted expert. Runs
are those of `telos train --recipe far`, taught by `telos time-to-go RUN` and `telos levels RUN`.

Run: OMP_NUM_THREADS=1 python -m benchmarks.far_goals RUN... --rows flat "flat + landmarks" --kinds near middle far --episodes 100 --out OUT
Every row of a run is kept in OUT, and not played again; `--only-read` makes the table of what is there.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from benchmarks.far_goals.figures import draw_rows
from benchmarks.far_goals.play import Result, played
from benchmarks.far_goals.rows import FLOORS, MAIN, ROWS
from benchmarks.far_goals.table import by_map, differences, lines_of, markdown, read
from telos.core.run import Run

KINDS = ("near", "middle", "far")


def play_all(options: argparse.Namespace) -> list[Result]:
    """Run by run, so that a table of what is there can be made at any time."""
    results = []
    for path in options.runs:
        for row in options.rows:
            for kind in options.kinds:
                begun = time.process_time()
                found = played(Run.open(path), row, kind, options.out, episodes=options.episodes, seed=options.seed)
                results.append(found)
                successes = sum(episode["success"] for episode in found["episodes"])
                seconds = time.process_time() - begun
                print(f"{path.name} · {row} · {kind}: {successes} of {len(found['episodes'])} · {seconds:.0f} CPU s", flush=True)
    return results


def told(results: list[Result], against: str) -> dict[str, dict]:
    """All lines by kind of pair, with their differences."""
    table = {}
    for kind in dict.fromkeys(found["kind"] for found in results):
        lines = lines_of([found for found in results if found["kind"] == kind])
        table[kind] = {
            "lines": {row: line.to_json() for row, line in lines.items()},
            "differences": {f"from {against}": differences(lines, against)} if against in lines else {},
        }
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--rows", nargs="+", default=[*FLOORS, *MAIN], choices=[*FLOORS, *ROWS])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--episodes", type=int, default=100, help="for each run and kind")
    parser.add_argument("--seed", type=int, default=0, help="of starts, goals and contestants")
    parser.add_argument("--out", type=Path, default=Path("runs/far-goals"))
    parser.add_argument("--against", default="flat", help="the row that all others are compared with")
    parser.add_argument("--only-read", action="store_true", help="play nothing; the table of what is in OUT")
    parser.add_argument("--figure", type=Path, help="the picture of success by row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = read(options.out, [path.name for path in options.runs], options.rows, options.kinds) if options.only_read else play_all(options)
    text = "\n\n".join([markdown(results, options.kinds, options.against), by_map(results, options.kinds[-1])])
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text(text + "\n", encoding="utf-8")
    (options.out / "table.json").write_text(json.dumps(told(results, options.against), indent=1) + "\n", encoding="utf-8")
    if options.figure is not None:
        draw_rows(results, options.figure)


if __name__ == "__main__":
    main()
