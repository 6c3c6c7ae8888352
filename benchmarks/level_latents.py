"""What levels see: whether distance up there is the way through a maze, and where macro-actions lead.

For each level of runs that were taught levels, on their held-out logs: rank correlation of the squared distance of latents with the shortest
way, over all pairs of 400 frames, over far pairs (beyond 60 % of the longest) and near ones (below 30 %); and, for macro-actions drawn anywhere
in their box from 300 frames, how long the way is to the landmark next to where they lead, how far from it that is, and how many of these ways
are longer than can be gone in the time, as those through a wall mostly are.

Run: OMP_NUM_THREADS=1 python -m benchmarks.level_latents RUN... [--figures docs/images]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import spearmanr
from torch import Tensor

from telos.cli.worlds import held_out_logs, world_of
from telos.core.drawings import save_figure
from telos.core.levels import AbstractLevel, climb
from telos.core.readouts import Knowledge
from telos.core.run import Run
from telos.core.seeding import numpy_generator, torch_generator
from telos.core.types import State
from telos.envs import Maze
from telos.recipes.knowledge import load_knowledge
from telos.training.codes import encode_logs

NUM_FRAMES, NUM_STARTS, NUM_MACROS, NUM_DRAWN = 400, 300, 16, 4000
FAR, NEAR = 0.6, 0.3


def ways(maze: Maze, here: np.ndarray, there: np.ndarray) -> Float[np.ndarray, " pairs"]:
    """Shortest ways between places, in arena widths."""
    grid = np.repeat(maze.sample(np.random.default_rng(0), 1)["grid"], len(here), axis=0)
    inside = (np.clip(places, 0, 1 - 1e-6) for places in (here, there))
    one, other = ({"position": places, "grid": grid} for places in inside)
    return maze.path_length(one, other)


def ranking(maze: Maze, latents: Tensor, places: np.ndarray) -> dict[str, float]:
    """Rank correlations of squared distance and way."""
    a, b = np.triu_indices(len(places), 1)
    way = ways(maze, places[a], places[b])
    apart = (latents[a] - latents[b]).square().sum(dim=1).numpy()
    parts = {"all": way >= 0, "far": way > FAR * way.max(), "near": way < NEAR * way.max()}
    return {name: float(spearmanr(way[rows], apart[rows])[0]) for name, rows in parts.items()}


def leading(maze: Maze, level: AbstractLevel, knowledge: Knowledge, latents: Tensor, places: np.ndarray) -> dict[str, float]:
    """Where macro-actions from anywhere in their box lead in one step of the level."""
    low, high = (torch.from_numpy(bound) for bound in level.spaces.action.bounds)  # type: ignore[union-attr]
    drawn = torch.rand(len(latents) * NUM_MACROS, 1, len(low), generator=torch_generator(0, "macros"))
    reached = level.rollout(State(latents, latents), low + (high - low) * drawn).latent[:, 0]
    off, which = level.landmarks.nearest(reached)
    ends = knowledge.readout("position")(level.landmarks.beliefs).numpy()[which[:, 0].numpy()]
    way = ways(maze, places.repeat(NUM_MACROS, axis=0), ends)
    # In cells, where a way counts whole ones: one more than can be gone is still rounding.
    reach = (level.steps * maze.max_step + 1) / maze.side
    return {"off": float(off.mean()), "way": float(way.mean()), "too_far": float((way > reach).mean())}


@torch.no_grad()
def measure(path: Path) -> tuple[dict, list[Tensor], np.ndarray, Maze]:
    """All figures of a run; and, for the picture, some latents as every level sees them, and where they are."""
    run = Run.open(path)
    knowledge, logs, maze = load_knowledge(run), held_out_logs(run), world_of(run)
    assert isinstance(maze, Maze), "these figures are about mazes"
    places = np.concatenate([logs.info("position", index) for index in range(logs.num_episodes)])
    size = knowledge.world_model.latent_size
    rows = numpy_generator(0, "frames").permutation(len(places))[:NUM_DRAWN]
    seen = climb(knowledge.levels, encode_logs(knowledge.world_model, logs)[0][rows, :size])
    told: dict[str, dict] = {}
    for number, latents in enumerate(seen, 1):
        told[str(number)] = ranking(maze, latents[:NUM_FRAMES], places[rows][:NUM_FRAMES])
        if number > 1:
            some = slice(0, NUM_STARTS)
            told[str(number)] |= leading(maze, knowledge.levels[number - 2], knowledge, latents[some], places[rows][some])
    return told, seen, places[rows], maze


def draw(seen: list[Tensor], places: np.ndarray, maze: Maze, file: Path) -> None:
    """The arena, and each level's latents along their two widest directions, all in the colour of the way to one end."""
    import matplotlib

    matplotlib.use("svg" if file.suffix == ".svg" else "agg")
    from matplotlib import pyplot

    corner = places[places.sum(axis=1).argmin()]
    colour = ways(maze, places, np.repeat(corner[None], len(places), axis=0))
    figure, axes = pyplot.subplots(1, 1 + len(seen), figsize=(3 * (1 + len(seen)), 3.1), layout="constrained")
    axes[0].scatter(places[:, 0], -places[:, 1], c=colour, s=2, cmap="viridis", rasterized=True)
    axes[0].set_title("where")
    for number, (axis, latents) in enumerate(zip(axes[1:], seen, strict=True), 1):
        centred = latents - latents.mean(dim=0)
        flat = (centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T).numpy()
        axis.scatter(flat[:, 0], flat[:, 1], c=colour, s=2, cmap="viridis", rasterized=True)
        axis.set_title(f"level {number}")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    save_figure(figure, file, dpi=110)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--figures", type=Path, help="folder for level-latents.png, of the first run")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for place, path in enumerate(asked.runs):
        told, *seen = measure(path)
        print(json.dumps({"run": path.name, "levels": told}), flush=True)
        if asked.figures and place == 0:
            draw(*seen, asked.figures / "level-latents.png")


if __name__ == "__main__":
    main()
