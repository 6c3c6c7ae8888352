"""How well critics of time rank: what each says of many pairs, beside the shortest way; and a map of the time to one goal, for each of them.

Rank correlation (Spearman) with the shortest way through a maze, over pairs of places from anywhere, and over those beyond 60 % of the longest
way; beside it what the critic says divided by the steps of that way at full speed, and the share of pairs on the two sides of one wall that
it takes for neighbours. Plain distance between latents is the floor.

Run: OMP_NUM_THREADS=1 python benchmarks/time_to_go.py RUN [RUN ...] [--pairs 4000] [--seed 0] [--figure docs/images/time-to-go.svg]
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor

from telos.cli.worlds import world_of
from telos.core.drawings import save_figure
from telos.core.readouts import Knowledge
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.core.world import WorldState
from telos.envs import Maze
from telos.envs.grids import UNREACHABLE
from telos.evaluation.report.landscape import distance, energy_landscape
from telos.recipes.knowledge import load_knowledge

FAR = 0.6
"""Share of the longest way beyond which pairs are far."""
NEIGHBOURS, APART = 2.3, 6
"""Cells: places so near to one another, with a way at least so long between them, are on the two sides of a wall."""
FEW = 4.0
"""Steps that are few."""
LATENT = "latent distance"
TRUTH = "shortest way"
Measure = Callable[[Float[Tensor, "num latent"], Float[Tensor, "num latent"]], Float[Tensor, " num"]]


def critics_of(knowledge: Knowledge) -> dict[str, Measure]:
    """All critics of time of a run, and the floor."""
    return {LATENT: distance, **knowledge.times}


@torch.no_grad()
def latents_of(knowledge: Knowledge, world: Maze, states: WorldState) -> Tensor:
    """As the model sees them, a few hundred at a time."""
    pictures = torch.from_numpy(world.observe(states))
    return torch.cat([knowledge.world_model.encode_frames(part)[:, : knowledge.world_model.latent_size] for part in pictures.split(512)])


@torch.no_grad()
def rank(run: Run, *, num: int, seed: int) -> dict[str, dict[str, float]]:
    """What every critic of a run is worth, by name."""
    world, knowledge = world_of(run), load_knowledge(run)
    assert isinstance(world, Maze)
    rng = numpy_generator(seed, "pairs of places")
    starts, goals = world.sample(rng, num), world.sample(rng, num)
    way = world.path_length(starts, goals) * world.side
    here, there = latents_of(knowledge, world, starts), latents_of(knowledge, world, goals)
    beside = (world.distance(starts, goals) * world.side <= NEIGHBOURS) & (way >= APART)
    found = {}
    for name, critic in critics_of(knowledge).items():
        said = torch.cat([critic(a, b) for a, b in zip(here.split(512), there.split(512), strict=True)]).numpy()
        found[name] = measured(said, way, beside, world, in_steps=name != LATENT)
    return found


def measured(said: np.ndarray, way: np.ndarray, beside: np.ndarray, world: Maze, *, in_steps: bool) -> dict[str, float]:
    """Of what one critic says of pairs: rank correlations, and where it speaks of steps its scale and how often it overlooks a wall."""
    far = way > FAR * way.max()
    told = {"all": spearmanr(said, way).statistic, "far": spearmanr(said[far], way[far]).statistic}
    if in_steps:
        told["scale"] = float(np.median(said[way > 2] / (way[way > 2] / world.max_step)))
        told["through_walls"] = float((said[beside] < FEW).mean()) if beside.any() else float("nan")
    return {name: float(value) for name, value in told.items()}


def draw(run: Run, file: Path, *, seed: int) -> None:
    """The time to the goal that lies farthest from everything, from every place, for each critic, beside the truth."""
    world, knowledge = world_of(run), load_knowledge(run)
    assert isinstance(world, Maze)
    goal = world.sample_pairs(numpy_generator(seed, "goal"), 1, "far")[1]
    maps = {TRUTH: true_map(world, goal)}
    maps |= {name: energy_landscape(knowledge.world_model, world, goal, measure=measure).energies for name, measure in critics_of(knowledge).items()}
    # The truth is known of whole cells; a disc has no room in their corners.
    maps[TRUTH] = np.where(np.isfinite(maps[LATENT]), maps[TRUTH], np.nan)
    columns = min(4, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(2.5 * columns, 2.75 * rows), facecolor="#fbfaf7", layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, times) in zip(axes.flat, maps.items(), strict=False):
        axis.imshow(np.where(np.isfinite(times), np.nan, 1.0), cmap="Greys", vmin=0, vmax=1.6, extent=(0, 1, 1, 0), interpolation="nearest")
        axis.imshow(times, cmap="viridis_r", extent=(0, 1, 1, 0), interpolation="nearest")
        axis.plot(*goal["position"][0], "o", ms=7, mfc="none", mec="#d0352b", mew=2)
        axis.set_title(f"{name}, up to {np.nanmax(times):.0f}" if name != LATENT else name, fontsize=9)
    save_figure(figure, file, dpi=150)


def true_map(world: Maze, goal: WorldState, size: int = 120) -> Float[np.ndarray, "size size"]:
    """Steps of the shortest way at full speed, from every cell; NaN in walls."""
    middles = (np.arange(size) + 0.5) / size
    places = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    rows = {name: np.repeat(part, len(places), axis=0) for name, part in goal.items()}
    way = world.path_length({**rows, "position": places}, rows) * world.side
    return np.where(way < UNREACHABLE / 2, way / world.max_step, np.nan).reshape(size, size)


def show(path: Path, found: Mapping[str, Mapping[str, float]]) -> None:
    """A table."""
    print(f"{path}\n{'':24}  all pairs  far pairs   said / true   through walls")
    for name, told in found.items():
        rest = f"{told['scale']:14.2f}{100 * told['through_walls']:14.1f} %" if "scale" in told else ""
        print(f"  {name:22}{told['all']:11.3f}{told['far']:11.3f}{rest}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told: dict[str, Any] = {}
    for path in options.runs:
        found = told[str(path)] = rank(Run.open(path), num=options.pairs, seed=options.seed)
        show(path, found)
    if options.figure is not None:
        draw(Run.open(options.runs[0]), options.figure, seed=options.seed)
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
