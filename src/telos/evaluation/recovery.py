"""Action recovery: plan from a logged frame to a later one, and compare with what was done in between."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.actor import make_plan
from telos.agent.actor.candidates import imagine
from telos.agent.aims import tree_to_json
from telos.agent.cost.distance import FinalDistance, squared_distance
from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.core.errors import ConfigError, DataError, MissingExtraError, SpaceError
from telos.core.logs import AbstractLogs, Trajectory, map_tree
from telos.core.seeding import torch_generator
from telos.core.spaces import DiscreteSpace, Tree
from telos.core.types import Plan, Problem


@dataclass(frozen=True)
class Course:
    """One sequence of actions, as the model imagines it."""

    actions: np.ndarray
    """`[time action]`"""
    distances: np.ndarray
    """`[time]`: squared latent distance to the goal after each action."""
    energy: float
    """As the agent's cost judges it."""

    def to_json(self) -> dict[str, Any]:
        return {"actions": self.actions.tolist(), "energy": self.energy, "least_distance": float(self.distances.min())}


@dataclass(frozen=True)
class Recovery:
    """A plan beside what was logged, and beside doing nothing."""

    planned: Course
    logged: Course
    zero: Course | None
    """None for discrete actions, among which nothing stands for doing nothing."""
    action_difference: float | None
    """Root mean square difference of planned and logged actions, as a share of the action range; None for discrete ones."""
    trajectory: Trajectory
    """The logged piece."""
    fallback: bool | None = None
    """Whether no plan was safe, so that this is the fallback; None: there are no guardrails."""
    plan: Plan | None = None
    """The plan itself, with what it serves; None: there is one level."""
    tree: dict[str, Any] | None = None
    """The same, level by level, as `telos.agent.aims.tree_to_json` tells."""
    why: tuple[str, ...] = ()
    """What the configurator decided, and why."""

    def to_json(self) -> dict[str, Any]:
        zero = None if self.zero is None else self.zero.to_json()
        return {
            "planned": self.planned.to_json(),
            "logged": self.logged.to_json(),
            "zero": zero,
            "action_difference": self.action_difference,
            "fallback": self.fallback,
            "tree": self.tree,
            "why": list(self.why),
        }


def recover(agent: Agent, logs: AbstractLogs, *, episode: int, start: int, goal: int) -> Recovery:
    """Plans from frame `start` to what frame `goal` shows.

    Raises:
        DataError: there is no such episode, or no such frames in it.
        SpaceError: the logs are not what the agent was trained on.
    """
    piece = _cut(agent, logs, episode, start, goal)
    model = agent.world_model
    first, last = (map_tree(lambda leaf, row=row: leaf[row][None], piece.observations) for row in (0, -1))
    settings = agent.settings
    far = settings.levels > 1 or settings.time_to_go is not None
    problem, plan = _as_it_acts(agent, first, last) if far else plan_between(agent, first, last, "recover")
    fallback = None if plan.verdict is None else bool(plan.verdict.fallback[0])
    logged = torch.from_numpy(np.array(piece.actions))[None].to(agent.device)
    space = model.spaces.action
    if isinstance(space, DiscreteSpace):
        zero = difference = None
    else:
        zero = _course(agent, problem, torch.zeros_like(logged))
        steps = min(plan.actions.shape[1], logged.shape[1])
        low, high = map(torch.from_numpy, space.bounds)
        width = high - low
        difference = float(((plan.actions[0, :steps].cpu() - logged[0, :steps].cpu()) / width).square().mean().sqrt())
    courses = _course(agent, problem, plan.actions), _course(agent, problem, logged)
    recovery = Recovery(*courses, zero, difference, piece, fallback, why=plan.trace.why)
    return recovery if plan.aim is None else replace(recovery, plan=plan, tree=tree_to_json(plan, 0, agent.knowledge))


def _as_it_acts(agent: Agent, starts: Tree, goals: Tree) -> tuple[Problem, Plan]:
    """What the agent would do first, with its levels and its critic of time, and the problem as it sees it."""
    agent.reset()
    agent.set_task(ReachGoal(map_tree(np.array, goals)))
    agent.act(map_tree(np.array, starts))
    posed, plan = agent.problem, agent.last_plan
    assert posed is not None and plan is not None
    return posed[0], plan


