"""What surprises an agent: pairs of possible and impossible clips, and worlds that change their ways.

    python benchmarks/expectations.py train FOLDER [--seed 0]             # logs of the playroom, the recipe `play`, and its floors
    python benchmarks/expectations.py pairs FOLDER [--pairs 200] [--seeds 0 1] [--pictures docs/images]
    python benchmarks/expectations.py changes RUN [--mode plan] [--own 200] [--episodes 400] [--seeds 0 1] [--level 0.01] [--every 3]

Every judge watches the same pairs, which share all frames up to the violation. A pair is ranked right where the impossible clip is the more
surprising one, all steps together. Floors: the same network with an untrained encoder, one that was trained to foretell one step alone, one
that foretells pixels, and the change from frame to frame. Run with OMP_NUM_THREADS=1.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import telos
from telos.agent.actor import MPPI
from telos.agent.loop import Agent
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.core.spaces import Spaces
from telos.data import Episodes, HeldRandomActions, collect, split
from telos.envs import Playroom, TwoRooms, WorldVectorEnv
from telos.evaluation.changes import Drag, Mirrored, Wind, changed, measure_noticing
from telos.evaluation.closed_loop import expert_steps
from telos.evaluation.closed_loop import play as play_all
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.expectations import VIOLATIONS, FrameDifference, PixelJudge, WorldModelJudge, judge_pairs, make_pairs, train_pixel_judge
from telos.evaluation.expectations.pixels import PixelDecoder
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.recipes import Recipe, play
from telos.recipes.experiment import train
from telos.recipes.knowledge import load_knowledge, load_recipe
from telos.teaching.ratings.own_episodes import play_episodes
from telos.teaching.surprise import fit_surprise, teach_surprise

EPISODES, STEPS = 4000, 40
IN_THE_ROOM = (4, 8, 12)
"""Horizons: it takes as many steps to pass behind the screen."""
PIXELS = {"batch_size": 24, "window": 16, "seen": 5, "learning_rate": 2e-3}
"""How the predictor of pixels is trained: long enough for the farthest horizon."""
CARD, TEXT, CALM, ALARM = "#fbfaf7", "#1d2733", "#4a6d8c", "#d2382a"


def untrained(logs: AbstractLogs) -> Recipe:
    """Dynamics learned on what an encoder of fresh weights makes of pictures."""
    recipe = play(logs)
    # Its latents are small, which is no collapse.
    watch = replace(recipe.curriculum.watch, least_deviation=0.0)
    return replace(recipe, name="play-untrained", curriculum=replace(recipe.curriculum, phases=recipe.curriculum.phases[1:], watch=watch))


def one_step(logs: AbstractLogs) -> Recipe:
    """As `play`, but from every frame one step alone is foretold."""
    recipe = play(logs)
    phases = tuple(replace(phase, imagines="each step", seen=1) for phase in recipe.curriculum.phases)
    return replace(recipe, name="play-one-step", curriculum=replace(recipe.curriculum, phases=phases))


RECIPES = {"play": play, "untrained": untrained, "one-step": one_step}


def train_all(folder: Path, seed: int, only: str | None, pixel_steps: int) -> None:
    torch.set_num_threads(1)
    if not (folder / "logs").exists():
        env = WorldVectorEnv(Playroom(), 100, max_steps=STEPS)
        about = {"spaces": env.world.spaces, "environment": {"name": "playroom", "args": {}}}
        collect(env, HeldRandomActions(), folder / "logs", episodes=EPISODES, steps=STEPS, seed=seed, **about)
    for name, recipe in RECIPES.items():
        if only in (None, name):
            run = train(folder / "logs", folder / name, recipe=recipe, seed=seed)
            print(name, json.dumps(teach_surprise(run, horizons=IN_THE_ROOM).to_json()["below"]), flush=True)
    if only in (None, "pixels"):
        _train_pixels(folder, seed, pixel_steps)


def _train_pixels(folder: Path, seed: int, steps: int) -> None:
    logs, recipe = Episodes.open(folder / "logs"), load_recipe(Run.open(folder / "play"))
    known, _ = split(logs, held_out=0.1, seed=seed)
    torch.manual_seed(seed)
    fresh = recipe.world_model.build(logs.spaces, {"action": logs.moments("action"), "observation": logs.moments("observation")})
    judge = train_pixel_judge(fresh, known, num_steps=steps, horizons=IN_THE_ROOM, seed=seed, **PIXELS)
    torch.save({"model": judge.world_model.state_dict(), "decoder": judge.decoder.state_dict(), "usual": judge.usual}, folder / "pixels.pt")


def judges(folder: Path) -> Iterator[tuple[str, object]]:
    """Everybody who watches the clips, by the name in the table."""
    for name in ("play", "one-step", "untrained"):
        if not (folder / name / "model.safetensors").exists():
            continue
        knowledge, run = load_knowledge(folder / name), Run.open(folder / name)
        yield _label(name), WorldModelJudge(knowledge.world_model, knowledge.surprise)
        if name == "untrained":
            continue
        _, held_out = split(Episodes.open(folder / "logs"), held_out=run.description["held_out"], seed=run.description["seed"])
        for horizon in (1, 8) if name == "play" else (1,):
            lesson, _ = fit_surprise(knowledge.world_model, held_out, horizons=(horizon,))
            yield f"{_label(name)}, horizon {horizon} alone", WorldModelJudge(knowledge.world_model, lesson.surprise)
    if (folder / "pixels.pt").exists():
        yield "pixel predictor", _load_pixels(folder)
    yield "frame difference", FrameDifference()


def _label(name: str) -> str:
    return {"play": "Telos", "one-step": "trained on one step", "untrained": "untrained encoder"}[name]


def _load_pixels(folder: Path) -> PixelJudge:
    run, kept = Run.open(folder / "play"), torch.load(folder / "pixels.pt", weights_only=True)
    model = load_recipe(run).world_model.build(Spaces.from_json(run.description["spaces"]))
    decoder = PixelDecoder(latent_size=model.latent_size, size=Playroom().size)
    model.load_state_dict(kept["model"])
    decoder.load_state_dict(kept["decoder"])
    judge = PixelJudge(model.eval(), decoder.eval(), IN_THE_ROOM)
    judge.usual = kept["usual"]
    return judge


def rank(folder: Path, num: int, seeds: list[int], pictures: Path | None) -> None:
    """The table, and the pictures of the first pair of each kind."""
    torch.set_num_threads(1)
    world, rows = Playroom(), {}
    kinds = {violation.name: [make_pairs(world, violation, num // len(seeds), seed=seed) for seed in seeds] for violation in VIOLATIONS}
    print(f"{'':36}" + "".join(f"{name[:15]:>17}" for name in kinds) + f"{'all':>17}")
    for label, judge in judges(folder):
        found = {name: [judge_pairs(judge, part) for part in parts] for name, parts in kinds.items()}
        rates = {name: Rate(sum(part.rate.count for part in parts), sum(part.rate.total for part in parts)) for name, parts in found.items()}
        rates["all"] = Rate(sum(rate.count for rate in rates.values()), sum(rate.total for rate in rates.values()))
        rows[label] = {name: (rate.value, *rate.interval, rate.total) for name, rate in rates.items()}
        print(f"{label:36}" + "".join(f"{_short(rate):>17}" for rate in rates.values()), flush=True)
    (folder / "pairs.json").write_text(json.dumps(rows, indent=2))
    if pictures is not None:
        knowledge = load_knowledge(folder / "play")
        draw({name: parts[0] for name, parts in kinds.items()}, WorldModelJudge(knowledge.world_model, knowledge.surprise), pictures)


def _short(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * rate.value:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def draw(kinds: dict, judge: WorldModelJudge, folder: Path) -> None:
    """For each kind the first pair that there is: both clips around the violation, and what each step was worth in surprise beneath."""
    for half, names in enumerate((list(kinds)[:3], list(kinds)[3:])):
        figure = Figure(figsize=(9.6, 2.75 * len(names)), facecolor=CARD, layout="constrained")
        for part, name in zip(figure.subfigures(len(names), 1), names, strict=True):
            _draw_pair(part, kinds[name], judge, name)
        figure.savefig(folder / f"surprise-pairs-{half + 1}.png", dpi=130)


def _draw_pair(part, pairs, judge: WorldModelJudge, name: str) -> None:
    first = max(1, int(pairs.begins[0]) - 4)
    times = np.arange(first, min(first + 18, pairs.possible.shape[1]))
    part.set_facecolor(CARD)
    part.suptitle(name, x=0.01, ha="left", fontsize=10, color=TEXT)
    axes = part.subplots(3, 1, height_ratios=(1, 1, 1.25))
    energies = {label: judge.look(clips[:1], pairs.actions[:1])[0][0] for label, clips in _both(pairs)}
    for axis, (label, clips) in zip(axes, _both(pairs), strict=False):
        strip = np.concatenate([np.pad(frame, ((0, 0), (1, 1), (0, 0)), constant_values=255) for frame in clips[0, times]], axis=1)
        axis.imshow(strip, interpolation="nearest", aspect="equal")
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, color=TEXT)
        for spine in axis.spines.values():
            spine.set_visible(False)
    for (label, values), colour in zip(energies.items(), (CALM, ALARM), strict=True):
        axes[2].plot(np.arange(len(times)), values[times - 1], color=colour, marker="o", markersize=3, linewidth=1.3, label=label)
    axes[2].axvline(int(pairs.begins[0]) - first, color=TEXT, linewidth=0.8, linestyle=":")
    axes[2].set(xlim=(-0.5, len(times) - 0.5), xticks=[], facecolor=CARD)
    axes[2].set_ylabel("surprise\n(nats)", rotation=0, ha="right", va="center", fontsize=8, color=TEXT)
    axes[2].tick_params(labelsize=7)
    axes[2].spines[["top", "right"]].set_visible(False)


def _both(pairs) -> tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]]:
    return ("possible", pairs.possible), ("impossible", pairs.impossible)


def notice(run: Path, args: argparse.Namespace) -> None:
    """Paired episodes in worlds that change, of an agent that notices and of the same one without the sense."""
    torch.set_num_threads(1)
    world, found = TwoRooms(), {}
    if args.own:
        own = play_episodes(_agent(run, args), world, run / f"own-episodes-{args.mode}", episodes=args.own)
        print("calibration", json.dumps(teach_surprise(run, own).to_json()), flush=True)
    changes = {"unchanged": (None, 0), **{f"{c.label}, after {args.after} steps": (c, args.after) for c in (Drag(), Mirrored(), Wind())}}
    for label, (change, after) in changes.items():
        ours, floor = [], []
        for seed in args.seeds:
            protocol = make_protocol(world, "across-rooms", episodes=args.episodes // len(args.seeds), offset=None, seed=seed)
            pairs = draw_pairs(world, protocol, lambda starts, goals, rules=protocol: expert_steps(world, rules, starts, goals))
            ours.append(measure_noticing(_agent(run, args), world, pairs, protocol, change, after=after))
            blind = _agent(run, args, blind=True)
            floor.append(play_all(*changed(world, pairs, change, after=after), AgentContestant(blind), protocol).success)
        found[label] = _row(ours, np.concatenate(floor), args.level)
        print(f"{label:44}" + json.dumps(found[label]), flush=True)
    (run / f"noticing-{args.mode}.json").write_text(json.dumps(found, indent=2))


def _agent(run: Path, args: argparse.Namespace, *, blind: bool = False) -> Agent:
    loaded = telos.load_agent(run, mode=args.mode)
    planner = MPPI(horizon=loaded.settings.planner.horizon, num_candidates=32, num_iterations=2, noise_exponent=2.0)
    settings = replace(loaded.settings, planner=planner, replan_every=args.every if args.mode == "plan" else 1)
    if blind:
        return Agent(replace(loaded.knowledge, surprise=None), settings, configurator=loaded.configurator)
    level = args.level if loaded.knowledge.surprise is not None else 0.0
    return Agent(loaded.knowledge, replace(settings, surprise_level=level), configurator=loaded.configurator)


def _row(ours: list, floor: np.ndarray, level: float) -> dict:
    success, rows = (np.concatenate(parts) for parts in ([part.outcome.success for part in ours], [part.judged() for part in ours]))
    delays = np.concatenate([part.delays(level) for part in ours])[rows]
    known = np.concatenate([part.p_values[np.isfinite(part.p_values)] for part in ours])
    return {
        "success": _with_interval(int(success.sum()), len(success)),
        "without": _with_interval(int(floor.sum()), len(floor)),
        "difference": paired_difference(success, floor),
        "alarms_in_100_steps": 100 * float((known < level).mean()),
        "noticed_in_10": _with_interval(int((delays <= 10).sum()), len(delays)),
        "judged": len(delays),
        "steps": [float(np.quantile(delays, q, method="inverted_cdf")) for q in (0.5, 0.95)] if len(delays) else None,
    }


def _with_interval(count: int, total: int) -> tuple[float, float, float]:
    rate = Rate(count, total)
    return rate.value, *rate.interval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("train", "pairs", "changes"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", choices=(*RECIPES, "pixels"))
    parser.add_argument("--pixel-steps", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--level", type=float, default=0.01)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--mode", choices=("plan", "auto"), default="plan")
    parser.add_argument("--own", type=int, default=0)
    parser.add_argument("--after", type=int, default=3)
    args = parser.parse_args()
    match args.part:
        case "train":
            train_all(args.folder, args.seed, args.only, args.pixel_steps)
        case "pairs":
            rank(args.folder, args.pairs, args.seeds, args.pictures)
        case "changes":
            notice(args.folder, args)


if __name__ == "__main__":
    main()
