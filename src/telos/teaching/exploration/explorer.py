"""Going where the logs have not been: back to a rarely visited place by planning, and on from there."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from telos.agent.actor import make_plan
from telos.agent.cost.novelty import Novelty
from telos.agent.loop import AgentSettings
from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.spaces import ActionSpace, Tree
from telos.core.types import Problem, State
from telos.data.behaviour import HeldRandomActions
from telos.teaching.exploration.places import UNREACHABLE, Places


class Aim(IntEnum):
    """What an episode is about at present."""

    NOTHING = 0
    RETURN = 1
    """Going to a place."""
    NOVELTY = 2
    """Ways on that are imagined to lead to something new."""
    WANDER = 3
    """Random actions."""


class Habits(Protocol):
    """How an explorer goes about it; what each number means stands in `Explore`."""

    @property
    def look_ahead(self) -> int: ...
    @property
    def replan_every(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def curiosity(self) -> float: ...
    @property
    def num_ways(self) -> int: ...
    @property
    def way_steps(self) -> int: ...
    @property
    def rarity(self) -> float: ...


class Explorer:
    """Acts in a batch of episodes, and keeps the map of all that was seen.

    An episode returns to a place, and then tries something; both again and again, until it is over.

    Args:
        settings: the planner that leads back, and the cost of its goals.
        places: the map as it is at the beginning; it grows.
        space: actions of the environment.
        num: episodes side by side.
        rng: all chance comes from it.
    """

    def __init__(
        self,
        world_model: AbstractWorldModel,
        settings: AgentSettings,
        places: Places,
        habits: Habits,
        *,
        space: ActionSpace,
        num: int,
        rng: np.random.Generator,
    ) -> None:
        self.world_model, self.settings, self.places, self.habits, self.space = world_model, settings, places, habits, space
        self.rng, self.generator = rng, torch.Generator(device=world_model.device).manual_seed(int(rng.integers(2**62)))
        self.wander = HeldRandomActions().start(space, num, rng)
        self.state: State | None = None
        self.actions = np.zeros((num, *space.shape), space.dtype)
        # What each episode is going to do, how much of it is done, and how long it is.
        self.plans = np.zeros((num, max(habits.replan_every, habits.way_steps), *space.shape), space.dtype)
        self.age, self.length = np.zeros(num, np.int64), np.zeros(num, np.int64)
        self.aim, self.patience = np.full(num, Aim.NOTHING), np.zeros(num, np.int64)
        self.here, self.new = np.zeros(num, np.int64), np.zeros(num, bool)
        # On the way to a place: which, how far it is from everywhere, and how near the episode has come.
        self.target, self.nearest = np.zeros(num, np.int64), np.zeros(num, np.int64)
        self.steps_left: list[np.ndarray] = [np.zeros(0, np.int64)] * num
        self._weights: np.ndarray | None = None

    @torch.no_grad()
    def __call__(self, observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
        self._look(observations, started)
        self.aim[started] = Aim.NOTHING
        self._weights = None
        for row in range(len(started)):
            self._decide(row)
        self.patience -= 1
        self._replan()
        wandering = self.aim == Aim.WANDER
        random = self.wander(observations, state, started | (wandering & (self.age == 0)))
        planned = self.plans[np.arange(len(started)), np.minimum(self.age, self.plans.shape[1] - 1)]
        self.age += 1
        self.actions = np.where(wandering[:, None], random, planned).astype(self.space.dtype)
        return self.actions.copy()

    def _look(self, observations: Tree, started: np.ndarray) -> None:
        """Takes in what is seen: beliefs, and the map."""
        device = self.world_model.device
        # A copy: what environments give may be read-only, or written again.
        seen = map_tree(lambda leaf: torch.tensor(leaf).to(device), observations)
        state = self.world_model.observe(None, None, seen)
        if self.state is not None and not started.all():
            onward = self.world_model.observe(self.state, torch.from_numpy(self.actions).to(device), seen)
            state = _merge(torch.from_numpy(started).to(device), state, onward)
        self.state, before = state, self.here
        self.here, self.new = self.places.visit(state.latent.cpu().numpy())
        self.places.link(before[~started], self.here[~started])

    def _decide(self, row: int) -> None:
        """Whether an episode goes on with what it is about."""
        if self.aim[row] == Aim.RETURN:
            left = self._steps_left(row)
            if left < self.nearest[row]:
                self.nearest[row], self.patience[row] = left, self.habits.patience
            if left <= 1 or self.patience[row] <= 0:
                # Also where it has got stuck: there is something that the model does not know.
                self._begin(row, Aim.NOVELTY if self.rng.random() < self.habits.curiosity else Aim.WANDER)
        elif self.new[row] and self.aim[row] != Aim.NOTHING:
            # There may be more of it.
            self.patience[row] = self.habits.patience
        elif self.aim[row] == Aim.NOTHING or self.patience[row] <= 0:
            self._send(row)

    def _begin(self, row: int, aim: Aim) -> None:
        self.aim[row], self.patience[row], self.age[row], self.length[row] = aim, self.habits.patience, 0, 0

    def _steps_left(self, row: int) -> int:
        known, here = self.steps_left[row], self.here[row]
        return int(known[here]) if here < len(known) else UNREACHABLE

    def _send(self, row: int) -> None:
        """Chooses a place that can be reached; the less is known around it, the more likely."""
        away = self.places.steps_from(int(self.here[row]))
        if self._weights is None:
            self._weights = (1.0 + self.places.crowding()) ** -self.habits.rarity
        weights = np.where((away > 0) & (away < UNREACHABLE), self._weights, 0.0)
        if not weights.any():
            self._begin(row, Aim.WANDER)
            return
        self._begin(row, Aim.RETURN)
        self.target[row], self.nearest[row] = self.rng.choice(len(weights), p=weights / weights.sum()), UNREACHABLE
        self.steps_left[row] = self.places.steps_to(int(self.target[row]))

    def _replan(self) -> None:
        """New plans for the episodes that have come to the end of theirs."""
        due = self.age >= self.length
        for aim, plan in ((Aim.RETURN, self._plan_return), (Aim.NOVELTY, self._plan_novelty)):
            rows = np.flatnonzero(due & (self.aim == aim))
            if len(rows):
                steps = plan(rows)
                self.plans[rows, : steps.shape[1]] = steps
                self.age[rows], self.length[rows] = 0, steps.shape[1]

    def _plan_return(self, rows: np.ndarray) -> np.ndarray:
        """The first steps of plans to a place a little ahead on the known way."""
        onward = [self.places.ahead(int(self.here[row]), self.steps_left[row], self.habits.look_ahead) for row in rows]
        state = self._state_of(rows)
        latent = torch.from_numpy(self.places.latents[onward]).to(state.latent)
        problem = Problem(state=state, goal=State(latent=latent, belief=latent))
        plan = make_plan(self.settings.planner, world_model=self.world_model, cost=self.settings.cost, problem=problem, generator=self.generator)
        return plan.actions[:, : self.habits.replan_every].cpu().numpy()

    def _plan_novelty(self, rows: np.ndarray) -> np.ndarray:
        """Of many random ways on, the one that is imagined to lead to the newest state.

        A whole way is carried out: planned anew at every step, it would turn round as soon as the first new state is not new any more.
        """
        num, state = self.habits.num_ways, self._state_of(rows)
        act = HeldRandomActions().start(self.space, len(rows) * num, self.rng)
        ways = np.stack([act({}, {}, np.zeros(len(rows) * num, bool)) for _ in range(self.habits.way_steps)], axis=1)
        rollout = self.world_model.rollout(state, torch.from_numpy(ways).to(self.world_model.device))
        places = torch.from_numpy(self.places.latents.copy()).to(state.latent)
        novelty = Novelty(places=places, visits=torch.from_numpy(self.places.visits).to(state.latent), reach=self.places.reach)
        energies = novelty.energy(rollout, Problem(state=state.repeat(num))).sum(dim=1).unflatten(0, (len(rows), num))
        best = energies.argmin(dim=1).cpu().numpy()
        return ways.reshape(len(rows), num, *ways.shape[1:])[np.arange(len(rows)), best]

    def _state_of(self, rows: np.ndarray) -> State:
        assert self.state is not None
        return self.state.select(torch.from_numpy(rows).to(self.world_model.device))


def _merge(rows: Tensor, ones: State, others: State) -> State:
    """`ones` where `rows` are marked, `others` elsewhere."""

    def pick(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(rows.reshape(-1, *[1] * (one.ndim - 1)), one, other)

    memory = {name: pick(part, others.memory[name]) for name, part in ones.memory.items()}
    return State(latent=pick(ones.latent, others.latent), belief=pick(ones.belief, others.belief), memory=memory)
