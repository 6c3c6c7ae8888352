"""The executive: turns a task and the situation into settings for the other modules, and says why."""

from dataclasses import dataclass, replace

from telos.agent.actor import CEM, MPPI
from telos.agent.actor.sampling import AbstractSamplingPlanner
from telos.agent.top_down.distance_choice import by_distance
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractConfigurator, AbstractTask, Intent, Wish
from telos.core.types import Problem


@dataclass(frozen=True, kw_only=True)
class Configurator(AbstractConfigurator):
    """Looks as far ahead as the task wishes, within what the model is good for, with a planner that is precise where that counts; and, where an
    agent has levels, lets as many of them plan as it takes to overlook the way to the goal.

    How many levels plan is decided for each episode by itself, calibrated guardrails or not: the calibration has seen it decide alike. All
    else is one decision for all episodes of a batch. Where a guardrail was calibrated for the agent's planner, horizon and replanning
    interval, these are left alone: another one would not be covered. It has no say in what guardrails ask for.
    """

    shortest: int = 4
    """Steps that a plan looks ahead at the least."""
    farthest: float = 2.0
    """How far ahead a plan may look, as a multiple of the agent's usual horizon; models were trained for no more than that."""

    keeps_planner: bool = False
    """Whether the kind of planner stays as it is, as when somebody has asked for it by name; its horizon may change."""

    def __post_init__(self) -> None:
        if self.shortest < 1 or self.farthest < 1:
            raise ConfigError(
                f"The configurator looks {self.shortest} steps ahead at the least, and {self.farthest} times as far as usual at the most.",
                expected="1 step or more, and once or more",
            )

    def configure(self, usual: Intent, task: AbstractTask, problem: Problem, guardrails: tuple[Guardrail, ...], knowledge: Knowledge) -> Intent:
        return by_distance(self._as_wished(usual, task, problem, guardrails), problem, knowledge)

    def _as_wished(self, usual: Intent, task: AbstractTask, problem: Problem, guardrails: tuple[Guardrail, ...]) -> Intent:
        wish = task.wish(problem, usual.planner.horizon)
        if wish is None:
            return usual
        planner, reasons = self._planner(usual.planner, wish, guardrails)
        if planner == usual.planner:
            return usual
        tied = next((rule.name for rule in guardrails if rule.calibration is not None), None)
        if tied is not None:
            return replace(usual, why=(*usual.why, f"planner as always: '{tied}' was calibrated for it; without it, {'; '.join(reasons)}"))
        return replace(usual, planner=planner, replan_every=min(usual.replan_every, planner.horizon), why=(*usual.why, *reasons))

    def _planner(self, usual: AbstractPlanner, wish: Wish, guardrails: tuple[Guardrail, ...]) -> tuple[AbstractPlanner, list[str]]:
        """The planner that is wished for, and each way in which it differs from the usual one."""
        needed = max((rule.requirement.shortest_horizon for rule in guardrails), default=1)
        horizon = min(max(wish.horizon, self.shortest, needed), max(round(self.farthest * usual.horizon), needed))
        planner, reasons = replace(usual, horizon=horizon), []
        if horizon != usual.horizon:
            more = (
                "; a plan looks no less far ahead" if horizon > wish.horizon else "; the model is good for no more" if horizon < wish.horizon else ""
            )
            reasons.append(f"horizon {horizon}: {wish.why}{more}")
        if wish.precise and isinstance(planner, MPPI) and not self.keeps_planner:
            planner = CEM(
                horizon=horizon,
                num_candidates=planner.num_candidates,
                num_iterations=max(10, planner.num_iterations),
                num_elites=max(2, planner.num_candidates // 4),
                noise_exponent=planner.noise_exponent,
            )
            reasons.append("planner cem: what is asked takes the best of plans, and a mean of many never quite comes to rest")
        if isinstance(planner, AbstractSamplingPlanner) and wish.rounds > planner.num_iterations:
            planner = replace(planner, num_iterations=wish.rounds)
            reasons.append(f"{wish.rounds} rounds of search: {wish.why}, and fewer leave actions rough")
        return planner, reasons
