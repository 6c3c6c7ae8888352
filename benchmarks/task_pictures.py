"""Pictures of tasks for the documentation: three ways for each kind of task, over the world.

OMP_NUM_THREADS=1 python benchmarks/task_pictures.py runs/two-rooms docs/images
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from telos.agent.tasks import FollowPath, Hold, Optimise, ReachAny, ReachBy, ReachGoal, ReachRegion, ReachValue, VisitAll, VisitInOrder
from telos.cli.worlds import world_of
from telos.core.regions import Disc, Polygon
from telos.core.run import Run
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld
from telos.evaluation.protocols import select_rows
from telos.evaluation.tasks import evaluate_task
from telos.evaluation.tasks.drawing import LOST, TARGET, WON, draw_plane, draw_task_paths
from telos.evaluation.tasks.evaluate import draw_starts
from telos.recipes.experiment import load_agent

SEED, EPISODES = 7, 3


def at(x: float, y: float, **rules) -> ReachValue:
    """A place."""
    return ReachValue("position", (x, y), **rules)


def examples(world: AbstractWorld) -> dict[str, AbstractTask]:
    """One task of each kind."""
    goal = {"position": np.array([[0.75, 0.3]]), "wall": np.array([0.5]), "door": np.array([0.5])}
    return {
        "reach a goal image": ReachGoal(world.observe(goal)[0], goal),
        "reach a value": at(0.8, 0.2),
        "reach a region": ReachRegion("position", Polygon(corners=((0.6, 0.95), (0.95, 0.95), (0.95, 0.6)))),
        "reach any of several": ReachAny(at(0.15, 0.15), at(0.85, 0.15), at(0.5, 0.5)),
        "visit in order": VisitInOrder(at(0.2, 0.2, hold=1), at(0.8, 0.2, hold=1), at(0.8, 0.8, hold=1)),
        "visit all in the best order": VisitAll(at(0.2, 0.2, hold=1), at(0.8, 0.2, hold=1), at(0.8, 0.8, hold=1), at(0.2, 0.8, hold=1)),
        "hold for 20 steps": Hold(ReachRegion("position", Disc(center=(0.25, 0.5), radius=0.1)), 20),
        "follow a path in time": FollowPath("position", [(0.2, 0.2), (0.2, 0.5), (0.8, 0.5), (0.8, 0.8)], 45, join=15),
        "make x as large as can be": Optimise("position", "largest", 0, enough=0.93),
        "by a deadline, least effort": ReachBy(at(0.8, 0.8), 30),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(options.run)
    world, agent = world_of(run), load_agent(run)
    starts = draw_starts(world, EPISODES, SEED)
    figure = Figure(figsize=(11.5, 5.0), layout="constrained")
    for axis, (title, task) in zip(figure.subplots(2, 5).flat, examples(world).items(), strict=True):
        limit = 40 if isinstance(task, Optimise) else None
        found = evaluate_task(agent, world, task, starts=starts, seed=SEED, steps=limit)
        draw_plane(axis, world, select_rows(starts, slice(0, 1)), [] if isinstance(task, ReachGoal) else [task], 0)
        if isinstance(task, ReachGoal) and task.truth is not None:
            axis.add_patch(Circle(task.truth["position"][0], 0.05, fill=False, color=TARGET, lw=2))
        for path, won in zip(found.paths, found.agent.success, strict=True):
            way = path["position"]
            axis.plot(*way.T, color=WON if won else LOST, lw=1.2, alpha=0.85)
            axis.plot(*way[0], "o", color=WON if won else LOST, ms=3.5)
        axis.set_title(title, fontsize=9)
        print(f"{title:<32}{found.agent.success.sum()} of {EPISODES}, steps {found.agent.steps.tolist()}", flush=True)
    figure.savefig(options.folder / "tasks.png", dpi=90)
    corners = VisitAll(at(0.2, 0.2, hold=1), at(0.8, 0.2, hold=1), ReachRegion("position", Disc(center=(0.8, 0.8), radius=0.1), hold=1))
    found = evaluate_task(agent, world, corners, episodes=4, seed=SEED)
    draw_task_paths(options.folder / "task-corners.png", world, corners, found.starts, found.paths, found.agent.success)


if __name__ == "__main__":
    main()
