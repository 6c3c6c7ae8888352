"""Far goals in other worlds than mazes: flat planning, critics of time and levels on the same starts and goals.

Kinds of pairs are those of the run's world, or `offset-100` and the like: goals seen so many steps later. All rows search with the same planner,
that of the run's recipe, unless `--horizon` and `--candidates` say otherwise; success and time allowed are the world's own rules. In `Push` success
is to have the block within 0.1 at any step, and `held` in the files is the rule of `telos evaluate`. In `TwoRooms` the ceiling stands below the
table: pairs between which moves in the logs lead from one to the other.

Run: OMP_NUM_THREADS=1 python -m benchmarks.far_worlds RUN... --kinds across-rooms offset-100 --rows flat "flat + landmarks" --out OUT
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.far_goals.__main__ import told
from benchmarks.far_goals.play import Result
from benchmarks.far_goals.rows import FLOORS, MAIN, ROWS
from benchmarks.far_goals.table import markdown
from benchmarks.far_worlds.play import played
from telos.core.contracts import AbstractPlanner
from telos.core.run import Run
from telos.recipes.experiment import load_agent


def planner_of(run: Run, options: argparse.Namespace) -> AbstractPlanner | None:
    """The recipe's with another horizon, or another number of candidates; None: the recipe's as it is."""
    asked = {"horizon": options.horizon, "num_candidates": options.candidates}
    changed = {name: number for name, number in asked.items() if number is not None}
    return replace(load_agent(run).settings.planner, **changed) if changed else None


def play_all(options: argparse.Namespace) -> list[Result]:
    """Run by run, so that what is there can be looked at any time."""
    results = []
    for path in options.runs:
        run = Run.open(path)
        for kind in options.kinds:
            for row in options.rows:
                begun = time.process_time()
                planner = planner_of(run, options)
                found = played(run, row, kind, options.out, episodes=options.episodes, seed=options.seed, planner=planner)
                results.append(found)
                count = {name: sum(episode[name] for episode in found["episodes"]) for name in ("success", "held") if name in found["episodes"][0]}
                print(f"{path.name} · {kind} · {row}: {count} of {len(found['episodes'])} · {time.process_time() - begun:.0f} CPU s", flush=True)
    return results


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--kinds", nargs="+", required=True)
    parser.add_argument("--rows", nargs="+", default=[*FLOORS, *MAIN], choices=[*FLOORS, *ROWS])
    parser.add_argument("--episodes", type=int, default=200, help="for each run and kind")
    parser.add_argument("--seed", type=int, default=0, help="of starts, goals and contestants")
    parser.add_argument("--horizon", type=int, help="steps of a plan, in place of the recipe's")
    parser.add_argument("--candidates", type=int, help="plans tried in each round of the search, in place of the recipe's")
    parser.add_argument("--against", default="flat", help="the row that all others are compared with")
    parser.add_argument("--out", type=Path, default=Path("runs/far-worlds"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = play_all(options)
    text = markdown(results, options.kinds, options.against)
    ceilings = {f"{found['run']}, {found['kind']}": found["ceiling"] for found in results if found["ceiling"] is not None}
    text += "".join(f"\n\nceiling, {where}: {100 * share:.1f} %" for where, share in ceilings.items())
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    name = "-".join(path.name for path in options.runs)
    (options.out / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    (options.out / f"{name}.json").write_text(json.dumps(told(results, options.against), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
