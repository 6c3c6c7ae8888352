"""Driving on a highway that one cannot foresee: crashes and speed of agents that doubt, and of one that does not, on the same roads.

`highway-fast-v0` of the package highway-env, as it comes. Logs are 1,350 episodes without reward: of the environment's own driver, who is
led astray for a share of the time, and of nobody at the wheel. All agents see the table of the five nearest cars, read crash and speed from
what they imagine, and search all 25 ways of two choices; they differ in the model, and in what they make of its doubts.

Run: OMP_NUM_THREADS=1 python -m benchmarks.highway [--out runs/highway] [--episodes 100] [--figures FOLDER]
About an hour on one core, most of it the environment's. What lies in OUT already is not made again.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.highway import learn
from benchmarks.highway.drive import AbstractDriver, Advised, Asleep, Dice, Planner, Resident, Trips, drive
from benchmarks.highway.road import STEPS, Drivers, Highway
from benchmarks.highway.wish import DriveFast
from telos import data
from telos.agent.actor import CVaR, Mean
from telos.core.contracts import AbstractRisk
from telos.core.tasks import AbstractTask
from telos.envs import WorldVectorEnv
from telos.evaluation.intervals import paired_difference
from telos.recipes.experiment import load_agent
from telos.teaching.disagreement import measure_disagreement

EPISODES, COPIES, NUM_LOGS = 450, 45, 3
"""Of each store; side by side; stores."""
PRICE = 30.0
"""Of a crash; the same for all."""
DOUBT = 1.0
"""Weight of the disagreement."""
FUTURES, LEVEL = 16, 0.1
"""What CVaR looks at: the worst tenth of so many futures."""


def collected(folder: Path) -> list[Path]:
    """The logs, collected now if they are not there."""
    logs = []
    for seed in range(NUM_LOGS):
        logs.append(folder / f"logs{seed}")
        if not logs[-1].exists():
            world = Highway()
            about = {"spaces": world.spaces, "environment": {"name": "benchmarks/highway/road.py:Highway", "args": {}}}
            env = WorldVectorEnv(world, COPIES, max_steps=STEPS)
            data.collect(env, Drivers(), logs[-1], episodes=EPISODES, steps=STEPS, seed=seed, **about)
    return logs


def planner(name: str, run: Path, risk: AbstractRisk | None = None, doubt: float = 0.0, price: float = PRICE) -> Planner:
    """An agent of a run."""
    agent = load_agent(run)
    agent.settings = replace(agent.settings, planner=learn.PLANNER, risk=risk)
    task: AbstractTask = DriveFast(price=price)
    return Planner(name, agent, task + doubt * measure_disagreement(run) if doubt else task)


def contestants(sure: Path, doubting: Path) -> dict[str, Callable[[], AbstractDriver]]:
    """Everybody, by name, agents last."""
    mean, cautious = Mean(num_futures=FUTURES), CVaR(level=LEVEL, num_futures=FUTURES)
    agents = {
        "deterministic": lambda: planner("deterministic", sure),
        "z, mean": lambda: planner("z, mean", doubting, mean),
        "z, CVaR": lambda: planner("z, CVaR", doubting, cautious),
        "z, CVaR, disagreement": lambda: planner("z, CVaR, disagreement", doubting, cautious, DOUBT),
    }
    return {kind.name: kind for kind in (Dice, Asleep, Advised, Resident)} | agents


def line(name: str, trips: Trips, sure: Trips | None) -> str:
    """One row of the table."""
    against = ""
    if sure is not None and sure is not trips:
        value, low, high = (100 * part for part in paired_difference(trips.crashed, sure.crashed))
        against = f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"{name:<24}{trips.crashes!s:>24}{trips.mean_speed:>8.1f}{sum(trips.steps) / len(trips.steps):>8.1f}  {against}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/highway"))
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="seed of the first road; seeds from 100000 on were for tuning")
    parser.add_argument("--only", nargs="+", help="names of the contestants that drive")
    parser.add_argument("--figures", type=Path, help="folder for the pictures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logs = collected(options.out)
    sure = learn.learn(logs, options.out / "deterministic", learn.deterministic, 0)
    doubting = learn.learn(logs, options.out / "doubting", learn.doubting, 0)
    found: dict[str, Trips] = {}
    for name, make in contestants(sure, doubting).items():
        kept = options.out / f"{name.replace(', ', '-').replace(' ', '-')}-{options.first}-{options.episodes}.json"
        if not kept.exists() and (options.only is None or name in options.only):
            trips = drive(make(), range(options.first, options.first + options.episodes))
            kept.write_text(json.dumps(trips.to_json()), encoding="utf-8")
        if kept.exists():
            found[name] = Trips(**{part: tuple(values) for part, values in json.loads(kept.read_text(encoding="utf-8")).items()})
            print(line(name, found[name], found.get("deterministic")), flush=True)
    if options.figures:
        from benchmarks.highway import figures

        options.figures.mkdir(parents=True, exist_ok=True)
        figures.bars(found, options.figures / "highway.svg")
        figures.strip(planner("z, CVaR", doubting, CVaR(level=LEVEL, num_futures=FUTURES)), options.figures / "highway-strip.png", seed=options.first)


if __name__ == "__main__":
    main()
