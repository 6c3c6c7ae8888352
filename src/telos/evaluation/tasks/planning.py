"""One plan under a task, from a logged frame: what the agent would do, what it expects, and why it planned so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.agent.tasks import AbstractQuantityTask
from telos.core.errors import DataError, SpaceError
from telos.core.logs import AbstractLogs, map_tree
from telos.core.tasks import AbstractTask, Together
from telos.core.types import Plan
from telos.evaluation.tasks.drawing import draw_lines, draw_plane, figure_kind, save, widen


@dataclass(frozen=True)
class PlannedTask:
    """A plan, and what the agent reads along it."""

    task: AbstractTask
    plan: Plan
    expected: dict[str, np.ndarray]
    """`[horizon + 1 size]`: quantities that the task speaks of, from the present on, as the agent reads and imagines them."""
    frame: Any
    """What was seen."""

    def to_json(self) -> dict[str, Any]:
        verdict = self.plan.verdict
        return {
            "actions": self.plan.actions[0].tolist(),
            "energy": float(self.plan.energy[0]),
            "expected": {name: value.tolist() for name, value in self.expected.items()},
            "why": list(self.plan.trace.why),
            "seconds": self.plan.trace.seconds,
            "candidates": self.plan.trace.num_candidates,
            "feasible": None if verdict is None else bool(verdict.feasible[0]),
            "fallback": None if verdict is None else bool(verdict.fallback[0]),
        }


def plan_task(agent: Agent, task: AbstractTask, logs: AbstractLogs, *, episode: int, start: int) -> PlannedTask:
    """Plans from frame `start` of an episode, as the agent would at the beginning of the task.

    Raises:
        DataError: there is no such episode, or no such frame in it.
        SpaceError: the logs are not what the agent was trained on, or the task does not fit what the agent reads.
    """
    ours, theirs = agent.world_model.spaces, logs.spaces
    if not ours.fit(theirs):
        raise SpaceError(f"The logs hold {theirs.describe()}; the run was trained on {ours.describe()}.", fix="give --data logs of the same kind")
    if not 0 <= episode < logs.num_episodes:
        raise DataError(f"There is no episode {episode}.", expected=f"0 to {logs.num_episodes - 1}")
    num_steps = int(logs.lengths[episode])
    if not 0 <= start <= num_steps:
        raise DataError(f"Episode {episode} has no frame {start}.", expected=f"0 to {num_steps}")
    frame = map_tree(lambda leaf: np.array(leaf[start]), logs.episode(episode).observations)
    agent.reset()
    agent.set_task(task)
    agent.act(frame)
    plan, state = agent.last_plan, agent.state
    assert plan is not None and state is not None
    with torch.no_grad():
        rollout = agent.world_model.rollout(state, plan.actions)
    expected = {}
    for part in task.tasks if isinstance(task, Together) else (task,):
        for name in part.quantities if isinstance(part, AbstractQuantityTask) else ():
            readout = agent.knowledge.readout(name)
            expected[name] = torch.cat([state.read(readout), rollout.read(readout)[0]]).cpu().numpy()
    return PlannedTask(task, plan, expected, frame)


def draw_planned_task(planned: PlannedTask, file: Path) -> None:
    """What was seen, the way that is expected among the targets, and the actions.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigError: it draws no files of that kind.
    """
    figure_of = figure_kind()
    tasks = planned.task.tasks if isinstance(planned.task, Together) else (planned.task,)
    parts = [part for part in tasks if isinstance(part, AbstractQuantityTask)]
    num = 1 + len(planned.expected)
    figure = figure_of(figsize=(3.2 * num + 3, 3.2), layout="constrained")
    axes = figure.subplots(1, num + 1)
    _draw_frame(axes[0], planned.frame)
    for axis, (name, way) in zip(axes[1:], planned.expected.items(), strict=False):
        if way.shape[1] == 2:
            axis.plot(*way.T, ".-", color="#0b6e99", lw=1.4, ms=4)
            axis.plot(*way[0], "o", color="#0b6e99", ms=7)
            widen(axis, parts, name)
            draw_plane(axis, None, None, [part for part in parts if name in part.quantities], 0)
            axis.invert_yaxis()
        else:
            draw_lines(axis, way, name, parts, 0)
        axis.set_title(f"{name}, as expected", fontsize=9)
    actions = planned.plan.actions[0].cpu().numpy()
    for number in range(actions.shape[1]):
        axes[-1].step(np.arange(len(actions) + 1), [*actions[:, number], actions[-1, number]], where="post", label=f"action {number}")
    axes[-1].set_xlabel("step")
    axes[-1].legend(frameon=False, fontsize=8)
    axes[-1].set_title("planned", fontsize=9)
    axes[-1].spines[["top", "right"]].set_visible(False)
    save(figure, file)


def _draw_frame(axis: Any, frame: Any) -> None:
    leaves = list(frame.values()) if isinstance(frame, dict) else [frame]
    picture = next((np.asarray(leaf) for leaf in leaves if np.ndim(leaf) == 3), None)
    axis.set_title("seen", fontsize=9)
    if picture is None:
        axis.bar(np.arange(sum(np.size(leaf) for leaf in leaves)), np.concatenate([np.ravel(leaf) for leaf in leaves]), color="#0b6e99")
        return
    axis.imshow(picture[..., :3] if picture.shape[-1] >= 3 else picture[..., 0], interpolation="nearest")
    axis.set_axis_off()
