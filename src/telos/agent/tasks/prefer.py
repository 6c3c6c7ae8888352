"""What an agent has learned to like, and what it knows well, as parts of a task: they are named, and looked up when the agent is there."""

from dataclasses import dataclass

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractTask
from telos.core.types import Problem, State


@dataclass(frozen=True)
class Prefer(AbstractTask):
    """Do it the way a critic likes: `ReachGoal(frame) + 0.5 * Prefer("calm")`. It has no end of its own.

    Raises:
        UnknownNameError: on `agent.set_task`, when the agent has learned no critic of that name.
    """

    critic: str
    """Its name; `telos rate RUN` teaches one."""

    def start(self, knowledge: Knowledge, num_rows: int) -> None:
        knowledge.critic(self.critic)

    def problem(self, state: State, progress: None) -> Problem:
        return Problem(state=state)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        return knowledge.critic(self.critic)


@dataclass(frozen=True)
class StayNearData(AbstractTask):
    """Keep to what the model was trained on: `ReachGoal(frame) + 0.1 * StayNearData()`. It has no end of its own.

    Raises:
        ConfigError: on `agent.set_task`, when nobody has measured what the model knows.
    """

    def start(self, knowledge: Knowledge, num_rows: int) -> None:
        _familiarity(knowledge)

    def problem(self, state: State, progress: None) -> Problem:
        return Problem(state=state)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        return _familiarity(knowledge)


def _familiarity(knowledge: Knowledge) -> AbstractCost:
    if knowledge.familiarity is None:
        raise ConfigError(
            "Nobody has measured how near to its data this agent is.",
            fix="telos.teaching.familiarity.teach_familiarity(RUN), as in docs/how-to/explore.md; or leave it out",
        )
    return knowledge.familiarity
