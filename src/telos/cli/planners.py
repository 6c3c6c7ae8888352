"""Planners by name."""

import inspect

from telos.agent import actor
from telos.core.config import choose
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError

EXPORTS = {name: getattr(actor, name) for name in actor.__all__}
PLANNERS = {
    name: kind for name, kind in EXPORTS.items() if inspect.isclass(kind) and issubclass(kind, AbstractPlanner) and not inspect.isabstract(kind)
}


def make_planner(name: str, like: AbstractPlanner) -> AbstractPlanner:
    """The planner called `name`, with the recipe's horizon. Raises UnknownNameError, or ConfigError if it is no planner."""
    kind = choose("planner", name, PLANNERS)
    if type(like) is kind:
        return like
    if not (isinstance(kind, type) and issubclass(kind, AbstractPlanner)):
        raise ConfigError(f"'{name}' is not a planner.", expected="a subclass of telos.core.contracts.AbstractPlanner")
    return kind(horizon=like.horizon)
