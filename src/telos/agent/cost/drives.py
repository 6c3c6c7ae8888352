"""Drives: what is asked of the way, whatever the task is."""

from dataclasses import dataclass

from telos.agent.cost.action import ActionEffort, ActionSmoothness
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge


@dataclass(frozen=True, kw_only=True)
class Drives:
    """Weights of the drives that ship with us; all are costs of the way, differentiable, and know nothing of goals.

    Raises:
        ConfigError: a weight is negative.
    """

    effort: float = 0.0
    """Of the squared size of actions (`ActionEffort`)."""
    smoothness: float = 0.0
    """Of the squared change from one action to the next (`ActionSmoothness`)."""
    near_data: float = 0.0
    """Of how far imagined states lie beyond what the model was trained on (`Familiarity`), in deviations."""

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            if not weight >= 0:
                raise ConfigError(f"The drive '{name}' has the weight {weight}.", expected="0 or more: a drive never asks for the opposite")

    def cost(self, knowledge: Knowledge) -> AbstractCost | None:
        """The drives as one cost; None if all weights are 0.

        Raises:
            ConfigError: it is to stay near its data, and nobody has measured what the agent is familiar with.
        """
        wanted: list[tuple[float, AbstractCost]] = [(self.effort, ActionEffort()), (self.smoothness, ActionSmoothness())]
        if self.near_data:
            if knowledge.familiarity is None:
                raise ConfigError("Nobody has measured what this agent is familiar with.", fix='telos.teaching.familiarity.teach_familiarity("RUN")')
            wanted.append((self.near_data, knowledge.familiarity))
        terms = [weight * cost for weight, cost in wanted if weight]
        return sum(terms[1:], terms[0]) if terms else None
