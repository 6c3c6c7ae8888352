"""The executive: turns a task and the situation into settings for the other modules, and says why."""

from dataclasses import dataclass, replace

from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail
from telos.core.tasks import AbstractConfigurator, AbstractTask, Intent
from telos.core.types import Problem


@dataclass(frozen=True, kw_only=True)
class Configurator(AbstractConfigurator):
    """Looks as far ahead as the task wishes, within what the model is good for, and leaves the rest as it is.

    One decision serves all episodes of a batch. Where a guardrail was calibrated for the agent's planner, horizon and replanning
    interval, these are left alone: another one would not be covered. It has no say in what guardrails ask for.
    """

    shortest: int = 4
    """Steps that a plan looks ahead at the least."""
    farthest: float = 2.0
    """How far ahead a plan may look, as a multiple of the agent's usual horizon; models were trained for no more than that."""

    def __post_init__(self) -> None:
        if self.shortest < 1 or self.farthest < 1:
            raise ConfigError(
                f"The configurator looks {self.shortest} steps ahead at the least, and {self.farthest} times as far as usual at the most.",
                expected="1 step or more, and once or more",
            )

    def configure(self, usual: Intent, task: AbstractTask, problem: Problem, guardrails: tuple[Guardrail, ...]) -> Intent:
        wish = task.wish(problem, usual.planner.horizon)
        if wish is None:
            return usual
        needed = max((rule.requirement.shortest_horizon for rule in guardrails), default=1)
        horizon = min(max(wish.horizon, self.shortest, needed), round(self.farthest * usual.planner.horizon))
        if horizon == usual.planner.horizon:
            return usual
        tied = next((rule.name for rule in guardrails if rule.calibration is not None), None)
        if tied is not None:
            return _because(usual, f"horizon {usual.planner.horizon} as always: '{tied}' was calibrated for it; wished for {horizon}: {wish.why}")
        planner = replace(usual.planner, horizon=horizon)
        said = f"horizon {horizon}: {wish.why}" + ("" if horizon == wish.horizon else f"; {wish.horizon} would be more than it is good for")
        if horizon > wish.horizon:
            said = f"horizon {horizon}: {wish.why}; a plan looks no less far ahead"
        return _because(replace(usual, planner=planner, replan_every=min(usual.replan_every, horizon)), said)


def _because(intent: Intent, why: str) -> Intent:
    return replace(intent, why=(*intent.why, why))
