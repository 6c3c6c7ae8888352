"""Fast and slow: planning always, never, where the arbiter says so, and by the toss of a coin; all on the same starts and goals.

    modes       success, planner calls, paired differences, floors
    proposals   cross-entropy with 300 x 10 candidates, and with less than a tenth of them, with and without what the policy proposes
    time        what one action of Mode 1 takes on one thread, encoding included
    practice    two agents that become fast at something, and the picture of it
    ways        the picture of where an agent plans, for the run and for those `--beside` it

The run has been taught by `telos practise RUN`. In `Push` goals are what is seen 25 steps later in held-out logs, and success is the block within
0.1 of its goal at any step, as in benchmarks/push.py.

OMP_NUM_THREADS=1 python -m benchmarks.modes RUN --part modes --seeds 0 1 --episodes 200 --out modes.json
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.push import NEAR, USUAL, distances
from telos.agent.actor import CEM
from telos.agent.cost import ActionEffort
from telos.agent.loop import Agent
from telos.agent.policies import CalibratedArbiter
from telos.agent.tasks import ReachGoal
from telos.cli.worlds import held_out_logs, world_of
from telos.core.acting import AbstractArbiter, Prospect
from telos.core.run import Run
from telos.core.seeding import numpy_generator, torch_generator
from telos.core.types import Choice
from telos.core.world import AbstractWorld
from telos.data import split
from telos.envs import Push
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant, floors_of
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import OFFSET, Pairs, Protocol, draw_pairs, make_protocol
from telos.recipes.experiment import load_agent
from telos.recipes.run_logs import logs_of
from telos.teaching.policy.problems import LoggedProblems
from telos.teaching.practice_curve import draw_curves
from telos.teaching.practising import Exercise, fresh_skill, practise

HORIZON = 14
FULL = CEM(horizon=HORIZON, noise_exponent=2.0)
SMALL = CEM(horizon=HORIZON, noise_exponent=2.0, num_candidates=30, num_iterations=4, num_elites=6)
PROPOSALS = 8
SPARING = 10.0
"""Weight of effort: going at full speed all along then costs 0.13, a twentieth of what resting does."""
BLOCKS = 15


@dataclass(frozen=True)
class Coin(AbstractArbiter):
    """Plans with some probability, whatever the situation is."""

    rate: float
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "generator", torch_generator(self.seed, "coin"))

    def decide(self, prospect: Prospect) -> Choice:
        planned = torch.rand(prospect.problem.num_rows, generator=vars(self)["generator"]) < self.rate
        return Choice(planned=planned, reason=planned.long(), reasons=("tails", "heads"))


@dataclass(frozen=True)
class Arena:
    """Paired episodes, and how success is judged in them."""

    world: AbstractWorld
    pairs: Pairs
    judge: Callable[[AbstractContestant], np.ndarray]
    """Success `[episodes]`."""


def arena(run: Run, seed: int, episodes: int) -> Arena:
    """Across the rooms, or whatever the world's own first kind is; in `Push` the offset of 25 steps."""
    world = world_of(run)
    if isinstance(world, Push):
        protocol = Protocol(name=OFFSET, offset=25, episodes=episodes, seed=seed, radius=USUAL)
        rule = replace(protocol, radius=NEAR, hold=5)
        pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, rule, starts, goals), held_out_logs(run))
        return Arena(world, pairs, lambda contestant: (distances(world, pairs, contestant)[0] <= USUAL).any(axis=0))
    protocol = make_protocol(world, None, episodes=episodes, offset=None, seed=seed)
    pairs = draw_pairs(world, protocol, partial(expert_steps, world, protocol))
    return Arena(world, pairs, lambda contestant: play(world, pairs, contestant, protocol).success)


@dataclass
class Line:
    """One contestant over all seeds."""

    success: np.ndarray
    searches: int = 0
    steps: int = 0
    candidates: float = 0.0
    cpu: float = 0.0

    def joined(self, other: "Line | None") -> "Line":
        if other is None:
            return self
        sums = {name: getattr(self, name) + getattr(other, name) for name in ("searches", "steps", "candidates", "cpu")}
        return Line(np.concatenate([other.success, self.success]), **sums)

    def to_json(self) -> dict[str, Any]:
        rate = Rate(int(self.success.sum()), len(self.success))
        found = {"success": rate.value, "low": rate.interval[0], "high": rate.interval[1], "episodes": len(self.success), "searches": self.searches}
        if self.steps:
            found |= {"planned": self.searches / self.steps, "cpu_ms": 1000 * self.cpu / self.steps}
        return found | {"candidates": self.candidates / self.searches} if self.searches else found


