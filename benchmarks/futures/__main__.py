"""What a latent variable is good for: futures in place of a mean that never happens, and plans that count the bad ones.

`WindyBridge`: the short way leads over a bridge where a gust may come, the long one round it. Logs are 160,000 random steps. Three models
learn from them: one that is certain, one with a latent code (`chance`), one with noisy numbers (`noise`); otherwise they are alike.
First, one step before the wind, their futures are compared with what may happen. Then agents of the first two cross, on the same starts
with the same luck, planning for the likeliest future, for the mean of 12, for a quantile, for the worst tenth (CVaR), for the worst. Energy,
search and task are the same for all: reach the goal, soon, and better not enter a pit.

Run: OMP_NUM_THREADS=1 python -m benchmarks.futures [--out runs/futures] [--episodes 400] [--seeds 3] [--training-seed 0] [--figures FOLDER]
     [--kinds certain code numbers] [--arms certain likeliest mean quantile cvar worst]
About an hour on one core. Models that lie in OUT already are not trained again.
"""

import argparse
import json
from pathlib import Path

import torch

from benchmarks.futures.crossing import FLOORS, RISKS, Crossings, cross, of_agent
from benchmarks.futures.forks import COUNTS, Forks, play_forks
from benchmarks.futures.learn import RECIPES, trained
from benchmarks.futures.pictures import draw_best_of, draw_futures, draw_ways

ARMS = ("certain", *RISKS)


def forks(folder: Path, training: int, seed: int, kinds: tuple[str, ...]) -> tuple[dict[str, Forks], dict]:
    """What each model says before the fork, and how good it is."""
    found = {kind: play_forks(trained(folder, kind, training), seed) for kind in kinds}
    table: dict = {"floor of one future": [next(iter(found.values())).floor(step) for step in (0, -1)]}
    for kind, each in found.items():
        counts = (1,) if each.sampled is None else COUNTS
        table[kind] = {"best of": {count: [each.best_of(count, step) for step in (0, -1)] for count in counts}}
        if each.sampled is not None:
            table[kind]["modes"] = each.modes()
    return found, table


def crossings(folder: Path, training: int, seed: int, episodes: int, arms: tuple[str, ...]) -> tuple[dict[str, Crossings], dict]:
    """How everybody fares, compared with who plans for the mean."""
    played = {name: cross(name, begin, episodes=episodes, seed=seed) for name, begin in FLOORS.items()}
    for arm in arms:
        run = trained(folder, "certain" if arm == "certain" else "code", training)
        played[arm] = cross(arm, of_agent(run, RISKS.get(arm)), episodes=episodes, seed=seed)
        print(seed, json.dumps(played[arm].to_json()), flush=True)
    mean = played.get("mean")
    return played, {name: each.to_json(mean if name in arms and name != "mean" else None) for name, each in played.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/futures"))
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3], help="of the episodes")
    parser.add_argument("--training-seed", type=int, default=0, help="of the logs and of the models")
    parser.add_argument("--kinds", nargs="+", default=list(RECIPES), choices=RECIPES, help="models whose futures are looked at")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--figures", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        found, told = forks(options.out, options.training_seed, seed, tuple(options.kinds))
        print(seed, json.dumps(told), flush=True)
        played, fared = crossings(options.out, options.training_seed, seed, options.episodes, tuple(options.arms))
        (options.out / f"results{seed}.json").write_text(json.dumps({"forks": told, "crossings": fared}, indent=2) + "\n", encoding="utf-8")
        if options.figures is not None and seed == options.seeds[0]:
            draw(found, played, options.figures)


def draw(found: dict[str, Forks], played: dict[str, Crossings], folder: Path) -> None:
    """The pictures for which everybody is there who is shown."""
    folder.mkdir(parents=True, exist_ok=True)
    if {"certain", "code"} <= found.keys():
        draw_futures(found["certain"], found["code"], folder / "futures-fork.svg")
        draw_best_of(found["certain"], found["code"], folder / "futures-best-of.svg")
    if shown := [played[name] for name in ("certain", "mean", "cvar") if name in played]:
        draw_ways(shown, folder / "futures-ways.svg")


if __name__ == "__main__":
    main()
