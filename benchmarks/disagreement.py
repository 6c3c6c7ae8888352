"""Whether an ensemble disagrees where its logs say nothing, and what five members cost.

Logs are episodes of `PointMass` that stay in the left half of the arena. What is compared: disagreement along held-out episodes of the
left, and along episodes that stay in the right half, which no log shows; and how it goes with the true error of what is imagined.

Run: OMP_NUM_THREADS=1 python benchmarks/disagreement.py [--out runs/disagreement]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from telos import data
from telos.agent.world_model import EnsemblePredictorConfig, MLPPredictorConfig
from telos.core.contracts import AbstractPredictor, AbstractPredictorConfig, AbstractWorldModel
from telos.data import Episodes, EpisodeWriter
from telos.envs import make_vector_env
from telos.recipes.experiment import load_world_model, train
from telos.teaching.disagreement import usual_disagreement

EPISODES, STEPS, HORIZON = 1500, 20, 10
MIDDLE, MARGIN = 0.5, 0.02


def collected(folder: Path) -> Path:
    """Episodes of the whole arena."""
    if not (folder / "all").exists():
        env = make_vector_env("point-mass", 100, max_steps=STEPS)
        about = {"spaces": env.world.spaces, "environment": {"name": "point-mass", "args": {}}}
        data.collect(env, data.HeldRandomActions(), folder / "all", episodes=EPISODES, steps=STEPS, seed=0, **about)
    return folder / "all"


def halves(store: Episodes) -> tuple[list[int], list[int]]:
    """Episodes that stay left, and those that stay right."""
    across = [store.episode(number).observations[:, 0] for number in range(store.num_episodes)]
    left = [number for number, x in enumerate(across) if x.max() < MIDDLE - MARGIN]
    return left, [number for number, x in enumerate(across) if x.min() > MIDDLE + MARGIN]


def kept(store: Episodes, episodes: list[int], out: Path) -> Path:
    """A store of these episodes alone."""
    if not out.exists():
        with EpisodeWriter(out, store.spaces) as writer:
            for number in episodes:
                piece = store.episode(number)
                writer.add(piece.observations, piece.actions)
    return out


@torch.no_grad()
def along(model: AbstractWorldModel, store: Episodes, episodes: list[int]) -> tuple[Tensor, Tensor]:
    """Disagreement and squared error of rollouts from the first frames, `[episodes horizon]` each."""
    pieces = [store.episode(number) for number in episodes]
    frames = torch.from_numpy(np.stack([piece.observations[: HORIZON + 1] for piece in pieces]))
    actions = torch.from_numpy(np.stack([piece.actions[:HORIZON] for piece in pieces]))
    states = model.encode_window(frames, actions)
    rollout = model.rollout(states.at(0), actions)
    assert rollout.disagreement is not None
    return rollout.disagreement, (rollout.latent - states.latent[:, 1:]).square().mean(dim=-1)


def area(above: Tensor, below: Tensor) -> float:
    """How often a number of the first is above one of the second."""
    ranks = torch.cat([above.flatten(), below.flatten()]).argsort().argsort().double() + 1
    num = above.numel()
    return float((ranks[:num].sum() - num * (num + 1) / 2) / (num * below.numel()))


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's."""
    ranks = torch.stack([part.flatten().argsort().argsort().double() for part in (one, other)])
    return float(torch.corrcoef(ranks)[0, 1])


def seconds(run: Callable[[], object], num: int = 20) -> float:
    """CPU time of one call, the least of seven rounds."""
    for _ in range(3):
        run()
    best = float("inf")
    for _ in range(7):
        start = time.process_time()
        for _ in range(num):
            run()
        best = min(best, (time.process_time() - start) / num)
    return best


@torch.no_grad()
def costs(rows: int, members: int = 5) -> dict[str, float]:
    """Milliseconds of a rollout of 14 steps: one predictor, so many in separate passes, and as an ensemble; whole and half as wide."""

    def built(config: AbstractPredictorConfig) -> AbstractPredictor:
        return config.build(latent_size=16, scenery_size=0, action_size=5).eval()

    start = (torch.randn(1, 16), torch.zeros(1, 0), torch.zeros(1, 0), torch.randn(rows, 14, 5))
    many = [built(MLPPredictorConfig()) for _ in range(members)]
    whole, half = (built(EnsemblePredictorConfig(num_members=members, member=MLPPredictorConfig(width=width))) for width in (256, 128))
    ways = {
        "one": lambda: many[0].unroll(*start),
        "separate": lambda: [one.unroll(*start) for one in many],
        "ensemble": lambda: whole.unroll(*start),
        "ensemble, half as wide": lambda: half.unroll(*start),
    }
    return {name: round(1e3 * seconds(way), 2) for name, way in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/disagreement"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for rows in (64, 512):
        print(json.dumps({"rows": rows, **costs(rows)}), flush=True)
    store = Episodes.open(collected(options.out))
    left, right = halves(store)
    known, unseen = left[: -len(left) // 5], left[-len(left) // 5 :]
    if not (options.out / "run" / "model.safetensors").exists():
        train(kept(store, known, options.out / "left"), options.out / "run", recipe="ensemble", seed=0)
    model = load_world_model(options.out / "run")
    inside, inside_errors = along(model, store, unseen)
    outside, outside_errors = along(model, store, right)
    cost = usual_disagreement(model, Episodes.open(options.out / "left"), horizon=HORIZON)
    disagreement, errors = torch.cat([inside, outside]), torch.cat([inside_errors, outside_errors])
    found = {
        "episodes": {"trained on": len(known), "left": len(unseen), "right": len(right)},
        "area under the curve": round(area(outside, inside), 3),
        "rank correlation with the error": round(rank_correlation(disagreement, errors), 3),
        "the same, left alone": round(rank_correlation(inside, inside_errors), 3),
        "beyond the threshold": {
            name: round(float((part.sqrt() > cost.threshold).float().mean()), 3) for name, part in (("left", inside), ("right", outside))
        },
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
