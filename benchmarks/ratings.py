"""Teaching a taste to an agent: how many comparisons it takes, what it changes, and what becomes of it under pressure.

OMP_NUM_THREADS=1 python -m benchmarks.ratings RUNS [--part learning|behaviour|pressure|ways] [--seeds 0 1] [--figure FILE]

RUNS is a folder with the runs `hall` (one room of 7 x 7 cells), `pillar` (the same with a pillar of 1 x 3 in it); see
docs/commands.md. Hidden raters look at the true state of clips from the logs, and compare 200 pairs. Prints tables in Markdown.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.cli.worlds import world_of
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.core.world import AbstractWorld, WorldState
from telos.data import HeldRandomActions, split
from telos.evaluation import make_protocol
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant, RandomContestant, ScriptedContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Pairs
from telos.recipes.experiment import load_agent
from telos.recipes.run_logs import logs_of
from telos.teaching.ratings.experiment import RatedClips, Taught, rated_clips, teach_by
from telos.teaching.ratings.raters import AbstractRater, BeSlow, KeepAway, PassAbove
from telos.teaching.ratings.watch import Pressure, best_of

STEPS, POOL, HELD_OUT = 12, 3000, 1000
MARKS = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 120, 140, 160, 180, 200)
BAR = 0.9
CELLS = 9
"""Of the hall, per side, with the wall around it."""
STARTS, CANDIDATES = 12, 1024
"""Of the measurement under pressure."""
RED, GREY = "#c4412f", "#8a8d96"


@dataclass(frozen=True)
class Taste:
    """One hidden rater, where it lives, and what its taste means for the way to a goal."""

    title: str
    run: str
    rater: AbstractRater
    weight: float
    """Of the critic beside the agent's own cost; chosen on seeds from 100 on."""
    pairs: Callable[[AbstractWorld, int, int], tuple[WorldState, WorldState]]
    preferred: Callable[[np.ndarray, np.ndarray, np.ndarray], bool]
    """Whether a way (positions until the goal was reached) is the preferred one, given start and goal."""
    means: str
    """The same in words."""
    horizon: int | None = None
    """Of the planner, before and after; None: the recipe's."""


def along_walls(world: AbstractWorld, seed: int, num: int) -> tuple[WorldState, WorldState]:
    """Starts and goals near the same wall of the hall, far from each other."""
    rng = numpy_generator(seed, "along walls")
    near, along = rng.uniform(0.045, 0.11, (num, 2)), rng.uniform(0.06, 0.16, (num, 2))
    low, high = 1 / CELLS, 1 - 1 / CELLS
    start, goal = np.stack([low + along[:, 0], low + near[:, 0]], 1), np.stack([high - along[:, 1], low + near[:, 1]], 1)
    turn = rng.integers(4, size=num)
    swap = rng.random(num) < 0.5
    start[swap], goal[swap] = goal[swap].copy(), start[swap].copy()
    for number, quarter in enumerate(turn):
        for _ in range(quarter):
            start[number], goal[number] = _turned(start[number]), _turned(goal[number])
    grid = world.sample(np.random.default_rng(0), 1)["grid"].repeat(num, axis=0)
    return {"position": start, "grid": grid}, {"position": goal, "grid": grid.copy()}


def past_pillar(world: AbstractWorld, seed: int, num: int) -> tuple[WorldState, WorldState]:
    """From one side of the pillar to the other, at the heights where it is in the way."""
    rng = numpy_generator(seed, "past the pillar")
    heights = rng.uniform(3.2, 5.8, (num, 2)) / CELLS
    across = rng.uniform(1.5, 2.8, (num, 2)) / CELLS
    start, goal = np.stack([across[:, 0], heights[:, 0]], 1), np.stack([1 - across[:, 1], heights[:, 1]], 1)
    swap = rng.random(num) < 0.5
    start[swap], goal[swap] = goal[swap].copy(), start[swap].copy()
    grid = world.sample(np.random.default_rng(0), 1)["grid"].repeat(num, axis=0)
    return {"position": start, "grid": grid}, {"position": goal, "grid": grid.copy()}


def anywhere(world: AbstractWorld, seed: int, num: int) -> tuple[WorldState, WorldState]:
    """The world's own starts and goals."""
    return world.sample_pairs(numpy_generator(seed, "anywhere"), num, "middle")


def keeps_away(way: np.ndarray, start: np.ndarray, goal: np.ndarray) -> bool:
    """Clearance of 0.14 or more, on average over the part of the way that is not near its ends."""
    far = np.minimum(np.linalg.norm(way - start, axis=1), np.linalg.norm(way - goal, axis=1)) > 0.2
    return bool(far.any()) and float(KeepAway(border=1 / CELLS).clearance(way[far]).mean()) >= 0.14


