"""Success against the CPU time of a plan, for every planner and several worlds, and the one setting that `--planner auto` takes for all of them.

Every run is evaluated as `telos evaluate RUN --planners all` does it: all planners on the same starts and goals, with a ladder of budgets. The choice
over all worlds follows the same rule as for one: the cheapest setting whose difference to the best, paired over the episodes of all worlds, has its
lower 95 % end at no less than -3 points. Cost is the geometric mean over the worlds of the CPU time of one plan.

Run: OMP_NUM_THREADS=1 python benchmarks/planners.py RUN... [--episodes 200] [--seed 0] [--figure FILE.svg] [--kept]

With --kept nothing is played: what the run folders hold is judged and drawn.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from telos.cli.evaluate import evaluate_run
from telos.core.run import Run
from telos.evaluation.planner_curves import find_knee, read_curves
from telos.evaluation.report.page import STYLE
from telos.evaluation.report.planner_section import planner_chart

PROTOCOLS = {"maze": {"protocol": "near"}, "push": {"offset": 25}}
"""Starts and goals by world, where they are not the world's first kind."""
WIDTH, HEIGHT, GAP = 620, 300, 24


def curves_of(run: Run, *, episodes: int, seed: int, kept: bool) -> dict:
    """What was measured for this run; measured now, unless it is kept."""
    if not kept:
        evaluate_run(run, episodes=episodes, seed=seed, planners="all", **PROTOCOLS.get(world_name(run), {}))
    found = read_curves(run)
    if found is None:
        raise SystemExit(f"{run.path} holds no curves: leave out --kept, or telos evaluate {run.path} --planners all")
    return found


def world_name(run: Run) -> str:
    return run.description["data"][0]["environment"]["name"]


def together(curves: dict[str, dict]) -> list[dict]:
    """Settings that were tried in all worlds: their successes in a row, and the geometric mean of what a plan costs."""
    rows = {name: {row["setting"]: row for row in found["rows"]} for name, found in curves.items()}
    common = [setting for setting in next(iter(rows.values())) if all(setting in part for part in rows.values())]
    made = []
    for setting in common:
        parts = [part[setting] for part in rows.values()]
        success = np.concatenate([np.array(list(part["episode_by_episode"])) == "1" for part in parts])
        made.append({"setting": setting, "success": success, "cost": float(np.exp(np.mean([np.log(part["cpu_seconds"]) for part in parts])))})
    return made


def tell(curves: dict[str, dict], joint: list[dict], best: int, knee: int | None) -> None:
    """A table in Markdown: success and milliseconds by world, and over all of them; knees are set in bold."""
    names = list(curves)
    print(f"| planner | {' | '.join(names)} | all | ms (mean) |")
    print("|---" * (len(names) + 3) + "|")
    for index, row in enumerate(joint):
        cells = []
        for found in curves.values():
            place = next(place for place, part in enumerate(found["rows"]) if part["setting"] == row["setting"])
            part = found["rows"][place]
            text = f"{100 * part['success']:.1f} % ({1000 * part['cpu_seconds']:.1f} ms)"
            cells.append(f"**{text}**" if place == found["knee"] else text)
        whole = f"{100 * row['success'].mean():.1f} %"
        cells += [f"**{whole}**" if index == knee else whole, f"{1000 * row['cost']:.1f}"]
        print(f"| {row['setting'].replace(' x ', ' × ')} | {' | '.join(cells)} |")
    for name, found in curves.items():
        floors = ", ".join(f"{floor} {100 * part['success']:.1f} %" for floor, part in found["floors"].items() if part is not None)
        print(f"\n{name}: {found['episodes']} episodes of '{found['protocol']['name']}', seed {found['seed']}; floors: {floors}. {found['says']}")
    print(f"\nOver all: best {joint[best]['setting']}; the cheapest as good: {'none' if knee is None else joint[knee]['setting']}.")


def figure(curves: dict[str, dict]) -> str:
    """All worlds in one picture, light and dark."""
    panels = []
    for index, (name, found) in enumerate(curves.items()):
        x, y = (index % 2) * (WIDTH + GAP), (index // 2) * (HEIGHT + GAP)
        chart = planner_chart(found, title=f"{name}: success, in percent", width=WIDTH, height=HEIGHT).svg()
        panels.append(chart.replace("<svg ", f'<svg x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" ', 1))
    rows, columns = (len(curves) + 1) // 2, min(len(curves), 2)
    width, height = columns * (WIDTH + GAP), rows * (HEIGHT + GAP)
    style = STYLE.read_text(encoding="utf-8").partition("img, video")[0] + "text { font-family: system-ui, sans-serif; }"
    style += "".join(line for line in STYLE.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith(".chart"))
    ground = '<rect width="100%" height="100%" style="fill:var(--page)"/>'
    frame = f'<g transform="translate({GAP // 2} {GAP // 2})">{"".join(panels)}</g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><style>{style}</style>{ground}{frame}</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--kept", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    runs = {world_name(run): run for run in map(Run.open, args.runs)}
    curves = {name: curves_of(run, episodes=args.episodes, seed=args.seed, kept=args.kept) for name, run in runs.items()}
    joint = together(curves)
    if not joint:
        raise SystemExit("These runs have no planner in common: give those with numbers as actions, or those with choices.")
    found = find_knee([row["success"] for row in joint], [row["cost"] for row in joint])
    tell(curves, joint, found.best, found.knee)
    if args.figure is not None:
        args.figure.write_text(figure(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
