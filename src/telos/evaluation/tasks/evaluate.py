"""The evaluation of a task: everybody plays the same starts, and the result is one value."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import telos
from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.core import config
from telos.core.errors import ConfigError, SpaceError
from telos.core.guarding import Guardrail
from telos.core.logs import AbstractLogs
from telos.core.seeding import numpy_generator
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.closed_loop import EXPERT_LIMIT, Recorder
from telos.evaluation.contestants import AbstractContestant, RandomContestant, ZeroContestant
from telos.evaluation.guarded import Breaches, Judges, requirements_of
from telos.evaluation.intervals import paired_difference
from telos.evaluation.tasks.contestants import ScriptedTaskContestant, TaskContestant, can_be_scripted
from telos.evaluation.tasks.judge import TaskJudge
from telos.evaluation.tasks.play import TaskOutcome, play_task
from telos.evaluation.tasks.shown import Reached, shown_judge, true_goal
from telos.evaluation.trace import Watcher

PATIENCE = 3.0
"""Time allowed, as a multiple of the scripted walker's steps."""
CAPABLE = 0.5
"""Share of the episodes that somebody has to do who is to say how long it takes."""


@dataclass(frozen=True)
class TaskEvaluation:
    """How the agent and the floors fared at one task, from the same starts."""

    starts: WorldState
    limits: np.ndarray
    """`[episodes]`: steps allowed."""
    agent: TaskOutcome
    floors: dict[str, TaskOutcome | None]
    """`random`, `zero`, `scripted`; None where there is no such contestant."""
    paths: list[dict[str, np.ndarray]]
    """The true states of the first episodes, `[time + 1 ...]` each."""
    breaches: dict[str, dict[str, Breaches]]
    """By contestant and guardrail, those of agent and task alike: how often it was broken, by the true state."""
    fallback_share: float | None
    """Share of the steps in which no plan was safe; None: there are no guardrails."""
    why: tuple[str, ...]
    """What the configurator decided on the way."""
    plan_cpu_seconds: float
    """CPU time of one plan."""
    seed: int
    planner: dict[str, Any]
    """The planner's config as JSON, before any task changed it."""
    conduct: dict[str, Any]
    """How the agent went about it, as `Conduct.to_json` tells."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object; all but `plan_cpu_seconds` is the same when it is run again."""
        return {
            **self.agent.to_json(),
            "episodes": len(self.limits),
            "floors": {name: None if outcome is None else outcome.to_json() for name, outcome in self.floors.items()},
            "differences": {name: self._difference(outcome) for name, outcome in self.floors.items() if outcome is not None},
            "steps_allowed": float(np.median(self.limits)),
            "guardrails": {who: {name: part.to_json() for name, part in parts.items()} for who, parts in self.breaches.items()},
            "fallback_share": self.fallback_share,
            "why": list(self.why),
            "plan_cpu_seconds": self.plan_cpu_seconds,
            "planner": self.planner,
            "planner_calls": self.conduct["searches"],
            "conduct": self.conduct,
            "seed": self.seed,
            "versions": {"telos": telos.__version__, "torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
        }

    def _difference(self, floor: TaskOutcome) -> dict[str, float]:
        value, low, high = paired_difference(self.agent.success, floor.success)
        return {"difference": value, "low": low, "high": high}


def evaluate_task(
    agent: Agent,
    world: AbstractWorld,
    task: AbstractTask,
    *,
    starts: WorldState | None = None,
    logs: AbstractLogs | None = None,
    guardrails: tuple[Guardrail, ...] = (),
    episodes: int = 200,
    seed: int = 0,
    steps: int | None = None,
    num_paths: int = 12,
    progress: Callable[[str, int, int], None] | None = None,
    watch: Watcher | None = None,
) -> TaskEvaluation:
    """The agent, a random wanderer, doing nothing and the world's expert, at the same task from the same starts.

    Args:
        task: what to do; a value for each episode, where it has several, goes with the starts in order.
        logs: held-out logs, for a goal that is shown and of which nobody kept the true state.
        guardrails: what everybody is judged by beside the agent's own and the task's, whether the agent knows of them or not.
        starts: where episodes begin; None: `episodes` of the world's own first kind of start.
        steps: allowed in each episode; None: what the task itself says, or 3 times what the expert takes that is sent from
            target to target.
        num_paths: episodes whose true states are kept.
        progress: called with the contestant's name, the episodes that are through, and all.
        watch: told what the agent expects and notices at every step, such as a `trace_file`.

    Raises:
        SpaceError: the agent was trained on other observations or actions than this world has.
        ConfigError: nothing says how much time is allowed, or how the task is to be judged.
        UnknownNameError: the true state has no quantity of that name, or the agent cannot read it.
    """
    if not agent.world_model.spaces.fit(world.spaces):
        raise SpaceError(
            f"The agent was trained on {agent.world_model.spaces.describe()}; this world has {world.spaces.describe()}.",
            expected="the world that its logs came from",
        )
    starts = draw_starts(world, episodes, seed) if starts is None else starts
    task.start(agent.knowledge, 1)
    shown = _shown(world, agent, logs, seed)

    def judge(states: WorldState) -> TaskJudge:
        return TaskJudge(world, task, states, shown)

    scripted = ScriptedTaskContestant(judge) if can_be_scripted(world, judge(starts), starts) else None
    limits = steps_allowed(world, judge, starts, scripted, steps)
    paths, record = _recorder(starts, num_paths)

    requirements = requirements_of({rule.name: rule for rule in (*guardrails, *agent.guardrails, *task.guardrails)}.values())
    breaches: dict[str, dict[str, Breaches]] = {}

    def run(contestant: AbstractContestant, record: Recorder | None = None) -> TaskOutcome:
        judges = Judges(world, requirements, starts)

        def both(alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
            judges(alive, actions, states)
            if record is not None:
                record(alive, actions, states)

        tell = None if progress is None else partial(progress, contestant.name)
        outcome = play_task(world, judge(starts), starts, limits, contestant, tell, both)
        if requirements:
            breaches[contestant.name] = judges.breaches
        return outcome

    ours = TaskContestant(agent, task, watch=watch)
    floors: dict[str, TaskOutcome | None] = {"random": run(RandomContestant(seed)), "zero": None, "scripted": None}
    if world.idle(starts) is not None:
        floors["zero"] = run(ZeroContestant())
    if scripted is not None:
        floors["scripted"] = run(scripted)
    outcome = run(ours, record)
    guarded = agent.last_plan is not None and agent.last_plan.verdict is not None
    return TaskEvaluation(
        starts=starts,
        limits=limits,
        agent=outcome,
        floors=floors,
        paths=[{name: np.concatenate(parts) for name, parts in path.items()} for path in paths],
        breaches=breaches,
        fallback_share=ours.fallback_share if guarded else None,
        why=tuple(ours.why),
        plan_cpu_seconds=ours.seconds_per_plan,
        seed=seed,
        planner=config.to_json(agent.settings.planner),
        conduct=ours.conduct.to_json(agent),
    )


def draw_starts(world: AbstractWorld, episodes: int, seed: int) -> WorldState:
    """Starts of the world's first kind; what their goals would be is of no interest here."""
    if episodes < 1:
        raise ConfigError(f"The evaluation has {episodes} episodes.", expected="1 or more")
    return world.sample_pairs(numpy_generator(seed, "evaluation", "task"), episodes, world.pair_kinds[0])[0]


def steps_allowed(
    world: AbstractWorld, judge: Callable[[WorldState], TaskJudge], starts: WorldState, scripted: ScriptedTaskContestant | None, steps: int | None
) -> np.ndarray:
    """Steps `[episodes]`. Raises ConfigError where nobody says how many."""
    num = len(next(iter(starts.values())))
    if steps is not None and steps < 1:
        raise ConfigError(f"The evaluation has {steps} steps.", expected="1 step or more")
    limit = steps or judge(starts).time_limit
    if limit is not None:
        return np.full(num, limit)
    walked = None if scripted is None else play_task(world, judge(starts), starts, np.full(num, EXPERT_LIMIT), scripted)
    if walked is None or walked.rate.value < CAPABLE:
        raise ConfigError("Nothing says how many steps an episode may take: no scripted expert can do this task.", fix="say --steps 100, or so")
    # Where the expert is lost, as much time is given as where it takes longest.
    taken = np.where(walked.success, walked.steps, walked.steps[walked.success].max())
    return np.ceil(PATIENCE * taken).astype(int)


def _shown(world: AbstractWorld, agent: Agent, logs: AbstractLogs | None, seed: int) -> Callable[[ReachGoal], tuple[Reached, WorldState | None]]:
    """What tells that a goal which is shown is reached; asked once for each goal, since it may have to be calibrated."""
    known: dict[int, tuple[Reached, WorldState | None]] = {}

    def judge(goal: ReachGoal) -> tuple[Reached, WorldState | None]:
        if id(goal) not in known:
            known[id(goal)] = (shown_judge(world, goal, agent.world_model, logs, seed)[0], true_goal(world, goal))
        return known[id(goal)]

    return judge


def _recorder(starts: WorldState, num: int):
    """Lists that the true states of the first episodes are written into, and what writes them there."""
    paths = [{name: [value[row : row + 1]] for name, value in starts.items()} for row in range(min(num, len(next(iter(starts.values())))))]

    def record(alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        for place, row in enumerate(alive.tolist()):
            if row < len(paths):
                for name, value in states.items():
                    paths[row][name].append(value[place : place + 1])

    return paths, record