def plan_between(agent: Agent, starts: Tree, goals: Tree, purpose: str, *, arrive_after: int | None = None) -> tuple[Problem, Plan]:
    """One search for a whole batch of starts and goals, frames `[batch ...]` each; guardrails hold as they do when the agent acts.

    Args:
        purpose: whose chance it is; the agent's seed and the same words give the same plans.
        arrive_after: steps after which the goal is to be reached, no sooner and no later; by default as the agent's own cost has it.
    """
    model, settings = agent.world_model, agent.settings
    tensors = map_tree(lambda leaf: torch.from_numpy(np.array(leaf)).to(agent.device), starts)
    task = ReachGoal(map_tree(np.array, goals))
    with torch.no_grad():
        state = model.observe(None, None, tensors)
        problem = replace(task.problem(state, task.start(agent.knowledge, state.num_rows)), budget_ms=settings.budget_ms)
    planner, cost = settings.planner, settings.cost
    if arrive_after is not None:
        planner, cost = replace(planner, horizon=arrive_after), FinalDistance()
    generator = torch_generator(agent.seed, purpose, device=agent.device)
    return problem, make_plan(planner, world_model=model, cost=cost, problem=problem, generator=generator, guard=agent.guard)


def draw_recovery(recovery: Recovery, file: Path) -> None:
    """Start and goal, the actions planned and logged, and the distance to the goal on each way.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigError: it draws no files of that kind.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="The picture of a plan") from error
    size = recovery.planned.actions.shape[1]
    figure = Figure(figsize=(9, 2.4 + 1.3 * size), layout="constrained")
    top, below = figure.subfigures(2, 1, height_ratios=[1, 0.2 + 0.6 * size])  # type: ignore[not-iterable]
    left, middle, right = top.subplots(1, 3, width_ratios=[1, 1, 2.4])
    _draw_frame(left, recovery.trajectory.observations, 0, "start")
    _draw_frame(middle, recovery.trajectory.observations, -1, "goal")
    courses = {"planned": recovery.planned, "logged": recovery.logged, **({"nothing done": recovery.zero} if recovery.zero else {})}
    for name, course in courses.items():
        right.plot(np.arange(1, len(course.distances) + 1), course.distances, label=name, color=COLOURS[name])
    right.set(title="imagined distance to the goal", xlabel="step", ylim=(0, None))
    right.legend(frameon=False)
    for number, axis in enumerate(np.atleast_1d(below.subplots(size, 1, sharex=True))):
        for name in ("planned", "logged"):
            values = courses[name].actions[:, number]
            axis.step(np.arange(len(values) + 1), [*values, values[-1]], where="post", label=name, color=COLOURS[name])
        axis.set_ylabel(f"action {number}")
        axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("step")
    right.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(file, dpi=120)
    except ValueError as error:
        raise ConfigError(f"{file} cannot be drawn: {error}.", fix="choose a name that ends in .png, .svg or .pdf") from error


COLOURS = {"planned": "#0b6e99", "logged": "#c4682b", "nothing done": "#999999"}


def _course(agent: Agent, problem: Problem, actions: Tensor) -> Course:
    with torch.no_grad():
        rollout, energies = imagine(agent.world_model, agent.settings.cost, problem, actions)
        distances = squared_distance(rollout, problem)
    return Course(actions[0].cpu().numpy(), distances[0].cpu().numpy(), float(energies.sum()))


def _cut(agent: Agent, logs: AbstractLogs, episode: int, start: int, goal: int) -> Trajectory:
    ours, theirs = agent.world_model.spaces, logs.spaces
    if not ours.fit(theirs):
        raise SpaceError(
            f"The logs hold {theirs.describe()}; the run was trained on {ours.describe()}.",
            fix="give --data logs of the same kind",
        )
    if not 0 <= episode < logs.num_episodes:
        raise DataError(f"There is no episode {episode}.", expected=f"0 to {logs.num_episodes - 1}")
    num_steps = int(logs.lengths[episode])
    if not 0 <= start < goal <= num_steps:
        raise DataError(f"Episode {episode} cannot be planned from frame {start} to frame {goal}.", expected=f"0 <= start < goal <= {num_steps}")
    whole = logs.episode(episode)
    return Trajectory(map_tree(lambda leaf: leaf[start : goal + 1], whole.observations), whole.actions[start:goal])


def _draw_frame(axis, observations: Tree, index: int, title: str) -> None:
    axis.set_title(title)
    pictures = observations.values() if isinstance(observations, dict) else [observations]
    frame = next((np.asarray(leaf[index]) for leaf in pictures if leaf.ndim == 4), None)
    if frame is None:
        values = np.concatenate([np.asarray(leaf[index]).reshape(-1) for leaf in pictures])
        axis.bar(np.arange(len(values)), values, color="#0b6e99")
        return
    axis.imshow(frame[..., :3] if frame.shape[-1] >= 3 else frame[..., 0], interpolation="nearest")
    axis.set_axis_off()
