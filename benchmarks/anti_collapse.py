"""What keeps the latents alive: each term of the loss is removed in turn, and the same world is learned again.

python benchmarks/anti_collapse.py [--out runs/anti-collapse] [--seeds 0 1] [--episodes 200]

Two rooms, 2,000 logs of 40 random steps, the recipe `pixels`. Prints a table in Markdown and leaves OUT/table.json.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import telos
from telos import data, envs
from telos.cli.evaluate import evaluate_run
from telos.core.contracts import AbstractObjective
from telos.core.errors import CollapseError
from telos.core.run import Run
from telos.recipes import Recipe, pixels, sigreg
from telos.training.objectives import Covariance, InverseDynamics, SIGReg, Smoothness, Variance

Term = type[AbstractObjective]


def without(make: Callable[..., Recipe], *terms: Term) -> Callable[..., Recipe]:
    """The recipe with some terms of its first phase left out."""

    def recipe(logs) -> Recipe:
        made = make(logs)
        first, *rest = made.curriculum.phases
        kept = tuple(term for term in first.objectives if not isinstance(term, terms))
        name = "-".join([made.name, *(f"no-{term.__name__.lower()}" for term in terms)])
        return replace(made, name=name, curriculum=replace(made.curriculum, phases=(replace(first, objectives=kept), *rest)))

    return recipe


ROWS: dict[str, Callable[..., Recipe]] = {
    "VICReg: everything": pixels,
    "… without variance": without(pixels, Variance),
    "… without covariance": without(pixels, Covariance),
    "… without variance and covariance": without(pixels, Variance, Covariance),
    "… without smoothness": without(pixels, Smoothness),
    "… without inverse dynamics": without(pixels, InverseDynamics),
    "… without variance, covariance and inverse dynamics": without(pixels, Variance, Covariance, InverseDynamics),
    "SIGReg: everything": sigreg,
    "… without smoothness and inverse dynamics": without(sigreg, Smoothness, InverseDynamics),
    "… without SIGReg and inverse dynamics": without(sigreg, SIGReg, InverseDynamics),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/anti-collapse"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--episodes", type=int, default=200)
    args = parser.parse_args()
    results = []
    for seed in args.seeds:
        logs = collect(args.out / f"logs-{seed}", seed)
        for label, recipe in ROWS.items():
            results.append({"row": label, "seed": seed, **measure(logs, recipe, args.out, seed, args.episodes)})
            print(line(results[-1]), flush=True)
    (args.out / "table.json").write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + table(results))


def collect(out: Path, seed: int) -> Path:
    if not out.exists():
        env = envs.WorldVectorEnv(envs.TwoRooms(), 64, max_steps=40)
        about = {"name": "two-rooms", "args": {}}
        data.collect(env, data.HeldRandomActions(), out, episodes=2000, steps=40, seed=seed, spaces=env.world.spaces, environment=about)
    return out


def measure(logs: Path, recipe: Callable[..., Recipe], out: Path, seed: int, episodes: int) -> dict:
    folder = out / f"{recipe(data.Episodes.open(logs)).name}-{seed}"
    try:
        run = telos.train(logs, folder, recipe=recipe, seed=seed)
    except CollapseError as error:
        last = Run.open(folder).metrics()[-1]
        shutil.rmtree(folder)
        return {**health(last), "stopped": last["step"], "reason": error.what, "success": None, "position": None}
    result = evaluate_run(run, episodes=episodes, seed=seed)
    position = next(part["latent"] for part in result["probe"] if part["quantity"] == "position")
    rates = {key: result[key] for key in ("success", "success_low", "success_high")}
    return {**health(run.metrics()[-1]), "stopped": None, **rates, "position": position}


def health(last: dict) -> dict:
    return {key: last[key] for key in ("effective_rank", "mean_deviation", "relative_error")}


def line(row: dict) -> str:
    rank, deviation, error = row["effective_rank"], row["mean_deviation"], row["relative_error"]
    if row["stopped"]:
        end = f"stopped at step {row['stopped']} by the collapse watch | –"
    else:
        interval = f"{100 * row['success_low']:.1f} to {100 * row['success_high']:.1f}"
        end = f"{100 * row['success']:.1f} % ({interval}) | {row['position']:.3f}"
    return f"| {row['row']} | {row['seed']} | {rank:.1f} of 16 | {deviation:.3f} | {error:.3f} | {end} |"


def table(results: list[dict]) -> str:
    head = '| terms | seed | effective rank | mean deviation | error, share of "nothing moves" | success | position R² |'
    return "\n".join([head, "|---|---|---|---|---|---|---|", *(line(row) for row in sorted(results, key=lambda row: list(ROWS).index(row["row"])))])


if __name__ == "__main__":
    main()
