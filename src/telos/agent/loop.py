"""The wiring, once: observe, plan now and then, act."""

import time
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from telos.agent.actor import Pace
from telos.agent.actor.gate import fall_back
from telos.agent.actor.guard import Guard, SafeRest, Watch
from telos.agent.ahead import Foreseen, SearchAhead, merge
from telos.agent.alertness import Alertness
from telos.agent.checks import check_settings
from telos.agent.deliberation import Decision, Deliberation, Situation
from telos.agent.merging import merge_plans
from telos.agent.sealing import Seal, sealed_knowledge
from telos.agent.settings import AgentSettings as AgentSettings
from telos.agent.startle import startled
from telos.agent.thinking import num_searched
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import ConfigError, GuardrailError, SpaceError
from telos.core.guarding import Guardrail
from telos.core.heap import keep_heap
from telos.core.logs import first_leaf, map_tree
from telos.core.readouts import Knowledge
from telos.core.seeding import torch_generator
from telos.core.spaces import Tree
from telos.core.tasks import AbstractConfigurator, AbstractTask
from telos.core.types import Observation, Plan, Problem, State

SEALED = ("guardrails", "drives", "fingerprint")
"""What an agent is given once, when it is built."""
_SEALS: "WeakKeyDictionary[Agent, Seal]" = WeakKeyDictionary()
"""Beside the agents, so that no attribute of an agent leads to what keeps its guardrails."""