def passes_above(way: np.ndarray, start: np.ndarray, goal: np.ndarray) -> bool:
    """Over the pillar, wherever the middle of the arena is crossed."""
    crossing = np.flatnonzero((way[:-1, 0] < 0.5) != (way[1:, 0] < 0.5))
    return bool(len(crossing)) and bool((way[crossing, 1] < 0.5).all())


def goes_slowly(way: np.ndarray, start: np.ndarray, goal: np.ndarray) -> bool:
    """At most 0.05 arena widths a step, on average."""
    return len(way) > 1 and float(np.linalg.norm(np.diff(way, axis=0), axis=1).mean()) <= 0.05


TASTES = (
    Taste("keep away from walls", "hall", KeepAway(border=1 / CELLS, enough=0.25), 1.0, along_walls, keeps_away, "mean clearance ≥ 0.14"),
    Taste("pass on the upper side", "pillar", PassAbove(), 1.0, past_pillar, passes_above, "above the pillar"),
    Taste("be slow", "hall", BeSlow(), 1.5, anywhere, goes_slowly, "mean step ≤ 0.05", 24),
)


def _turned(point: np.ndarray) -> np.ndarray:
    return np.array([1 - point[1], point[0]])


def clips_of(taste: Taste, runs: Path, seed: int) -> tuple[Agent, RatedClips, RatedClips]:
    """The agent of the run, and clips to ask about and to test on."""
    run = Run.open(runs / taste.run)
    agent = load_agent(run, seed=seed)
    if taste.horizon is not None:
        agent.settings = replace(agent.settings, planner=replace(agent.settings.planner, horizon=taste.horizon))
    known, held_out = split(logs_of(run), held_out=run.description["held_out"], seed=run.description["seed"])
    model = agent.world_model
    pool = rated_clips(model, known, taste.rater, num=POOL, steps=STEPS, seed=seed)
    return agent, pool, rated_clips(model, held_out, taste.rater, num=HELD_OUT, steps=STEPS, seed=seed + 1)


def taught(taste: Taste, runs: Path, seed: int, **settings) -> tuple[Agent, Taught]:
    """The agent of the run, and what 200 comparisons taught."""
    agent, pool, held_out = clips_of(taste, runs, seed)
    return agent, teach_by(taste.rater, pool, held_out, agent.world_model, seed=seed, **settings)


