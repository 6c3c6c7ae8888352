"""Ten kinds of task, a goal image in one only: each judged by its own predicate on the true state, beside floors.

OMP_NUM_THREADS=1 python benchmarks/tasks.py runs/two-rooms runs/point-mass --seeds 0 1
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.agent.tasks import FollowPath, Hold, Optimise, ReachAny, ReachBy, ReachRegion, ReachValue, VisitAll, VisitInOrder
from telos.cli.worlds import world_of
from telos.core.regions import Box, Disc, Polygon
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld, WorldState
from telos.envs import TwoRooms
from telos.evaluation import evaluate, make_protocol
from telos.evaluation.closed_loop import expert_steps
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Protocol, select_rows
from telos.evaluation.tasks import TaskEvaluation, evaluate_task
from telos.recipes.experiment import load_agent

POSITION = "position"
REGIONS = (
    Disc(center=(0.8, 0.2), radius=0.1),
    Disc(center=(0.2, 0.8), radius=0.1),
    Box(low=(0.7, 0.75), high=(0.95, 0.95)),
    Polygon(corners=((0.05, 0.05), (0.3, 0.05), (0.05, 0.3))),
)
"""Of the kind `region`; a quarter of the episodes each."""
LARGEST = (("largest", 0, 0.9), ("smallest", 0, 0.1), ("largest", 1, 0.9), ("smallest", 1, 0.1))
"""Direction, number and what is enough, of the kind `optimise`; a quarter of the episodes each."""
Draw = tuple[AbstractTask, WorldState]
"""A task, and the starts that go with its values."""


def points(world: AbstractWorld, rng: np.random.Generator, num: int) -> np.ndarray:
    """Free places `[num 2]`, anywhere."""
    return np.asarray(world.sample_pairs(rng, num, "anywhere")[1][POSITION])


def draw(kind: str, world: AbstractWorld, rng: np.random.Generator, num: int) -> Iterator[Draw]:
    """The tasks of a kind, with `num` starts among them."""
    starts, goals = world.sample_pairs(rng, num, world.pair_kinds[0])

    def somewhere(**rules) -> ReachValue:
        return ReachValue(POSITION, points(world, rng, num), **rules)

    quarters = [select_rows(starts, np.arange(quarter, num, 4)) for quarter in range(4)]
    goal = ReachValue(POSITION, goals[POSITION])
    match kind:
        case "value":
            yield goal, starts
        case "region":
            yield from ((ReachRegion(POSITION, region), part) for region, part in zip(REGIONS, quarters, strict=True))
        case "any of three":
            yield ReachAny(*(somewhere() for _ in range(3))), starts
        case "three in order":
            yield VisitInOrder(*(somewhere(hold=1) for _ in range(3))), starts
        case "four in the best order":
            yield VisitAll(*(somewhere(hold=1) for _ in range(4))), starts
        case "hold for 20 steps":
            yield Hold(goal, steps=20), starts
        case "follow a path":
            yield FollowPath(POSITION, paths(world, rng, starts[POSITION], goals[POSITION]), steps=40), starts
        case "largest or smallest":
            yield from ((Optimise(POSITION, way, index, enough), part) for (way, index, enough), part in zip(LARGEST, quarters, strict=True))
        case "by a deadline":
            yield ReachBy(goal, deadline=30), starts


def paths(world: AbstractWorld, rng: np.random.Generator, starts: np.ndarray, goals: np.ndarray) -> np.ndarray:
    """Bent paths `[num points 2]` that one can walk: through the door where there is one, by some place in between where not."""
    if not isinstance(world, TwoRooms):
        middle = np.clip((starts + goals) / 2 + rng.uniform(-0.2, 0.2, starts.shape), 0.05, 0.95)
        return np.stack([starts, middle, goals], axis=1)
    side = np.where(starts[:, :1] < world.wall_position, -1.0, 1.0)
    door = np.array([[world.wall_position, world.door_position]])
    before, after = (door + shift * side * np.array([[0.12, 0.0]]) for shift in (1, -1))
    return np.stack([starts, before, after, goals], axis=1)


KINDS = (
    "value",
    "region",
    "any of three",
    "three in order",
    "four in the best order",
    "hold for 20 steps",
    "follow a path",
    "largest or smallest",
    "by a deadline",
)


def image_row(agent: Agent, world: AbstractWorld, episodes: int, seed: int) -> dict:
    """The kind `goal image`, by the evaluation that goals which are shown have anyway."""
    found = evaluate(agent, world, make_protocol(world, None, episodes=episodes, offset=None, seed=seed)).to_json()
    floors = {name: None if floor is None else floor["success"] for name, floor in found["floors"].items()}
    return {"success": found["success"], "low": found["success_low"], "high": found["success_high"], "steps": found["steps"], "floors": floors}


def row(agent: Agent, world: AbstractWorld, kind: str, episodes: int, seed: int) -> dict:
    """One kind of task, all its episodes together."""
    found = []
    for task, starts in draw(kind, world, numpy_generator(seed, "tasks", kind), episodes):
        found.append((task, evaluate_task(agent, world, task, starts=starts, seed=seed, steps=steps_for(task))))
    rate = _pooled([part.agent.success for _, part in found])
    floors = {}
    for name in ("random", "zero", "scripted"):
        outcomes = [part.floors[name] for _, part in found]
        floors[name] = None if any(outcome is None for outcome in outcomes) else _pooled([outcome.success for outcome in outcomes if outcome]).value
    steps = np.concatenate([part.agent.steps[part.agent.success] for _, part in found])
    low, high = rate.interval
    extra = {}
    if isinstance(found[0][0], VisitAll):
        extra = {"steps over best": way_ratio(world, *found[0])}
    if isinstance(found[0][0], ReachBy):
        extra = efforts(agent, world, *found[0], seed)
    return {"success": rate.value, "low": low, "high": high, "steps": float(np.median(steps)) if len(steps) else None, "floors": floors, **extra}


def efforts(agent: Agent, world: AbstractWorld, task: ReachBy, found: TaskEvaluation, seed: int) -> dict:
    """Median effort where the agent, and one that is not asked to spare itself, both arrive in time; and the expert's."""
    careless = evaluate_task(agent, world, replace(task, effort=0.0), starts=found.starts, seed=seed).agent
    both = found.agent.success & careless.success
    expert = found.floors["scripted"]
    return {
        "effort": float(np.median(found.agent.effort[both])),
        "without its weight": float(np.median(careless.effort[both])),
        "success then": careless.rate.value,
        "expert's": None if expert is None else float(np.median(expert.effort[both])),
    }


