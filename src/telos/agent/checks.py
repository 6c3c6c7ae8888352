"""Whether an agent was taught what its settings ask for."""

from telos.agent.settings import AgentSettings
from telos.agent.startle import check_surprise
from telos.agent.thinking import check_mode
from telos.agent.top_down.leading import check_levels
from telos.core.readouts import Knowledge


def check_settings(settings: AgentSettings, knowledge: Knowledge, *, guarded: bool) -> None:
    """Raises ConfigError or UnknownNameError for a mode, for proposals, levels, a critic of time, or an answer to surprises that nobody has
    taught.

    Args:
        guarded: whether the agent has guardrails of its own.
    """
    check_mode(settings.mode, settings.proposals, knowledge)
    check_surprise(settings, knowledge, guarded=guarded)
    check_levels(settings, knowledge)
