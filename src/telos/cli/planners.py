"""Planners by name."""

import inspect

from telos.agent import actor
from telos.agent.actor import AUTO, choose_planner_for
from telos.core.config import load_class, short_name
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.run import Run
from telos.core.spaces import Spaces
from telos.recipes.experiment import load_recipe

EXPORTS = {name: getattr(actor, name) for name in actor.__all__}
PLANNERS = {
    name: kind for name, kind in EXPORTS.items() if inspect.isclass(kind) and issubclass(kind, AbstractPlanner) and not inspect.isabstract(kind)
}


def planner_for(run: Run, name: str | None) -> AbstractPlanner | None:
    """The planner that was asked for; None if none was, which leaves the recipe's.

    Raises:
        UnknownNameError: there is no such planner.
        ConfigError: what is named is no planner.
        RunError: `auto` was asked for, and what was measured for it is damaged.
    """
    from telos.cli.terminal import remark

    if name is None:
        return None
    like = load_recipe(run).agent.planner
    if name != AUTO:
        return make_planner(name, like)
    choice = choose_planner_for(run, Spaces.from_json(run.description["spaces"]).action, like)
    remark(f"planner auto: {choice.describe()}")
    return choice.planner


def make_planner(name: str, like: AbstractPlanner) -> AbstractPlanner:
    """The planner called `name`, with the recipe's horizon. Raises UnknownNameError, or ConfigError if it is no planner."""
    known = {short_name(kind): kind for kind in PLANNERS.values()}
    if ":" not in name and name not in known:
        raise UnknownNameError.of("planner", name, (AUTO, *known))
    kind = known[name] if name in known else load_class(name)
    if type(like) is kind:
        return like
    if not (isinstance(kind, type) and issubclass(kind, AbstractPlanner)):
        raise ConfigError(f"'{name}' is not a planner.", expected="a subclass of telos.core.contracts.AbstractPlanner")
    return kind(horizon=like.horizon)