def steps_for(task: AbstractTask) -> int | None:
    """Steps allowed where no scripted expert can tell."""
    return 30 if isinstance(task, Optimise) else None


def _pooled(successes: list[np.ndarray]) -> Rate:
    every = np.concatenate(successes)
    return Rate(int(every.sum()), len(every))


def way_ratio(world: AbstractWorld, task: AbstractTask, found: TaskEvaluation) -> float:
    """Median over the episodes that succeeded: steps taken, over those that the expert takes in the best order of all."""
    assert isinstance(task, VisitAll)
    stops = [np.asarray(place.value) for place in task.places]
    num = len(found.limits)

    def leg(start: WorldState, stop: np.ndarray) -> np.ndarray:
        radius = Protocol(name="anywhere", hold=1, radius=task.places[0].within)
        return expert_steps(world, radius, start, {**start, POSITION: stop})

    from_start = [leg(found.starts, stop) for stop in stops]
    between = [[leg({**found.starts, POSITION: first}, second) for second in stops] for first in stops]
    best = np.full(num, np.inf)
    for order in permutations(range(len(stops))):
        total = from_start[order[0]] + sum(between[one][two] for one, two in pairwise(order))
        best = np.minimum(best, total)
    won = found.agent.success
    return float(np.median(found.agent.steps[won] / best[won]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--kinds", nargs="+", default=["goal image", *KINDS])
    parser.add_argument("--json", type=Path, help="where all rows go")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for folder in options.runs:
        run = Run.open(folder)
        world, agent = world_of(run), load_agent(run)
        print(f"{type(world).__name__}\n{'':<26}{'seed':>5}{'success':>9}{'95 % interval':>17}{'steps':>7}{'random':>8}{'zero':>7}{'scripted':>10}")
        for seed in options.seeds:
            for kind in options.kinds:
                found = image_row(agent, world, options.episodes, seed) if kind == "goal image" else row(agent, world, kind, options.episodes, seed)
                rows.append({"run": folder.name, "kind": kind, "seed": seed, **found})
                print(line(kind, seed, found), flush=True)
                if options.json:
                    options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def line(kind: str, seed: int, found: dict) -> str:
    """One row for people."""
    interval = f"{100 * found['low']:.1f} to {100 * found['high']:.1f}"
    floors = ["–" if found["floors"][name] is None else f"{100 * found['floors'][name]:.1f}" for name in ("random", "zero", "scripted")]
    steps = "–" if found["steps"] is None else f"{found['steps']:.0f}"
    known = ("success", "low", "high", "steps", "floors")
    more = "".join(f"  {name} {value:.3g}" for name, value in found.items() if name not in known and value is not None)
    return f"  {kind:<24}{seed:>5}{100 * found['success']:>8.1f} {interval:>16}{steps:>7}{floors[0]:>8}{floors[1]:>7}{floors[2]:>10}{more}"


if __name__ == "__main__":
    main()
