"""How an agent plans: the settings that a recipe chooses, and a configurator starts from."""

from dataclasses import dataclass
from typing import Literal

from telos.core.acting import MODES, Mode
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.tasks import Intent
from telos.core.top_down import TopDown

WHEN_SURPRISED = ("plan", "fall back")


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
    mode: Mode = "plan"
    """`plan`: every plan by search (Mode 2); `react`: by the policy (Mode 1); `auto`: by the policy, and by search where the arbiter says
    that it takes one. Policy and arbiter are taught: `telos practise RUN`."""
    risk: AbstractRisk | None = None
    """What a plan is worth where the model knows several futures, such as CVaR(level=0.1); None: the likeliest future counts."""
    surprise_level: float = 0.0
    """P-value below which what has happened counts as a surprise: the plan is then made anew, whatever is left of the old one. 0: nothing
    surprises; above it needs a calibrated sense of surprise (`telos surprise RUN`)."""
    when_surprised: Literal["plan", "fall back"] = "plan"
    """Whether a surprise asks for a new plan, or for the guardrails' fallback until things are as expected again."""
    proposals: int = 0
    """Action sequences that the policy proposes to a search: the best of them and of what is left of the last plan is where it starts.
    Above 0 a search may be many times smaller; it needs a policy (`telos practise RUN`)."""
    stays_alert: int = 5
    """Steps for which what has surprised the agent keeps it planning, in mode `auto`."""
    levels: int = 1
    """Levels that plan at the most, from the lowest up: above 1 far goals are approached through subgoals (`telos levels RUN`); the configurator
    leaves out those that do not help."""
    time_to_go: str | None = None
    """The critic whose time to go counts as energy, and which vetoes what is too good to be true, such as landmarks (`telos time-to-go RUN`);
    None: distance in the latents alone."""
    top_down: TopDown = TopDown()
    """How levels plan together, where there is more than one."""
    remembers: bool = False
    """Whether the end of an episode is shown to the world model when the next one begins, for models that remember across episodes."""

    def __post_init__(self) -> None:
        if not 1 <= self.replan_every <= self.planner.horizon:
            raise ConfigError(
                f"The agent is to replan every {self.replan_every} steps.", expected=f"1 to the planner's horizon, {self.planner.horizon}"
            )
        if self.ahead_tolerance is not None and not self.ahead_tolerance >= 0:
            raise ConfigError(f"The agent's ahead_tolerance is {self.ahead_tolerance}.", expected="a mean squared difference, 0 or more; or None")
        if self.mode not in MODES:
            raise UnknownNameError.of("mode", self.mode, MODES)
        if not 0 <= self.surprise_level < 1:
            raise ConfigError(f"The agent's surprise_level is {self.surprise_level}.", expected="a p-value such as 0.01; or 0, for never")
        for name, least in (("proposals", 0), ("stays_alert", 1), ("levels", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"The agent's {name} is {getattr(self, name)}.", expected=f"{least} or more")
        if self.when_surprised not in WHEN_SURPRISED:
            raise UnknownNameError.of("answer to a surprise", self.when_surprised, WHEN_SURPRISED)

    @property
    def intent(self) -> Intent:
        """What a configurator starts from."""
        return Intent(
            planner=self.planner,
            cost=self.cost,
            replan_every=self.replan_every,
            budget_ms=self.budget_ms,
            mode=self.mode,
            risk=self.risk,
            proposals=self.proposals,
            levels=self.levels,
            time_to_go=self.time_to_go,
            top_down=self.top_down,
        )
