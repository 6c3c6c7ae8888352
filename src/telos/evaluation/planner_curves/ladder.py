"""Which settings are tried: a few budgets for every planner, each about double to quadruple the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from telos.agent.actor import CEM, ICEM, LBFGS, MPPI, CategoricalCEM, Collocation, ExhaustiveSearch, GradientDescent, Hybrid, RandomShooting
from telos.core.config import choose, short_name
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, DiscreteSpace

ALL = "all"
BUDGETS = tuple({"num_candidates": num, "num_iterations": rounds} for num, rounds in ((8, 1), (16, 2), (32, 3), (64, 3), (128, 4)))
WITH_ELITES = tuple({**budget, "num_elites": max(4, budget["num_candidates"] // 8)} for budget in BUDGETS)
LADDERS: Mapping[type[AbstractPlanner], tuple[Mapping[str, Any], ...]] = {
    RandomShooting: tuple({"num_candidates": num} for num in (16, 64, 256, 768)),
    CEM: WITH_ELITES,
    ICEM: WITH_ELITES,
    MPPI: BUDGETS,
    GradientDescent: tuple({"num_starts": starts, "num_iterations": steps} for starts, steps in ((2, 5), (4, 10), (8, 20))),
    LBFGS: tuple({"num_starts": starts, "num_iterations": steps} for starts, steps in ((1, 3), (2, 6), (4, 15))),
    Hybrid: tuple(
        {"sampler": MPPI(num_candidates=num, num_iterations=rounds), "num_starts": starts, "num_iterations": steps}
        for num, rounds, starts, steps in ((16, 1, 1, 2), (32, 2, 2, 4), (64, 2, 4, 8))
    ),
    Collocation: tuple(
        {"num_starts": starts, "num_rounds": rounds, "num_iterations": steps} for starts, rounds, steps in ((1, 1, 2), (1, 3, 5), (2, 5, 10))
    ),
    CategoricalCEM: WITH_ELITES,
    ExhaustiveSearch: tuple({"depth": depth} for depth in (1, 2, 3)),
}
"""Budgets by planner, cheapest first. Planners that are not here are tried once, with their defaults."""
TAKEN_OVER = ("horizon", "noise_exponent")
"""Fields that are the recipe's, whatever the planner: how far to look, and how smooth actions are."""


def choose_kinds(names: Sequence[str]) -> tuple[type[AbstractPlanner], ...]:
    """The planners of some names, or of `all`, and those of a user's own, `file.py:ClassName`; each once.

    Raises:
        UnknownNameError: there is no such planner.
        ConfigError: the class is no planner.
    """
    chosen: list[type[AbstractPlanner]] = []
    for name in (name.strip() for name in names):
        if name == ALL:
            chosen += LADDERS
            continue
        kind = choose("planner", name, {kind.__name__: kind for kind in LADDERS})
        if not (isinstance(kind, type) and issubclass(kind, AbstractPlanner)):
            raise ConfigError(f"'{name}' is not a planner.", expected="a subclass of telos.core.contracts.AbstractPlanner")
        chosen.append(kind)
    return tuple(dict.fromkeys(chosen))


def climb(kinds: Sequence[type[AbstractPlanner]], action_space: ActionSpace, like: AbstractPlanner) -> tuple[AbstractPlanner, ...]:
    """Every planner with every budget of its ladder, and the recipe's own setting last unless it is among them.

    Args:
        like: the recipe's planner; its horizon, and the colour of its noise, are taken over.

    Raises:
        ConfigError: none of the planners can search these actions.
    """
    rungs = [planner for kind in kinds for planner in _rungs(kind, like) if _can_search(planner, action_space)]
    if not rungs:
        names = ", ".join(short_name(kind) for kind in kinds)
        raise ConfigError(f"None of these planners can search {action_space.describe()}: {names}.", fix="ask for --planners all")
    return tuple(dict.fromkeys([*rungs, like]))


def _can_search(planner: AbstractPlanner, space: ActionSpace) -> bool:
    too_many = isinstance(planner, ExhaustiveSearch) and isinstance(space, DiscreteSpace) and space.num**planner.depth > planner.max_sequences
    return planner.supports(space) and not too_many


def _rungs(kind: type[AbstractPlanner], like: AbstractPlanner) -> list[AbstractPlanner]:
    budgets = LADDERS.get(kind, ({},))
    if type(like) is kind:
        return [replace(like, **budget) for budget in budgets]
    return [_like(kind(**budget), like) for budget in budgets]


def _like(planner: AbstractPlanner, like: AbstractPlanner) -> AbstractPlanner:
    """The planner, and any that it is made of, with what is taken over from the recipe's."""
    shared: dict[str, Any] = {name: getattr(like, name) for name in TAKEN_OVER if {name} <= _names(like) & _names(planner)}
    parts = {name: getattr(planner, name) for name in _names(planner)}
    inner: dict[str, Any] = {name: _like(part, like) for name, part in parts.items() if isinstance(part, AbstractPlanner)}
    return replace(planner, **shared, **inner)


def _names(planner: AbstractPlanner | type[AbstractPlanner]) -> set[str]:
    return {field.name for field in fields(planner)}
