"""Exploring a maze from one of its corners: what is seen in as many steps as random wandering takes, and what a model trained on it is worth.

Every episode begins in the same cell. Random: all steps are held random actions. Explored: as many steps in all, the first round of them
random too; then a run is trained on everything so far, explores for the next round, and so on. At the end one run is trained on each
of the two logs, and both play the same starts and goals, which lie anywhere in the maze.

Run: OMP_NUM_THREADS=1 python benchmarks/exploration.py [--out runs/exploration] [--maps zigzag spiral] [--seeds 0 1 2 3 4] [--figure FILE.svg]
Runs that only explore are trained for a third of the usual time. Each training is kept in OUT; one that is there is not made again.
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

import telos
from telos import data, envs
from telos.core.logs import AbstractLogs
from telos.data.behaviour import AbstractBehaviour
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AgentContestant, RandomContestant, ScriptedContestant
from telos.evaluation.intervals import paired_difference
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.recipes import Recipe, default
from telos.recipes.experiment import RecipeLike, load_agent, train
from telos.teaching.exploration import Explore

STEPS = 80
"""Of each episode."""
START = (1, 1)
COPIES = 25
EVERY = 500
"""Steps between two points of a curve."""


def collect(out: Path, world_args: dict, policy: AbstractBehaviour, steps: int, seed: int) -> Path:
    if not out.exists():
        env = envs.make_vector_env("maze", COPIES, max_steps=STEPS, **world_args)
        about = {"name": "maze", "args": world_args}
        data.collect(env, policy, out, episodes=steps // STEPS, steps=STEPS, seed=seed, spaces=env.world.spaces, environment=about)
    return out


def quick(logs: AbstractLogs) -> Recipe:
    """The usual recipe with a third of the batches: what explores need not be the best."""
    recipe = default(logs)
    phases = tuple(replace(phase, num_steps=phase.num_steps // 3) for phase in recipe.curriculum.phases)
    return replace(recipe, name=f"{recipe.name}-quick", curriculum=replace(recipe.curriculum, phases=phases))


def trained(logs: list[Path], out: Path, seed: int, recipe: RecipeLike = "default", from_run: Path | None = None) -> Path:
    if not (out / "model.safetensors").exists():
        shutil.rmtree(out, ignore_errors=True)
        train(logs, out, seed=seed, recipe=recipe, from_run=from_run)
    return out


def explore(folder: Path, world_args: dict, rounds: list[int], seed: int) -> list[Path]:
    """The logs of all rounds, in order."""
    logs = [collect(folder / "explored-0", world_args, data.HeldRandomActions(), rounds[0], seed)]
    run = None
    for number, steps in enumerate(rounds[1:], 1):
        # Each run goes on from the weights of the one before.
        run = trained(logs, folder / f"run-{number}", seed, quick, run)
        # Every round has chance of its own, and so have its starts.
        logs.append(collect(folder / f"explored-{number}", world_args, Explore(run=str(run)), steps, seed + 1000 * number))
    return logs


def cells_of(world: envs.Maze, logs: list[Path]) -> np.ndarray:
    """The cell of every frame, in the order in which they were seen: `[frames 2]`."""
    found = []
    for path in logs:
        positions = np.asarray(telos.Episodes.open(path).rows("info/position"), float)
        cells = np.floor(positions[:, ::-1] * world.side).astype(int).reshape(-1, STEPS + 1, 2)
        # Episodes ran side by side, a batch of copies at a time.
        found += [batch.swapaxes(0, 1).reshape(-1, 2) for batch in np.split(cells, range(COPIES, len(cells), COPIES))]
    return np.concatenate(found)


def curve_of(cells: np.ndarray) -> list[int]:
    """Cells seen after 500, 1,000, ... frames."""
    return [len(np.unique(cells[:end], axis=0)) for end in range(EVERY, len(cells) + 1, EVERY)]


def visits_of(world: envs.Maze, cells: np.ndarray) -> list[list[int]]:
    visits = np.zeros((world.side, world.side), int)
    np.add.at(visits, tuple(cells.T), 1)
    return visits.tolist()


def compare(runs: dict[str, Path], world: envs.Maze, kind: str, episodes: int, seed: int) -> dict:
    """Both runs, a random wanderer and the scripted expert on the same starts and goals."""
    protocol = make_protocol(world, kind, episodes=episodes, offset=None, seed=seed)
    pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, protocol, starts, goals))
    players = {name: AgentContestant(load_agent(run, seed=seed)) for name, run in runs.items()}
    players |= {"wanderer": RandomContestant(seed), "expert": ScriptedContestant()}
    outcomes = {name: play(world, pairs, player, protocol) for name, player in players.items()}
    value, low, high = paired_difference(outcomes["explored"].success, outcomes["random"].success)
    return {"goals": kind, "pairs": seed, **{name: str(outcome.rate) for name, outcome in outcomes.items()}, "difference": [value, low, high]}


def measure(folder: Path, map_: str, rounds: list[int], seed: int, args: argparse.Namespace) -> dict:
    world_args = {"map": map_, "start": START}
    world = envs.make_world("maze", **world_args)
    explored = explore(folder, world_args, rounds, seed)
    random = [collect(folder / "random", world_args, data.HeldRandomActions(), sum(rounds), seed)]
    cells = {"random": cells_of(world, random), "explored": cells_of(world, explored)}
    result = {"map": map_, "seed": seed, "floor": int((~world._fixed_grid).sum())}
    result |= {name: {"cells": curve_of(found)[-1], "curve": curve_of(found), "visits": visits_of(world, found)} for name, found in cells.items()}
    result["ratio"] = result["explored"]["cells"] / result["random"]["cells"]
    if seed in args.plan:
        runs = {"random": trained(random, folder / "run-random", seed), "explored": trained(explored, folder / "run-explored", seed)}
        result["planning"] = [compare(runs, world, kind, args.episodes, pairs) for kind in args.goals for pairs in args.pairs]
    return result


def draw(results: list[dict], file: Path) -> None:
    """Visits of one seed side by side, and the cells seen over the steps of all seeds."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot
    from matplotlib.colors import LogNorm

    first = results[0]
    figure, axes = pyplot.subplots(1, 3, figsize=(9.5, 3.2), layout="constrained", gridspec_kw={"width_ratios": [1, 1, 1.5]})
    top = max(np.max(first[name]["visits"]) for name in ("random", "explored"))
    for axis, name in zip(axes, ("random", "explored")):
        visits = np.ma.masked_equal(np.array(first[name]["visits"]), 0)
        axis.imshow(np.where(envs.make_world("maze", map=first["map"])._fixed_grid, 0.25, 1.0), cmap="gray", vmin=0, vmax=1)
        image = axis.imshow(visits, cmap="viridis", norm=LogNorm(1, top))
        axis.set_title(f"{name}: {first[name]['cells']} of {first['floor']} cells", fontsize=9)
        axis.set_axis_off()
        axis.plot(START[1], START[0], "o", color="crimson", markersize=5)
    figure.colorbar(image, ax=axes[1], label="frames", shrink=0.8)
    for name, colour in (("random", "0.45"), ("explored", "tab:green")):
        for number, result in enumerate([result for result in results if result["map"] == first["map"]]):
            curve = result[name]["curve"]
            axes[2].plot(np.arange(1, len(curve) + 1) * EVERY, curve, color=colour, alpha=0.8, linewidth=1.2, label=name if number == 0 else None)
    axes[2].axhline(first["floor"], color="0.8", linewidth=1)
    axes[2].set(xlabel="steps", ylabel="cells seen", ylim=(0, first["floor"] + 2))
    axes[2].spines[["top", "right"]].set_visible(False)
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/exploration"))
    parser.add_argument("--maps", nargs="+", default=["zigzag", "spiral"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rounds", type=int, nargs="+", default=[4000, 4000, 6000, 6000], help="steps of each, the first at random")
    parser.add_argument("--plan", type=int, nargs="*", default=[0, 1], help="seeds of which the final models play")
    parser.add_argument("--goals", nargs="+", default=["near", "anywhere"])
    parser.add_argument("--pairs", type=int, nargs="+", default=[0, 1], help="seeds of starts and goals")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    results = []
    for map_ in args.maps:
        for seed in args.seeds:
            folder = args.out / f"{map_.replace('/', '-').replace('#', 'x')}-{seed}"
            results.append(measure(folder, map_, args.rounds, seed, args))
            told = {key: value for key, value in results[-1].items() if key not in ("random", "explored")}
            print(json.dumps({**told, **{name: results[-1][name]["cells"] for name in ("random", "explored")}}), flush=True)
    for map_ in args.maps:
        ratios = np.array([result["ratio"] for result in results if result["map"] == map_])
        print(f"{map_}: ratio {ratios.mean():.2f}, {ratios.min():.2f} to {ratios.max():.2f} over {len(ratios)} seeds")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "results.json").write_text(json.dumps(results) + "\n")
    if args.figure:
        draw(results, args.figure)


if __name__ == "__main__":
    main()
