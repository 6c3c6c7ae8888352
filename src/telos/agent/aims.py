"""Plans are trees: what an action serves, and what that serves in turn, up to the task."""

from typing import Any

from telos.core.readouts import Knowledge
from telos.core.types import Aim, Plan

LOWEST = 1
"""Number of the level whose actions are those of the environment."""


def aims_of(aim: Aim | None) -> tuple[Aim, ...]:
    """An aim, the aim of the plan that it comes from, and so on: those of level 2, 3, ... None where there is one level."""
    found = []
    while aim is not None:
        found.append(aim)
        aim = aim.plan.aim
    return tuple(found)


def aims_to_json(aim: Aim | None, row: int, *, since: int = 0) -> list[dict[str, Any]] | None:
    """What each level above the lowest has in mind for one episode, in a few words; None where there is one level.

    Args:
        since: steps of the world since the lowest level has planned.

    `level` counts from the lowest, which is 1; `helps` says whether this level is of use now, and `why` so or not; `subgoal` is the step of its
    plan that is gone for, counted from 1, `of` so many; `age` the steps of the world since it has planned.
    """
    if aim is None:
        return None
    return [_level(level, one, row, since) for level, one in enumerate(aims_of(aim), start=LOWEST + 1)]


def tree_to_json(plan: Plan, row: int, knowledge: Knowledge) -> dict[str, Any]:
    """One episode's plan as a tree: `actions` and `energies` of the lowest level, and as `aim` what that serves: what `aims_to_json` tells of the
    level above, the subgoals in all quantities that the agent can read, and as `plan` the plan that they come from, with an `aim` of its own."""
    return _plan(LOWEST, plan, row, knowledge)


def _plan(level: int, plan: Plan, row: int, knowledge: Knowledge) -> dict[str, Any]:
    steps = 1 if level == LOWEST else None
    # What a critic of time knows to lie on the way is no plan: it has no actions.
    if level > LOWEST and plan.actions.shape[2]:
        steps = knowledge.levels[level - LOWEST - 1].steps
    return {
        "level": level,
        "steps": steps,
        "actions": plan.actions[row].tolist(),
        "energies": plan.energies[row].tolist(),
        "aim": None if plan.aim is None else _aim(level + 1, plan.aim, row, knowledge),
    }


def _aim(level: int, aim: Aim, row: int, knowledge: Knowledge) -> dict[str, Any]:
    read = {name: readout(aim.subgoals[row]).tolist() for name, readout in knowledge.readouts.items()}
    return {**_level(level, aim, row, 0), "subgoals": read, "plan": _plan(level, aim.plan, row, knowledge)}


def _level(level: int, aim: Aim, row: int, since: int) -> dict[str, Any]:
    return {
        "level": level,
        "helps": bool(aim.helps[row]),
        "why": aim.reasons[int(aim.reason[row])],
        "subgoal": int(aim.step[row]) + 1,
        "of": aim.subgoals.shape[1],
        "age": int(aim.age[row]) + since,
    }
