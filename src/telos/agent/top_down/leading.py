"""Who leads the lowest level to far goals, and what energy is then: from what an agent was taught, and from what it is to do."""

from dataclasses import dataclass, replace

from torch import Generator

from telos.agent.actor import Pace
from telos.agent.cost.seen_from import seen_from
from telos.agent.cost.time_seen_above import seen_above
from telos.agent.cost.time_to_go import with_time_to_go
from telos.agent.settings import AgentSettings
from telos.agent.top_down.guarded import guarding_time
from telos.agent.top_down.planning import TopDownPlanning, lowest_horizon
from telos.agent.top_down.waypoints import WaypointPlanning
from telos.agent.top_down.within_reach import WithinReach
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.levels import AbstractLevel, AbstractTimeToGo
from telos.core.readouts import Knowledge
from telos.core.seeding import derive_seed
from telos.core.tasks import Intent, Part, Parts, split_drives
from telos.core.types import Problem

NO_GOAL = "one level: the task has no goal that is a state"
MANY_GOALS = "one level: the task has several goals at once"
NO_COST = "one level: the agent's cost measures from no goal"


def check_levels(settings: AgentSettings | Intent, knowledge: Knowledge) -> None:
    """Whether an agent can plan on the levels, and with the critic of time, that its settings ask for.

    Raises:
        ConfigError: it was taught fewer levels; or a critic is to propose subgoals, and none is named, or levels would have nothing to do.
        UnknownNameError: there is no critic of that name.
    """
    if settings.levels > 1 + len(knowledge.levels):
        has = f"{1 + len(knowledge.levels)} levels" if knowledge.levels else "one level"
        raise ConfigError(f"The agent is to plan on {settings.levels} levels, and has {has}.", fix="telos levels RUN teaches it more")
    if settings.top_down.subgoals == "critic" and settings.levels > 2:
        raise ConfigError(
            f"A critic proposes subgoals to the lowest level; of {settings.levels} levels those above the second would have nothing to do.",
            expected="one level; or two, so that plans are compared with subgoals up there",
        )
    if settings.time_to_go is not None:
        knowledge.time_to_go(settings.time_to_go)
    elif settings.top_down.subgoals == "critic":
        raise ConfigError(
            "Subgoals are to come from a critic of time, and none is named.", fix="--time-to-go landmarks, or AgentSettings(time_to_go=..., ...)"
        )


@dataclass(frozen=True, kw_only=True)
class Lead:
    """How the lowest level is led."""

    knowledge: Knowledge
    """As guardrails let it be."""
    intent: Intent
    usual: AbstractCost
    """The agent's own cost; what of it measures from goals is energy on every level."""

    @property
    def critic(self) -> AbstractTimeToGo | None:
        """The critic of time that counts."""
        return None if self.intent.time_to_go is None else self.knowledge.time_to_go(self.intent.time_to_go)

    @property
    def levels(self) -> tuple[AbstractLevel, ...]:
        """Those above the lowest that may plan."""
        return self.knowledge.levels[: self.intent.levels - 1]

    def why_not(self, problem: Problem) -> str | None:
        """Why nobody leads, in a few words for people; None: somebody does."""
        if problem.goal is None:
            return NO_GOAL
        parts = problem.progress.parts if isinstance(problem.progress, Parts) else ()
        if sum(isinstance(part, Part) and part.goal is not None for part in parts) > 1:
            return MANY_GOALS
        return NO_COST if self.intent.top_down.subgoals == "levels" and not self._costs else None

    def shortened(self, least: int) -> Intent:
        """The intent with plans of the lowest level that are no longer than subgoals need.

        Args:
            least: steps that guardrails need.
        """
        horizon = max(lowest_horizon(self.intent, self.knowledge.levels), least)
        if horizon >= self.intent.planner.horizon:
            return self.intent
        planner = replace(self.intent.planner, horizon=horizon)
        return replace(self.intent, planner=planner, replan_every=min(self.intent.replan_every, horizon))

    def planning(self, generator: Generator, pace: Pace) -> TopDownPlanning | WaypointPlanning:
        """What says where to go next."""
        intent, critic, top_down = self.intent, self.critic, self.intent.top_down
        levels, ways = self.levels, guarding_time(self.knowledge, intent.time_to_go)
        if top_down.subgoals == "critic":
            assert critic is not None and intent.time_to_go is not None
            level = levels[0] if levels and top_down.compare == "above" else None
            ahead = top_down.ahead or lowest_horizon(intent, levels)
            return WaypointPlanning(name=intent.time_to_go, critic=critic, intent=intent, ahead=ahead, level=level, ways=ways)
        seed = derive_seed(generator.initial_seed(), "levels")
        return TopDownPlanning(levels=levels, costs=self._costs, intent=intent, seed=seed, pace=pace, time_to_go=critic, ways=ways)

    def cost(self, cost: AbstractCost, problem: Problem) -> AbstractCost:
        """What energy is for the lowest level: compared above with what was chosen there, and the time that it takes to get there.

        Args:
            cost: of the task.
        """
        critic = self.critic
        if self.levels and self.why_not(problem) is None:
            cost = self._compared(cost, 0)
        if critic is None or problem.goal is None:
            return cost
        # The level above has judged by time where to go, which is near. What guardrails forbid is looked for on every level.
        judged_above = self.levels and self.intent.top_down.subgoals == "levels" and not isinstance(critic, WithinReach)
        return with_time_to_go(cost, critic, led=not judged_above)

    @property
    def _costs(self) -> tuple[AbstractCost, ...]:
        """What energy is on each upper level; none where the agent's cost measures from no goal."""
        about_goals = split_drives(self.usual)[0]
        if about_goals is None:
            return ()
        return tuple(self._timed(self._compared(about_goals, number), level) for number, level in enumerate(self.levels, start=1))

    def _compared(self, cost: AbstractCost, place: int) -> AbstractCost:
        """The same, measured as the level above this place sees it; on the top, and where plans are compared below, as it is."""
        top_down = self.intent.top_down
        if place == len(self.levels) or top_down.compare == "below":
            return cost
        return seen_from(cost, self.levels[place], top_down.below_share)

    def _timed(self, cost: AbstractCost, level: AbstractLevel) -> AbstractCost:
        """The same in time, on an upper level. Time is wrapped around what is compared above: its critic knows this level's states alone."""
        critic, size = self.critic, self.knowledge.world_model.latent_size
        return cost if critic is None else with_time_to_go(cost, seen_above(critic, level, size), steps=level.steps)
