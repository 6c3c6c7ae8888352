"""Far goals: a plan of several levels as a tree and on the map, how long it takes from everywhere, and how each level learned."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from telos.evaluation.report import colours, curves, maps, tables
from telos.evaluation.report.far_goals import DrawnPlan, FarGoals, TimeMap
from telos.evaluation.report.findings import Attempts
from telos.evaluation.report.landscape import Landscape, has_position
from telos.evaluation.report.page import Section
from telos.evaluation.report.sources import Sources
from telos.evaluation.report.tree import tree

STEPS = ("0 steps: the goal", "{:.0f} steps")


def far_goals(sources: Sources, found: FarGoals, attempts: Attempts | None, evaluation: Mapping[str, Any] | None) -> Iterator[Section]:
    """What there is of them; sections of which there is nothing to show are left out."""
    if found.plan is not None:
        yield plan_tree(sources, found.plan, attempts, evaluation)
    if found.times:
        yield how_long(sources, found, attempts)
    if found.health:
        yield health(found)


def plan_tree(sources: Sources, plan: DrawnPlan, attempts: Attempts | None, evaluation: Mapping[str, Any] | None) -> Section:
    """One plan: a row for each level, and where its states are."""
    body, world = tree(plan.storeys, plan.now), sources.world
    says = (
        "One plan, level by level. The upper row is planned first: each of its steps is many actions long. The state in a frame is what the row "
        "below goes for; the row below is planned next, and so on down to the actions."
    )
    note = f"Made at step {plan.time} of the first attempt: the first plan there in which most levels are of use. "
    note += "Above the lowest level, states are frames of the logs, those that come nearest to what is imagined; the lowest row is decoded. "
    if world is not None and attempts is not None and has_position(world, plan.state):
        goal = attempts.episodes[0].goal["position"][0]
        caption = "The same from above. Numbers are the states of the upper levels, in order; the line is what the lowest level imagines."
        body += (
            f'<div class="goal-and-map"><p class="note">{caption}</p><figure>{maps.plan_map(world, plan.state, plan.storeys, goal)}</figure></div>'
        )
    return Section(title="Far goals: one plan, level by level", says=says, body=body, note=note + _of_use(evaluation))


def how_long(sources: Sources, found: FarGoals, attempts: Attempts | None) -> Section:
    """Time to one goal, critic by critic."""
    figures = [f"<figure>{_time_map(sources, one, attempts)}<figcaption>{escape(name)}</figcaption></figure>" for name, one in found.times.items()]
    says = (
        "How many steps it takes to the goal of the first attempt, from everywhere, as each critic has learned it from logs without rewards. "
        "Colours should change along the ways that can be walked, and jump at walls."
    )
    drawn = any(isinstance(one, Landscape) for one in found.times.values())
    note = "The blue line is the way that the agent took." if drawn else "Each dot is a frame of the logs, where its numbers vary most."
    used = sources.agent.settings.time_to_go
    note += f" The agent goes by {escape(used)}." if used else " The agent goes by none of them."
    return Section(
        title="How long it takes", says=says, body=f'<div class="{"three" if len(figures) > 2 else "two"}">{"".join(figures)}</div>', note=note
    )


def health(found: FarGoals) -> Section:
    """Curves of each level's training."""
    says = (
        "Each level is a world model of the one below, with a slower clock, and can collapse like one: rank and deviation should stay up. Chance, in "
        "these curves, is what was done below meanwhile: without it a level cannot know what comes next, and told of it, in a few nats, it should."
    )
    body = "".join(f"<h3>Level {level}</h3>{curves.training_charts(lines)}" for level, lines in found.health.items())
    return Section(title="How its levels learned", says=says, body=body)


def _of_use(evaluation: Mapping[str, Any] | None) -> str:
    helped = ((evaluation or {}).get("conduct") or {}).get("helped") or {}
    shares = [f"level {escape(level)} in {tables.percent(share)}" for level, share in helped.items()]
    return f"Of all steps of the evaluation, {' and '.join(shares)} were taken for one of its subgoals." if shares else ""


def _time_map(sources: Sources, one: Landscape | TimeMap, attempts: Attempts | None) -> str:
    if isinstance(one, TimeMap):
        highest = max(float(one.steps[np.isfinite(one.steps)].max(initial=0)), 1e-9)
        shades = [colours.css(colour) for colour in colours.ramp(np.minimum(one.steps / highest, 1))]
        near, far = STEPS
        return maps.scatter(one.points, shades, "steps to the goal") + maps.scale(near, far.format(highest))
    assert sources.world is not None and attempts is not None
    if not np.isfinite(one.energies).any():
        return ""
    return maps.energy_map(sources.world, one, attempts.episodes[0].states["position"], STEPS)