class Counting(AgentContestant):
    """Counts candidates too."""

    candidates = 0.0

    def act(self, states):
        actions = super().act(states)
        plan = self.agent.last_plan
        assert plan is not None
        self.candidates += plan.trace.num_candidates * self.agent.num_planned
        return actions


def measure(where: Arena, agent: Agent, name: str) -> Line:
    contestant = Counting(agent, name)
    success = where.judge(contestant)
    return Line(success, contestant.conduct.searches, contestant.conduct.decisions, contestant.candidates, contestant.plan_seconds)


def floor(where: Arena, contestant: AbstractContestant) -> Line:
    return Line(where.judge(contestant))


def modes(run: Run, seeds: list[int], episodes: int) -> dict[str, Line]:
    """Everybody on the same episodes; the coin plans as often as the arbiter did there."""
    lines: dict[str, Line] = {}
    for seed in seeds:
        where = arena(run, seed, episodes)
        found = {name: measure(where, load_agent(run, mode=mode, seed=seed), name) for name, mode in MODES.items()}
        auto = found["auto"]
        agent = load_agent(run, mode="auto", seed=seed)
        tossing = replace(agent.knowledge, arbiter=Coin(auto.searches / max(1, auto.steps), seed))
        found["coin"] = measure(where, Agent(tossing, agent.settings, configurator=agent.configurator, seed=seed), "coin")
        found |= {part.name: floor(where, part) for part in floors_of(where.world, where.pairs.starts, seed)}
        lines = {name: line.joined(lines.get(name)) for name, line in found.items()}
    return lines


MODES = {"Mode 2": "plan", "Mode 1": "react", "auto": "auto"}


def proposals(run: Run, seeds: list[int], episodes: int) -> dict[str, Line]:
    """The whole search, and less than a tenth of it."""
    lines: dict[str, Line] = {}
    for seed in seeds:
        where = arena(run, seed, episodes)
        agents = {
            "CEM 300 x 10": load_agent(run, planner=FULL, seed=seed),
            "CEM 30 x 4": load_agent(run, planner=SMALL, seed=seed),
            f"CEM 30 x 4, {PROPOSALS} proposals": load_agent(run, planner=SMALL, seed=seed),
        }
        for name, agent in agents.items():
            if "proposals" in name:
                agent.settings = replace(agent.settings, proposals=PROPOSALS)
            lines[name] = measure(where, agent, name).joined(lines.get(name))
    return lines


def seconds(run: Run, num: int = 300) -> dict[str, dict[str, float]]:
    """Milliseconds of one call of `act` for one observation, median and 95th percentile: of the thread, which others cannot make longer, and
    on the clock."""
    torch.set_num_threads(1)
    where, found = arena(run, 0, num), {}
    for name, mode in MODES.items():
        agent, taken = load_agent(run, mode=mode), []
        contestant = AgentContestant(agent)
        for episode in range(num):
            rows = slice(episode, episode + 1)
            start, goal = ({key: value[rows] for key, value in part.items()} for part in (where.pairs.starts, where.pairs.goals))
            contestant.begin(where.world, start, goal)
            observation = where.world.observe(start)
            begun = time.thread_time(), time.perf_counter()
            agent.act(observation)
            taken.append((1000 * (time.thread_time() - begun[0]), 1000 * (time.perf_counter() - begun[1])))
        (cpu, clock), (cpu_95, clock_95) = np.median(taken, axis=0), np.quantile(taken, 0.95, axis=0)
        found[name] = {"median": float(cpu), "p95": float(cpu_95), "clock_median": float(clock), "clock_p95": float(clock_95)}
    return found


