"""What the success of full search costs: our default planner beside CEM with 300 candidates and 30 rounds, on the same starts and goals.

Both play with the same trained model, the same cost and the same seed, in the same groups of episodes, one group after the other.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import telos
from benchmarks.planning.rows import Row
from benchmarks.planning.settings import Settings
from benchmarks.planning.timing import Spread, take_turns
from telos import data, envs
from telos.agent.actor import CEM, setting_of
from telos.agent.loop import Agent, AgentSettings
from telos.core.run import Run
from telos.evaluation.closed_loop import Outcome, expert_steps, play
from telos.evaluation.contestants import AgentContestant, floors_of
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import Pairs, Protocol, draw_pairs, make_protocol, select_rows
from telos.recipes.experiment import load_agent

FOLDER = Path("runs/bench-two-rooms")
LOGS = Path("logs/bench-two-rooms")
EPISODES = 400
BAR, STRETCH = 1 / 10, 1 / 30
LEAST_DIFFERENCE = -0.03
"""Where the difference's 95 % interval must begin, or the ratio counts for nothing."""


def make_run(folder: Path = FOLDER, logs: Path = LOGS) -> Run:
    """Logs of random wandering and a model trained on them, as in the tutorial; kept for the next time (2 minutes)."""
    if not logs.exists():
        env = envs.WorldVectorEnv(envs.TwoRooms(), 64, max_steps=40)
        about = {"name": "two-rooms", "args": {}}
        data.collect(env, data.HeldRandomActions(), logs, episodes=2000, steps=40, seed=0, spaces=env.world.spaces, environment=about)
    return telos.train(logs, folder, seed=0)


def across_rooms(settings: Settings, run: Run) -> Row:
    """Planning seconds of a whole episode, ours to full search; with both success rates, their difference and the floors'."""
    world = envs.TwoRooms()
    protocol = make_protocol(world, None, episodes=settings.rounds if settings.quick else EPISODES, offset=None, seed=0)
    pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, protocol, starts, goals))
    ours = load_agent(run, planner="auto")
    shared = ours.settings
    cem = CEM(horizon=shared.planner.horizon, num_candidates=300, num_iterations=2 if settings.quick else 30, num_elites=30, agreement=0.0)
    full = Agent(ours.world_model, AgentSettings(planner=cem, cost=shared.cost, replan_every=shared.replan_every))
    groups = [_rows(pairs, rows) for rows in np.array_split(np.arange(len(pairs)), settings.rounds)]
    mine, theirs = _Player(world, protocol, groups, ours), _Player(world, protocol, groups, full)
    seconds = take_turns({"default planner": mine, "full CEM": theirs}, settings.rounds, settings.tell)
    difference, low, _ = paired_difference(mine.success, theirs.success)
    floors = {floor.name: play(world, pairs, floor, protocol) for floor in floors_of(world, pairs.starts, 0) if floor.name != "scripted"}
    counts = low >= LEAST_DIFFERENCE and all(theirs.rate.interval[0] > floor.rate.interval[1] for floor in floors.values())
    return Row(
        work=f"an episode across rooms, {len(pairs)} pairs, {setting_of(shared.planner)}",
        against="full CEM 300 × 30",
        ratio=Spread.ratio(*seconds.values()),
        bar=BAR,
        stretch=STRETCH,
        counts=counts,
        seconds={name: float(np.sum(values)) / len(pairs) for name, values in seconds.items()},
        note=_note(mine.rate, theirs.rate, (difference, low), floors),
    )


def _note(mine: Rate, theirs: Rate, difference: tuple[float, float], floors: dict[str, Outcome]) -> str:
    company = ", ".join(f"{name} {floor.rate}" for name, floor in floors.items())
    value, low = (100 * part for part in difference)
    return f"success {mine}, full CEM {theirs}, difference {value:+.1f} points, at least {low:+.1f} (95 %); floors: {company}"


def _rows(pairs: Pairs, rows: np.ndarray) -> Pairs:
    return replace(pairs, starts=select_rows(pairs.starts, rows), goals=select_rows(pairs.goals, rows), limits=pairs.limits[rows])


class _Player:
    """Plays one group of episodes after the other; a call answers what planning has cost."""

    def __init__(self, world: envs.TwoRooms, protocol: Protocol, groups: list[Pairs], agent: Agent) -> None:
        self.world, self.protocol, self.groups, self.agent = world, protocol, iter(groups), agent
        self.outcomes: list[Outcome] = []

    def __call__(self) -> float:
        contestant = AgentContestant(self.agent)
        self.outcomes.append(play(self.world, next(self.groups), contestant, self.protocol))
        return contestant.plan_seconds

    @property
    def success(self) -> np.ndarray:
        return np.concatenate([outcome.success for outcome in self.outcomes])

    @property
    def rate(self) -> Rate:
        return Rate(int(self.success.sum()), len(self.success))