def ways(world: AbstractWorld, pairs: Pairs, contestant: AbstractContestant, seed: int):
    """How a contestant fared, and its ways until it was through."""
    protocol = make_protocol(world, None, episodes=len(pairs), offset=None, seed=seed)
    tracks = [[start] for start in pairs.starts["position"]]

    def record(alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        for row, position in zip(alive, states["position"], strict=True):
            tracks[row].append(position)

    outcome = play(world, pairs, contestant, protocol, record=record)
    found = []
    for track, goal in zip(tracks, pairs.goals["position"], strict=True):
        way = np.array(track)
        # What is done after arriving, while the five steps in a row are counted, is no part of the way.
        there = np.flatnonzero(np.linalg.norm(way - goal, axis=1) <= protocol.radius)
        found.append(way[: there[0] + 1] if len(there) else way)
    return outcome, found


def pairs_of(taste: Taste, world: AbstractWorld, seed: int, episodes: int) -> Pairs:
    """Starts, goals and limits, by the world's own rules."""
    starts, goals = taste.pairs(world, seed, episodes)
    protocol = make_protocol(world, None, episodes=episodes, offset=None, seed=seed)
    return Pairs(starts, goals, np.ceil(protocol.patience * expert_steps(world, protocol, starts, goals)).astype(int))


def measured(taste: Taste, world: AbstractWorld, pairs: Pairs, contestant: AbstractContestant, seed: int) -> tuple[Rate, Rate, float]:
    """Success, the preferred way (of all episodes), and the median of the steps."""
    outcome, found = ways(world, pairs, contestant, seed)
    liked = [taste.preferred(way, start, goal) for way, start, goal in zip(found, pairs.starts["position"], pairs.goals["position"], strict=True)]
    return outcome.rate, Rate(int(np.sum(liked)), len(liked)), float(np.median(outcome.steps))


def behaviour(taste: Taste, runs: Path, seed: int, episodes: int, weights: tuple[float, ...] | None = None) -> None:
    """Before and after, beside floors, on the same starts."""
    agent, lesson = taught(taste, runs, seed)
    world = world_of(Run.open(runs / taste.run))
    pairs = pairs_of(taste, world, seed, episodes)
    rows: dict[str, AbstractContestant] = {"before": AgentContestant(agent)}
    usual = agent.settings
    for weight in weights or (taste.weight,):
        after = Agent(agent.knowledge, replace(usual, cost=usual.cost + weight * lesson.critic), seed=seed)
        rows[f"after, weight {weight:g}"] = AgentContestant(after)
    rows |= {"scripted expert": ScriptedContestant(), "random": RandomContestant(seed)}
    for name, contestant in rows.items():
        success, liked, steps = measured(taste, world, pairs, contestant, seed)
        print(f"| {taste.title} | {seed} | {lesson.curve[-1][1]:.3f} | {name} | {told(liked)} | {told(success)} | {steps:.0f} |", flush=True)


def told(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * rate.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def learning(taste: Taste, runs: Path, seed: int) -> dict[str, list[tuple[int, float]]]:
    """Accuracy against comparisons, chosen and by chance."""
    agent, pool, held_out = clips_of(taste, runs, seed)
    found = {}
    for choose in ("telling", "random"):
        lesson = teach_by(taste.rater, pool, held_out, agent.world_model, choose=choose, marks=MARKS, seed=seed)
        found[choose] = list(lesson.curve)
        print(f"| {taste.title} | {choose} | {seed} | {' | '.join(f'{100 * share:.1f}' for _, share in lesson.curve)} | {lesson.equal} |", flush=True)
    return found


def pressed(taste: Taste, runs: Path, seed: int, num_answers: int) -> dict[str, list[Pressure]]:
    """The best of more and more candidates, by the critic's mean and pessimistically; few answers make few things certain."""
    agent, pool, held_out = clips_of(taste, runs, seed)
    lesson = teach_by(taste.rater, pool, held_out, agent.world_model, num_answers=num_answers, choose="random", seed=seed)
    world, rng = world_of(Run.open(runs / taste.run)), numpy_generator(seed, "pressure")
    found: dict[str, list[list[Pressure]]] = {"mean": [], "pessimistic": []}
    for _ in range(STARTS):
        ratings, worth = imagined_and_true(agent, world, taste, lesson, rng)
        mean = ratings.mean(axis=1)
        for name, trust in (("mean", 0.0), ("pessimistic", 1.0)):
            chosen_by = mean - trust * ratings.std(axis=1)
            found[name].append(best_of(mean, worth, rng, chosen_by=chosen_by, tries=100))
    return {name: [_average(list(same)) for same in zip(*parts, strict=True)] for name, parts in found.items()}


def imagined_and_true(agent: Agent, world: AbstractWorld, taste: Taste, lesson: Taught, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What each critic thinks of imagined candidates from one start `[candidates members]`, and what these would be worth."""
    start = world.sample(rng, 1)
    behaviour = HeldRandomActions().start(world.spaces.action, CANDIDATES, rng)
    begun = np.ones(CANDIDATES, dtype=bool)
    actions = np.stack([behaviour({}, {}, begun & (time == 0)) for time in range(STEPS)], axis=1)
    states = {name: part.repeat(CANDIDATES, axis=0) for name, part in start.items()}
    track = [states["position"]]
    for time in range(STEPS):
        states = world.advance(states, actions[:, time])
        track.append(states["position"])
    model = agent.world_model
    with torch.no_grad():
        begin = model.observe(None, None, torch.from_numpy(world.observe(start)))
        imagined = model.rollout(begin, torch.from_numpy(actions)).belief
        beliefs = torch.cat([begin.belief[:, None].expand(CANDIDATES, 1, -1), imagined], dim=1)
        ratings = lesson.critic.rate(beliefs, torch.from_numpy(actions)).numpy()
    return ratings, taste.rater.score(np.stack(track, axis=1))


def _average(same: list[Pressure]) -> Pressure:
    return Pressure(same[0].candidates, float(np.mean([one.predicted for one in same])), float(np.mean([one.true for one in same])))


def draw_learning(curves: dict[str, dict[str, list[list[tuple[int, float]]]]], path: Path) -> None:
    """Accuracy against comparisons, one panel a rater; thin lines are seeds."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(3.3 * len(curves), 2.9), sharey=True, squeeze=False)
    for axis, (title, by_choice) in zip(axes[0], curves.items(), strict=True):
        for (choose, runs), colour in zip(by_choice.items(), (RED, GREY), strict=True):
            counts = [count for count, _ in runs[0]]
            shares = np.array([[share for _, share in run] for run in runs])
            axis.plot(counts, 100 * shares.T, color=colour, alpha=0.25, linewidth=0.8)
            axis.plot(counts, 100 * shares.mean(axis=0), color=colour, label="chosen" if choose == "telling" else "by chance")
        axis.axhline(100 * BAR, color=GREY, linestyle=":", linewidth=0.8)
        axis.set(title=title, xlabel="comparisons", xlim=(0, 200), ylim=(45, 100))
    axes[0, 0].set_ylabel("held-out pairs judged alike, %")
    axes[0, 0].legend(frameon=False, loc="lower right")
    _save(figure, path)


def draw_pressure(found: dict[int, dict[str, list[Pressure]]], path: Path) -> None:
    """Claimed and true rating of the best candidate, the more there are to choose from."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(found), figsize=(4.2 * len(found), 3.1), sharey=True, squeeze=False)
    for axis, (answers, curves) in zip(axes[0], found.items(), strict=True):
        for (name, points), colour in zip(curves.items(), (GREY, RED), strict=True):
            counts = [point.candidates for point in points]
            axis.plot(counts, [point.predicted for point in points], color=colour, linestyle="--", label=f"{name}: claimed")
            axis.plot(counts, [point.true for point in points], color=colour, label=f"{name}: true")
        axis.set(title=f"{answers} answers", xlabel="candidates", xscale="log")
    axes[0, 0].set_ylabel("rating of the best, in deviations")
    axes[0, 0].legend(frameon=False)
    _save(figure, path)


def draw_ways(runs: Path, path: Path, seed: int = 0, num: int = 24) -> None:
    """Ways before and after, on the same starts."""
    import matplotlib.pyplot as plt

    shown = [taste for taste in TASTES if taste.title != "be slow"]
    figure, axes = plt.subplots(1, 2 * len(shown), figsize=(3 * 2 * len(shown), 3.3))
    for number, taste in enumerate(shown):
        agent, lesson = taught(taste, runs, seed, choose="random")
        world, usual = world_of(Run.open(runs / taste.run)), agent.settings
        pairs = pairs_of(taste, world, seed, num)
        after = Agent(agent.knowledge, replace(usual, cost=usual.cost + taste.weight * lesson.critic), seed=seed)
        walls = pairs.starts["grid"][0]
        for axis, name, player in ((axes[2 * number], "before", agent), (axes[2 * number + 1], "after 200 comparisons", after)):
            axis.imshow(walls, extent=(0, 1, 1, 0), cmap="Greys", vmax=1.6)
            for way, goal in zip(ways(world, pairs, AgentContestant(player), seed)[1], pairs.goals["position"], strict=True):
                axis.plot(*way.T, color=RED, alpha=0.6, linewidth=1)
                axis.plot(*goal, "o", color="#2e3a4e", markersize=2.5)
            axis.set(xticks=[], yticks=[], title=f"{taste.title}:\n{name}")
    _save(figure, path)


def _save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110, bbox_inches="tight")
    print(f"wrote {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--part", choices=("learning", "behaviour", "pressure", "ways"), default="behaviour")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--only", default="")
    parser.add_argument("--weights", type=float, nargs="+", default=None)
    parser.add_argument("--figure", type=Path, default=None, help="where the picture of learning, pressure or ways goes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tastes = [taste for taste in TASTES if args.only in taste.title]
    if args.part == "behaviour":
        for taste in tastes:
            for seed in args.seeds:
                behaviour(taste, args.runs, seed, args.episodes, args.weights and tuple(args.weights))
    if args.part == "learning":
        curves: dict[str, dict[str, list]] = {taste.title: {"telling": [], "random": []} for taste in tastes}
        for taste in tastes:
            for seed in args.seeds:
                for choose, curve in learning(taste, args.runs, seed).items():
                    curves[taste.title][choose].append(curve)
        for title, by_choice in curves.items():
            print(f"{title}: {100 * BAR:.0f} % after {', '.join(f'{first_above(runs)} ({choose})' for choose, runs in by_choice.items())}")
        if args.figure:
            draw_learning(curves, args.figure)
    if args.part == "pressure":
        found = {answers: pressed(tastes[0], args.runs, args.seeds[0], answers) for answers in (15, 60)}
        for answers, by_name in found.items():
            for name, points in by_name.items():
                print(answers, name, " ".join(f"{point.candidates}: {point.predicted:.2f}/{point.true:.2f}" for point in points))
        if args.figure:
            draw_pressure(found, args.figure)
    if args.part == "ways" and args.figure:
        draw_ways(args.runs, args.figure, args.seeds[0])


def first_above(runs: list[list[tuple[int, float]]]) -> str:
    """Comparisons after which the mean over the seeds reaches the bar."""
    counts, mean = [count for count, _ in runs[0]], np.mean([[share for _, share in run] for run in runs], axis=0)
    above = np.flatnonzero(mean >= BAR)
    return str(counts[above[0]]) if len(above) else f"more than {counts[-1]}"


if __name__ == "__main__":
    main()
