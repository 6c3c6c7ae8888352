"""The wiring, once: observe, plan now and then, act."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.actor import Pace
from telos.agent.ahead import Foreseen, SearchAhead, merge
from telos.agent.deliberation import Deliberation
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractWorldModel
from telos.core.errors import ConfigError, SpaceError
from telos.core.heap import keep_heap
from telos.core.logs import map_tree
from telos.core.readouts import Knowledge
from telos.core.seeding import torch_generator
from telos.core.spaces import Tree
from telos.core.tasks import AbstractConfigurator, AbstractTask, Intent
from telos.core.types import Batched, Plan, State


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """How an agent plans."""

    planner: AbstractPlanner
    """Searches for the actions of least energy."""
    cost: AbstractCost
    """What energy is."""
    replan_every: int = 1
    """Steps of a plan that are carried out before the next one is made."""
    budget_ms: float | None = None
    """Wall-clock time for one plan (of the whole batch), from the encoded state to the finished plan; None: until the planner is
    through. Reading and encoding the observation comes on top: `act` takes longer by that."""
    ahead_tolerance: float | None = None
    """None: plan when an observation is there. A number: plan while the last action is carried out, from the state that it is
    expected to lead to, so that `act` answers at once; where the latent that is then seen differs by more than this (mean squared
    difference), plan anew. `telos.evaluation.one_step_tolerance` calibrates it on logs."""

    def __post_init__(self) -> None:
        if not 1 <= self.replan_every <= self.planner.horizon:
            raise ConfigError(
                f"The agent is to replan every {self.replan_every} steps.", expected=f"1 to the planner's horizon, {self.planner.horizon}"
            )
        if self.ahead_tolerance is not None and not self.ahead_tolerance >= 0:
            raise ConfigError(f"The agent's ahead_tolerance is {self.ahead_tolerance}.", expected="a mean squared difference, 0 or more; or None")


class Agent:
    """Acts towards a task: `set_task`, then `act` on every observation. One episode, or a batch of them side by side.

    Args:
        knowledge: a trained world model, or that and what it was taught beside; put into evaluation mode.
        settings: planner, cost, and how often to replan.
        configurator: what sets these anew for each task and situation; None: they stay as they are.
        seed: of all chance in planning.

    `last_cpu_seconds` is what the plan made for the last call of `act` cost (the whole batch); 0 if it carried on with a plan.
    """

    def __init__(
        self,
        knowledge: Knowledge | AbstractWorldModel,
        settings: AgentSettings,
        *,
        configurator: AbstractConfigurator | None = None,
        seed: int = 0,
    ) -> None:
        keep_heap()
        self.knowledge = knowledge if isinstance(knowledge, Knowledge) else Knowledge(world_model=knowledge)
        self.world_model = self.knowledge.world_model.eval()
        self.settings = settings
        self.configurator = configurator
        self.device = self.world_model.device
        self.seed = seed
        self.task: AbstractTask | None = None
        self.last_cpu_seconds = 0.0
        self._pace = Pace()
        self._ahead = SearchAhead()
        self.reset()

    def set_task(self, task: AbstractTask) -> None:
        """What to do from now on. Raises what the task raises when it does not fit the world model, such as SpaceError."""
        self._ahead.forget()
        task.start(self.knowledge, 1)
        self.task = task
        self._progress: Any = None
        self._plan: Plan | None = None

    def reset(self) -> None:
        """A new episode: forgets the past, keeps the task."""
        self._ahead.forget()
        self._state: State | None = None
        self._action: Tensor | None = None
        self._progress = None
        self._plan = None
        self._age = 0
        self._time = 0
        self._batched = False

    @property
    def last_plan(self) -> Plan | None:
        """The plan that is being carried out."""
        return self._plan

    @property
    def planned(self) -> Tensor | None:
        """`[batch steps action]`: what is left of the plan after the action that `act` returned last."""
        return None if self._plan is None else self._plan.actions[:, self._age :]

    @property
    def state(self) -> State | None:
        """What the agent believes."""
        return self._state

    @torch.no_grad()
    def act(self, observation: Tree) -> np.ndarray:
        """The next action, in the environment's units and dtype; `[action]`, or `[batch action]` for a batch of observations.

        Raises:
            SpaceError: the observation is not what the model was trained on, or there are more or fewer than before.
            ConfigError: there is no task yet.
        """
        if self.task is None:
            raise ConfigError("The agent has no task.", fix="agent.set_task(ReachGoal(goal_observation))")
        self._observe(observation)
        plan = self._current_plan()
        self._action = plan.actions[:, self._age]
        self._age += 1
        self._time += 1
        if self.settings.ahead_tolerance is not None and self._age >= self.settings.replan_every:
            self._begin_ahead(plan.shift(self._age))
        action = self._action.cpu().numpy().astype(self.world_model.spaces.action.dtype, copy=False)
        return action if self._batched else action[0]

    def did(self, action: np.ndarray) -> None:
        """Tells the agent what was really carried out, where that was not what `act` returned; its beliefs go on from there.

        Raises:
            SpaceError: it is no action of this agent's.
        """
        space = self.world_model.spaces.action
        checked = space.check(action, what="The action")
        done = torch.tensor(checked if space.batch_shape(checked, what="The action") else checked[None]).to(self.device)
        if self._action is None or done.shape != self._action.shape:
            raise SpaceError(f"The agent has not acted in {len(done)} episodes yet.", expected="one action for each episode, after act()")
        done = done.to(self._action.dtype)
        if not torch.equal(done, self._action):
            # What was planned ahead begins where another action was to lead.
            self._ahead.forget()
        self._action = done

    def keep(self, rows: Tensor) -> None:
        """Goes on with some rows of the batch only; the others are through."""
        self._ahead.keep(rows)
        for name in ("_state", "_action", "_progress", "_plan"):
            value = getattr(self, name)
            if isinstance(value, Tensor):
                setattr(self, name, value[rows])
            elif isinstance(value, Batched):
                setattr(self, name, value.select(rows))

    def _observe(self, observation: Tree) -> None:
        assert self.task is not None
        space = self.world_model.spaces.observation
        checked = space.check(observation, what="The observation")
        self._batched = self._check_rows(space.batch_shape(checked, what="The observation"))
        # A copy: frames of a store are read-only, which torch does not like.
        tensors = map_tree(lambda leaf: torch.tensor(leaf if self._batched else leaf[None]).to(self.device), checked)
        self._state = self.world_model.observe(self._state, self._action, tensors)
        if self._progress is None:
            self._progress = self.task.start(self.knowledge, self._state.num_rows)
        self._progress = self.task.advance(self._progress, self._state)

    def _check_rows(self, lead: tuple[int, ...]) -> bool:
        """Whether the observation is a batch. Raises SpaceError if it is not one of the episodes that the agent is in."""
        if len(lead) > 1:
            raise SpaceError(f"The observation has the batch axes {list(lead)}.", expected="one observation, or one axis of them")
        num_rows = lead[0] if lead else 1
        if self._state is not None and self._state.num_rows != num_rows:
            raise SpaceError(
                f"The agent acts in {self._state.num_rows} episodes, and is shown {num_rows} observations.",
                fix="agent.reset() begins new episodes; agent.keep(rows) goes on with some",
            )
        return bool(lead)

    def _current_plan(self) -> Plan:
        assert self.task is not None
        assert self._state is not None
        self.last_cpu_seconds = 0.0
        if self._plan is not None and self._age < self.settings.replan_every:
            return self._plan
        warm_start = None if self._plan is None else self._plan.shift(self._age)
        foreseen = self._ahead.take()
        if foreseen is not None and self.settings.ahead_tolerance is not None:
            self._plan = self._check(foreseen, self.settings.ahead_tolerance)
        else:
            self._plan = self._timed_search(self._state, self._progress, self._action, warm_start)
        self._age = 0
        return self._plan

    def _check(self, foreseen: Foreseen, tolerance: float) -> Plan:
        """The plan that was made ahead; anew for those who see something else than it was made for."""
        assert self._state is not None
        assert self._action is not None
        self.last_cpu_seconds = foreseen.cpu_seconds
        rows = foreseen.surprised(self._state, tolerance)
        if not rows.any():
            return foreseen.plan
        progress = self._progress[rows] if isinstance(self._progress, Tensor) else self._progress
        progress = progress.select(rows) if isinstance(progress, Batched) else progress
        anew = self._timed_search(self._state.select(rows), progress, self._action[rows], foreseen.plan.select(rows))
        return merge(rows, foreseen.plan, anew)

    def _begin_ahead(self, warm_start: Plan) -> None:
        assert self.task is not None
        task, state, progress, action, search = self.task, self._state, self._progress, self._action, self._searching()
        assert state is not None
        assert action is not None

        def work() -> Foreseen:
            expected = self.world_model.step(state, action)
            return Foreseen(expected, search(expected, task.advance(progress, expected), action, warm_start))

        self._ahead.begin(work)

    def _timed_search(self, state: State, progress: Any, action: Tensor | None, warm_start: Plan | None) -> Plan:
        started = time.process_time()
        plan = self._searching()(state, progress, action, warm_start)
        self.last_cpu_seconds += time.process_time() - started
        return plan

    def _searching(self) -> Deliberation:
        """The search that is due at this step, for whatever state; what it needs of the agent is read now."""
        assert self.task is not None
        settings = self.settings
        return Deliberation(
            knowledge=self.knowledge,
            usual=Intent(planner=settings.planner, cost=settings.cost, replan_every=settings.replan_every, budget_ms=settings.budget_ms),
            task=self.task,
            configurator=self.configurator,
            pace=self._pace,
            generator=torch_generator(self.seed, "plan", self._time, device=self.device),
        )