def practice(run: Run, seed: int, folder: Path) -> dict[str, Any]:
    """Two agents that become fast across the rooms: one that has learned nothing, and one that was taught and is now asked to spare its strength,
    which is another energy than its arbiter was calibrated for."""
    world, taught = world_of(run), load_agent(run, mode="auto", seed=seed)
    protocol = make_protocol(world, None, episodes=20, offset=None, seed=seed)
    known = LoggedProblems(taught.world_model, split(logs_of(run), held_out=0.9, seed=seed)[0])
    beliefs = known.draw(numpy_generator(seed, "scale"), 1000, HORIZON).state.belief
    assert isinstance(taught.knowledge.arbiter, CalibratedArbiter)
    tolerance, cost = taught.knowledge.arbiter.config.tolerance, taught.settings.cost
    horizon = taught.settings.planner.horizon
    nothing = fresh_skill(taught.world_model, cost=cost, horizon=horizon, beliefs=beliefs, tolerance=tolerance, seed=seed)
    sparing = replace(taught.settings, cost=cost + SPARING * ActionEffort())
    agents = {
        "nothing learned before": Agent(nothing, taught.settings, seed=seed),
        "taught before, and asked to spare its strength": Agent(taught.knowledge, sparing, seed=seed),
    }
    curves = {}
    for name, agent in agents.items():
        curves[name] = practise(agent, world, protocol, blocks=BLOCKS, exercise=Exercise(), seed=seed)
        curves[name].write(folder / f"practice-{len(curves)}.jsonl")
    draw_curves(curves, folder / "fast-and-slow-practice.svg")
    draw_curves(curves, folder / "fast-and-slow-practice.png")
    return {name: [asdict(block) for block in curve.blocks] for name, curve in curves.items()}


def ways(runs: list[Run], seed: int, file: Path) -> dict[str, float]:
    """Episodes of mode `auto`, a panel for each run: where it planned, and where it simply acted."""
    figure, shares = Figure(figsize=(4.2 * len(runs), 4.4)), {}
    for panel, run in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs, strict=True):
        where, agent = arena(run, seed, 16), load_agent(run, mode="auto", seed=seed)
        agent.set_task(ReachGoal(where.world.observe(where.pairs.goals)))
        # The agent is somewhere else in every start: the median is the rooms without it.
        rooms = np.median(where.world.observe(where.pairs.starts), axis=0).astype(np.uint8)
        panel.imshow(rooms, extent=(0, 1, 1, 0), alpha=0.35)
        state, marks, through = where.pairs.starts, [], np.zeros(16, dtype=bool)
        for _ in range(30):
            actions, before = agent.act(where.world.observe(state)), state["position"]
            plan = agent.last_plan
            assert plan is not None and plan.choice is not None
            marks += [(*place, bool(planned)) for place, planned, done in zip(before, plan.choice.planned, through, strict=True) if not done]
            state = where.world.advance(state, actions)
            through |= where.world.distance(state, where.pairs.goals) <= NEAR
        x, y, planned = (np.array(part) for part in zip(*marks, strict=True))
        shares[run.path.name] = float(planned.mean())
        for some, colour, label in ((~planned, "#3a7d5c", "acted at once"), (planned, "#c8553d", "planned")):
            panel.scatter(x[some], y[some], s=9, color=colour, label=label, linewidths=0)
        panel.set(xticks=[], yticks=[], title=f"{100 * planned.mean():.0f} % of the steps planned")
    figure.legend(*panel.get_legend_handles_labels(), loc="lower center", ncols=2, frameon=False)
    figure.savefig(file, dpi=130, bbox_inches="tight")
    return shares


def differences(lines: dict[str, Line], pairs: list[tuple[str, str]]) -> dict[str, dict[str, float]]:
    found = {}
    for one, two in pairs:
        value, low, high = paired_difference(lines[one].success, lines[two].success)
        found[f"{one} - {two}"] = {"difference": value, "low": low, "high": high}
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", choices=("modes", "proposals", "time", "practice", "ways"), required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="other runs for the picture of ways")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(args.run)
    if args.part == "time":
        table: dict[str, Any] = {"milliseconds": seconds(run)}
    elif args.part == "practice":
        table = {"curves": practice(run, args.seeds[0], Path() if args.out is None else args.out.parent)}
    elif args.part == "ways":
        folder = Path() if args.out is None else args.out.parent
        runs = [run, *map(Run.open, args.beside)]
        table = {"planned": ways(runs, args.seeds[0], folder / "fast-and-slow-ways.png")}
    else:
        lines = (modes if args.part == "modes" else proposals)(run, args.seeds, args.episodes)
        against = [("auto", "Mode 2"), ("auto", "Mode 1"), ("auto", "coin")]
        if args.part == "proposals":
            whole, small, with_them = lines
            against = [(with_them, whole), (with_them, small)]
        table = {"lines": {name: line.to_json() for name, line in lines.items()}, "differences": differences(lines, against)}
    table |= {"run": args.run.name, "part": args.part, "seeds": args.seeds, "episodes": args.episodes}
    text = json.dumps(table, indent=1)
    print(text)
    if args.out is not None:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