class Agent:
    """Acts towards a task: `set_task`, then `act` on every observation. One episode, or a batch of them side by side.

    Args:
        knowledge: a trained world model, or that and what it was taught beside; put into evaluation mode.
        settings: planner, cost, and how often to replan.
        configurator: what sets these anew for each task and situation; None: they stay as they are.
        guardrails: what it must never do, whatever its task, planner or configurator; they cannot be taken away later.
        drives: a cost that is added to that of every task, and stays as well.
        pinned: the fingerprint that the agent must have, `agent.fingerprint` of one that was looked over; None: any.
        seed: of all chance in planning.

    Raises:
        GuardrailError: a guardrail cannot be kept by this agent, as `telos.agent.sealing.Seal` says; or the fingerprint is not the pinned one.
        UnknownNameError: a guardrail speaks of a quantity that the agent cannot read.
        ConfigError: the settings ask for a mode, proposals, levels or an answer to surprises, and nobody has taught what it takes.

    `last_cpu_seconds` is what the plan made for the last call of `act` cost (the whole batch); 0 if it carried on with a plan. `num_planned`
    says for how many episodes that call had a plan made by search; the others reacted, or carried on.
    """

    def __init__(
        self,
        knowledge: Knowledge | AbstractWorldModel,
        settings: AgentSettings,
        *,
        guardrails: tuple[Guardrail, ...] = (),
        drives: AbstractCost | None = None,
        pinned: str | None = None,
        configurator: AbstractConfigurator | None = None,
        seed: int = 0,
    ) -> None:
        keep_heap()
        self.knowledge = sealed_knowledge(knowledge if isinstance(knowledge, Knowledge) else Knowledge(world_model=knowledge))
        self.world_model = self.knowledge.world_model.eval()
        self.settings = settings
        self.configurator = configurator
        self.device = self.world_model.device
        self.seed = seed
        self.task: AbstractTask | None = None
        self.last_cpu_seconds, self.num_planned = 0.0, 0
        self._pace = Pace()
        self._ahead = SearchAhead()
        check_settings(settings, self.knowledge, guarded=bool(guardrails))
        if guardrails or drives is not None or pinned is not None:
            _SEALS[self] = seal = Seal(self.knowledge, self.settings.intent, drives, tuple(guardrails))
            if pinned is not None and seal.fingerprint != pinned:
                raise GuardrailError(
                    f"The agent's fingerprint is {seal.fingerprint}, and {pinned} is pinned.",
                    expected="the same world model, readouts, guardrails, drives, planner and replanning interval as when it was pinned",
                )
        self.reset()

    def __setattr__(self, name: str, value: Any) -> None:
        seal = _SEALS.get(self) if "_pace" in vars(self) else None
        if name in SEALED:
            raise GuardrailError(f"'{name}' is given to an agent when it is built.", fix=f"Agent(knowledge, settings, {name}=...)")
        if seal is not None and name in ("knowledge", "world_model"):
            raise GuardrailError(f"The agent has guardrails, drives or a pinned fingerprint: its {name} stays as it is.", fix="build another agent")
        if name == "settings" and "_pace" in vars(self):
            check_settings(value, self.knowledge, guarded=bool(self.guardrails))
        if seal is not None and name == "settings":
            self._replace_settings(seal, value)
        object.__setattr__(self, name, value)

    @property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """What is in force: the agent's own, and those of its task."""
        seal = _SEALS.get(self)
        return () if seal is None else seal.in_force

    @property
    def drives(self) -> AbstractCost | None:
        """What counts in every task."""
        seal = _SEALS.get(self)
        return None if seal is None else seal.drives

    @property
    def fingerprint(self) -> str | None:
        """Of the guardrails in force and all that they rest on; None: there is nothing that was sealed."""
        seal = _SEALS.get(self)
        return None if seal is None else seal.fingerprint

    def set_task(self, task: AbstractTask) -> None:
        """What to do from now on.

        Raises:
            SpaceError: the task does not fit the world model; and what else the task raises.
            GuardrailError: it brings a guardrail that the agent cannot keep, or of the name of another one; or something was altered.
        """
        self._ahead.forget()
        self._verify(thorough=True)
        task.start(self.knowledge, 1)
        seal, added = _SEALS.get(self), tuple(task.guardrails)
        if seal is not None:
            _SEALS[self] = seal.joined(added)
        elif added:
            _SEALS[self] = Seal(self.knowledge, self.settings.intent, None, (), added)
        self.task = task
        self._progress: Any = None
        self._plan: Plan | None = None
        self._watch, self._safe_rest = None, None

    def reset(self) -> None:
        """A new episode: forgets the past, keeps the task."""
        self._ahead.forget()
        self._before: State | None = getattr(self, "_state", None) if self.settings.remembers else None
        self._state: State | None = None
        self._alertness = Alertness()
        self._action: Tensor | None = None
        self._progress = None
        self._plan: Plan | None = None
        self._verify(thorough=True)
        self._watch: Watch | None = None
        self._safe_rest: SafeRest | None = None
        self._age = 0
        self._interval = 1
        self._time = 0
        self._batched = False

    @property
    def done(self) -> Tensor | None:
        """`[batch]`: who is through with the task, as far as the agent can tell; None before it has acted, and for tasks that never end."""
        return None if self.task is None or self._progress is None else self.task.done(self._progress)

    @property
    def guard(self) -> Guard | None:
        """What `make_plan` has to be given for plans that this agent would be allowed; None: it has no guardrails."""
        seal = _SEALS.get(self)
        return seal.guard(self.settings.replan_every) if seal is not None and seal.in_force else None

    @property
    def last_plan(self) -> Plan | None:
        """The plan that is being carried out."""
        return self._plan

    @property
    def planned(self) -> Tensor | None:
        """`[batch steps action]`: what is left of the plan after the action that `act` returned last."""
        return None if self._plan is None else self._plan.actions[:, self._age :]

    @torch.no_grad()
    def continuation(self, num_steps: int) -> Tensor:
        """`[batch steps action]`: what may follow the action that `act` returned last, should nobody ask the agent again in time.

        Without guardrails the rest of the plan, at most `num_steps` of it. With guardrails what the gate has looked at: what is left of
        the steps that the plan is carried out for, then the fallback until it has come to rest.
        """
        assert self._plan is not None and self._state is not None and self._action is not None
        seal = _SEALS.get(self)
        if seal is None or not seal.in_force:
            return self._plan.actions[:, self._age :][:, :num_steps]
        left, guard = self._plan.actions[:, self._age : max(self._age, self._interval)], seal.guard(1)
        steps = max(left.shape[1], self._safe_rest.actions.shape[1] if self._safe_rest else 0) + max(fallback.steps for fallback in guard.fallbacks)
        state = self.world_model.step(self._state, self._action)
        problem = Problem(state=state, watch=guard.remember(self._watch or guard.begin(state), state))
        return fall_back(self.world_model, problem, guard, horizon=max(num_steps, steps), rest=self._safe_rest, begun=left).actions

    @property
    def state(self) -> State | None:
        """What the agent believes."""
        return self._state

    @property
    def problem(self) -> tuple[Problem, AbstractCost] | None:
        """What it plans for now, a row for each episode, and what energy is; None before it has seen anything."""
        return None if self._state is None or self.task is None else self._searching().energy(self._situation(self._plan))

    @property
    def surprise(self) -> Tensor | None:
        """`[batch]`: how usual it was what was seen last, as a p-value; None where nobody has measured what is usual."""
        return self._alertness.now

    @torch.no_grad()
    def act(self, observation: Tree) -> np.ndarray:
        """The next action, in the environment's units and dtype; `[action]`, or `[batch action]` for a batch of observations.

        Raises:
            SpaceError: the observation is not what the model was trained on, or there are more or fewer than before.
            ConfigError: there is no task yet.
            GuardrailError: something that guardrails rest on was altered; or the configurator asks for what they do not cover.
        """
        if self.task is None:
            raise ConfigError("The agent has no task.", fix="agent.set_task(ReachGoal(goal_observation))")
        self._observe(observation)
        plan = self._current_plan()
        self._action = plan.actions[:, self._age]
        self._verify()
        self._age += 1
        self._time += 1
        self._safe_rest = None if self._safe_rest is None else self._safe_rest.shift(1)
        if self.settings.ahead_tolerance is not None and self._age >= self._interval:
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
            # What is left of the plan was found safe from where its own action leads to.
            self._interval = 0 if self.guardrails else self._interval
        self._action = done

    def keep(self, rows: Tensor) -> None:
        """Goes on with some rows of the batch only; the others are through."""
        self._ahead.keep(rows)
        if self._state is None:
            return
        self._verify()
        now = self._situation(self._plan).select(rows)
        self._state, self._progress, self._action, self._plan = now.state, now.progress, now.action, now.warm_start
        self._watch, self._safe_rest, self._alertness = now.watch, now.safe_rest, self._alertness.select(rows)
        self._note(self._plan)

    def _observe(self, observation: Tree) -> None:
        assert self.task is not None
        space = self.world_model.spaces.observation
        checked = space.check(observation, what="The observation")
        self._batched = self._check_rows(space.batch_shape(checked, what="The observation"))
        # A copy: frames of a store are read-only, which torch does not like.
        tensors = map_tree(lambda leaf: torch.tensor(leaf if self._batched else leaf[None]).to(self.device), checked)
        before, self._state = self._state, self._look(tensors)
        if (sense := self.knowledge.surprise) is not None:
            seen = before, self._action, self._state
            self._alertness = self._alertness.after(sense, self.world_model, *seen, remembered=self.settings.stays_alert)
        if self._progress is None:
            self._progress = self.task.start(self.knowledge, self._state.num_rows)
        self._progress = self.task.advance(self._progress, self._state)
        seal = _SEALS.get(self)
        if seal is not None and seal.in_force:
            guard = seal.guard(1)
            self._watch = guard.begin(self._state) if self._watch is None else guard.remember(self._watch, self._state)

    def _look(self, tensors: Observation) -> State:
        if self._state is not None:
            return self.world_model.observe(self._state, self._action, tensors)
        # Memories of other episodes are of use to as many as there were.
        lasting = self._before if self._before is not None and self._before.num_rows == len(first_leaf(tensors)) else None
        return self.world_model.observe(lasting, None, tensors)

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
        assert self._state is not None
        self.last_cpu_seconds, self.num_planned = 0.0, 0
        going_on = self._plan is not None and self._age < self._interval
        rows = startled(self._alertness.now, self.settings.surprise_level) if going_on else None
        if self._plan is not None and going_on and rows is None:
            return self._plan
        warm_start = None if self._plan is None else self._plan.shift(self._age)
        now, interval = self._situation(warm_start), self._interval - self._age
        foreseen = self._ahead.take()
        if rows is not None and warm_start is not None and not rows.all():
            # The others go on with what is left of their plans, all until the same step: one interval serves a batch.
            plan, self._interval = merge_plans(rows, warm_start, self._timed_search(now.select(rows)).plan), interval
        elif foreseen is not None and rows is None and self.settings.ahead_tolerance is not None:
            plan, self._interval = self._check(foreseen, now, self.settings.ahead_tolerance)
        else:
            plan, self._interval = self._timed_search(now)
        plan, self._interval = self._searching().calm(Decision(plan, self._interval), now, self._alertness.now)
        self._plan, self._age = plan, 0
        self._note(plan)
        self._safe_rest = SafeRest.after(plan, self._safe_rest) if any(rail.fallback.resumes for rail in self.guardrails) else None
        return plan

    def _situation(self, warm_start: Plan | None) -> Situation:
        assert self._state is not None
        return Situation(self._state, self._progress, self._action, warm_start, self._watch, self._safe_rest, self._alertness.lately)

    def _check(self, foreseen: Foreseen, now: Situation, tolerance: float) -> Decision:
        """The plan that was made ahead; anew for those who see something else than it was made for, or for whom it is not safe from here."""
        self.last_cpu_seconds, self.num_planned = foreseen.cpu_seconds, num_searched(foreseen.plan)
        decision = Decision(foreseen.plan, foreseen.replan_every)
        plan = self._searching().check(decision, now)
        rows = foreseen.surprised(now.state, tolerance)
        if plan.verdict is not None and foreseen.plan.verdict is not None:
            rows = rows | ~plan.verdict.feasible | foreseen.plan.verdict.fallback
        if not rows.any():
            return Decision(plan, decision.replan_every)
        anew = self._timed_search(now.select(rows)._replace(warm_start=plan.select(rows)))
        if anew.replan_every != decision.replan_every:
            # One interval serves all episodes of a batch.
            return self._timed_search(now._replace(warm_start=plan))
        return Decision(merge(rows, plan, anew.plan), anew.replan_every)

    def _begin_ahead(self, warm_start: Plan) -> None:
        assert self.task is not None
        task, state, progress, action, search = self.task, self._state, self._progress, self._action, self._searching()
        watch, safe_rest, seal, lately = self._watch, self._safe_rest, search.seal, self._situation(None).surprise
        assert state is not None and action is not None

        def work() -> Foreseen:
            expected = self.world_model.step(state, action)
            seen = None if watch is None or seal is None else seal.guard(1).remember(watch, expected)
            decision = search(Situation(expected, task.advance(progress, expected), action, warm_start, seen, safe_rest, surprise=lately))
            return Foreseen(expected, decision.plan, decision.replan_every)

        self._ahead.begin(work)

    def _timed_search(self, now: Situation) -> Decision:
        started = time.process_time()
        decision = self._searching()(now)
        self.last_cpu_seconds += time.process_time() - started
        self.num_planned += num_searched(decision.plan)
        return decision

    def _searching(self) -> Deliberation:
        """The search that is due at this step, for whatever state; what it needs of the agent is read now."""
        assert self.task is not None
        seal = _SEALS.get(self)
        return Deliberation(
            knowledge=self.knowledge,
            usual=self.settings.intent,
            task=self.task,
            configurator=self.configurator,
            pace=self._pace,
            generator=torch_generator(self.seed, "plan", self._time, device=self.device),
            drives=None if seal is None else seal.drives,
            seal=seal if seal is not None and seal.in_force else None,
            falls_back_below=self.settings.surprise_level if self.settings.when_surprised == "fall back" else 0.0,
        )

    def _replace_settings(self, seal: Seal, settings: AgentSettings) -> None:
        self._ahead.forget()
        seal.check_intent(settings.intent)
        _SEALS[self] = replace(seal, settings=settings.intent)
        self._plan = None

    def _note(self, plan: Plan | None) -> None:
        if (seal := _SEALS.get(self)) is not None:
            seal.planned(plan)

    def _verify(self, *, thorough: bool = False) -> None:
        seal = _SEALS.get(self)
        if seal is not None:
            seal.verify(self, self.knowledge, self._plan, thorough=thorough)
