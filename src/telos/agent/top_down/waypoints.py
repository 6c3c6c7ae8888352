"""Subgoals without plans above: a critic of time knows what lies on the way."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from telos.agent.merging import merge_aims
from telos.agent.top_down.guarded import BEHIND_GUARDRAILS, reachable
from telos.agent.top_down.usefulness import by_depth, by_time
from telos.core.errors import ConfigError
from telos.core.levels import AbstractLevel, AbstractTimeToGo
from telos.core.tasks import Intent
from telos.core.types import Aim, Plan, State

LED = 2
"""Number of the level that leads the lowest."""


@dataclass(frozen=True, kw_only=True)
class WaypointPlanning:
    """Goes for a state of the logs some steps ahead on the way to the goal, and for the next one before it is reached.

    Raises:
        ConfigError: the critic knows of no states in between.
    """

    name: str
    """Of the critic."""
    critic: AbstractTimeToGo
    intent: Intent
    ahead: float
    """Steps of the world that waypoints are away."""
    level: AbstractLevel | None = None
    """In whose space plans are compared with waypoints; None: in the latents."""
    ways: AbstractTimeToGo | None = None
    """What knows the ways round what guardrails forbid; None: nothing is forbidden."""

    def __call__(self, state: State, goal: State, before: Aim | None, budget_ms: float | None = None) -> Aim:
        """Where each episode goes next.

        Args:
            state, goal: of the lowest level.
            before: what is left of the aim before; None: there was none.
            budget_ms: not needed: nothing is searched for.
        """
        steps = self.critic(state.latent, goal.latent)
        depth = self.intent.depth
        use = by_time(steps, self.ahead) if depth is None else by_depth(depth, LED, steps)
        aim = self._kept(goal, before, steps)
        # Half of the way to a waypoint is left when the next one is asked for: nobody slows down for it.
        due = use.helps & (aim.age >= self._clock)
        if due.any():
            aim = merge_aims(due, aim, self._asked(state.select(due), goal.select(due), aim.select(due), steps[due]))
        if self.ways is not None:
            use = use.but(~reachable(self.ways, state.latent, aim.subgoals[:, 0]), BEHIND_GUARDRAILS)
        reason, reasons = use.reasons(steps.device)
        return replace(aim, helps=use.helps, reason=reason, reasons=reasons)

    @property
    def _clock(self) -> int:
        return max(1, int(self.ahead / 2))

    def _kept(self, goal: State, before: Aim | None, steps: Tensor) -> Aim:
        """The waypoints of before; overdue ones for who has none, or goes elsewhere now."""
        rows = torch.zeros(len(steps), dtype=torch.long, device=steps.device)
        blank = self._aim(goal.belief, goal, steps, age=rows + self._clock)
        if before is None or before.goal is None or before.toward.shape != blank.toward.shape or before.subgoals.shape != blank.subgoals.shape:
            return blank
        moved = (before.goal != goal.belief).any(dim=-1)
        return merge_aims(moved, before, blank.select(moved)) if moved.any() else before

    def _asked(self, state: State, goal: State, old: Aim, steps: Tensor) -> Aim:
        found = self.critic.waypoint(state.latent, goal.latent, self.ahead)
        if found is None:
            raise ConfigError(
                f"The critic of time '{self.name}' knows of no states in between, so it cannot say where to go next.",
                fix="telos time-to-go RUN --kind landmarks teaches one that does",
            )
        return replace(self._aim(found, goal, steps, age=torch.zeros_like(old.age)), reasons=old.reasons)

    def _aim(self, beliefs: Tensor, goal: State, steps: Tensor, *, age: Tensor) -> Aim:
        latents = beliefs[:, : goal.latent.shape[1]]
        rows = torch.zeros_like(age)
        # One step ahead, without actions of its own: it is what was seen, not planned.
        plan = Plan(steps.new_zeros(len(age), 1, 0), steps[:, None], latents[:, None])
        toward = latents if self.level is None else self.level.lift(latents)
        return Aim(
            plan=plan, subgoals=beliefs[:, None], step=rows, toward=toward, age=age, helps=rows.bool(), reason=rows, reasons=("",), goal=goal.belief
        )
