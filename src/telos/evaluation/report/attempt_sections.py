"""What the agent did: the film, the table, the strip, the energies, the first attempts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from telos.core.world import AbstractWorld
from telos.evaluation.protocols import DISTANCE, how_long, select_rows
from telos.evaluation.report import curves, maps, tables
from telos.evaluation.report.episode import Episode
from telos.evaluation.report.feelings import feelings_strip
from telos.evaluation.report.findings import Attempts
from telos.evaluation.report.landscape import Landscape
from telos.evaluation.report.page import Section
from telos.evaluation.report.pictures import RGB, data_uri, fit, picture_uri, png
from telos.evaluation.report.screen import screen
from telos.evaluation.report.strip import filmstrip

ARENA = "arena widths"
STRIP = (
    "Below the film, what it felt at each moment: who decides, the energy that it expects of the steps ahead (mean, and from the best to the worst), "
    "and what else it watches. Click there to look at a step."
)


def attempt_film(attempts: Attempts, evaluation: Mapping[str, Any] | None, *, sees_pictures: bool) -> Section:
    """The film of the first attempt, beside what was imagined of it, and the goal."""
    footage, ending = attempts.footage, _ending(attempts.episodes[0])
    aims = () if footage.gone_for is None else ("what it goes for",)
    chosen = "not a chosen one"
    if evaluation is not None and attempts.evaluated:
        chosen = f"the first of {evaluation['episodes']} and not a chosen one"
    if not footage.imagined:
        says = "Left, what the agent sees. Right, the goal: all that it is told."
        note = f"One attempt, {chosen}; the agent {ending}."
        return Section(title="", says=says, body=_screen(attempts, ("what it sees", *aims, "its goal")), note=f"{note} {STRIP}")
    earlier = _steps(attempts.lag)
    says = (
        f"Left, what the agent sees. In the middle, how it had imagined this very moment {earlier} earlier, when it made its plan. "
        "Right, the goal: all that it is told."
    )
    note = (
        f"One attempt, {chosen}; the agent {ending}. During the first {earlier} the middle shows the very first plan. "
        "The agent plans anew as it goes, so the middle also shows what it meant to do before it knew better."
    )
    if aims:
        note += " What it goes for is a state of the logs that the level above expects to come through; near the goal, the goal itself."
    if not sees_pictures:
        note += " It sees numbers only; this page draws them."
    return Section(title="", says=says, body=_screen(attempts, ("what it sees", "what it had imagined", *aims, "its goal")), note=f"{note} {STRIP}")


def success(evaluation: Mapping[str, Any]) -> Section:
    """The table with the floors."""
    protocol = evaluation["protocol"]
    source = f", from {evaluation['pairs_from']}" if "pairs_from" in evaluation else ""
    says = f"Everybody got the same {evaluation['episodes']} starts and goals{source}. "
    says += "Only beside the other rows does the agent's number mean something."
    note = f"Success: {_judged(evaluation)} {how_long(protocol)}. Steps: median of the successes."
    if evaluation["floors"].get("scripted"):
        note += " The expert is a script that is shown the true state."
    if expert := evaluation.get("differences", {}).get("scripted"):
        low, high = _points(expert["low"]), _points(expert["high"])
        note += f" Agent less expert, pair by pair: {_points(expert['difference'])} points (95 % interval {low} to {high})."
    return Section(title="How often it gets there", says=says, body=tables.success_table(evaluation), note=note)


def step_by_step(attempts: Attempts) -> Section:
    """The same attempt as a strip, or as curves where nothing can be drawn."""
    footage = attempts.footage
    charts = curves.episode_charts(attempts.episodes[0], attempts.distances, attempts.protocol.radius, attempts.protocol.unit)
    body = curves.number_charts(footage) if footage.pictures is None else filmstrip(footage)
    body += feelings_strip(attempts.episodes[0].moments, level=attempts.surprise_level)
    if not footage.imagined:
        says = "The first attempt, step by step."
    elif footage.pictures is not None:
        says = (
            "The same attempt, step by step: above, what it saw; below, what it had imagined of the same moments. The bottom row was imagined "
            "with eyes closed, from the first frame and the actions alone."
        )
    else:
        says = (
            "One attempt, the first, step by step: the numbers that it saw, what it had imagined of them some steps before, and what it "
            "imagines with eyes closed, from the first frame and the actions alone."
        )
    if footage.gone_for is not None:
        says += " The second row is what it went for at that moment: a subgoal, or the goal itself."
    note = (
        "Energy is what the agent makes small: how far from the goal, in its own numbers, the future of its plan stays. "
        "The true distance is there to compare; the agent never sees it."
    )
    return Section(title="Step by step", says=says, body=body + charts, note=note)


def landscape(world: AbstractWorld, energies: Landscape, attempts: Attempts) -> Section:
    """The goal, and the energy of every place."""
    path, goal_picture = attempts.episodes[0].states["position"], attempts.footage.goal
    says = (
        "Every place, coloured by how unlike the goal it looks to the agent: the brighter, the more alike. The agent tries to get to where it is "
        "brightest; the blue line is the way that it took in its first attempt."
    )
    picture = maps.drawn(world, energies.goal, maps.ENERGY_SIZE) if goal_picture is None else goal_picture
    goal = f'<figure><img src="{_goal_uri(picture)}" alt="the goal"><figcaption>The goal, as the agent was shown it.</figcaption></figure>'
    body = f'<div class="goal-and-map">{goal}<figure>{maps.energy_map(world, energies, path)}</figure></div>'
    note = (
        "Energy: mean squared difference between the numbers that stand for a place and those that stand for the goal, everything but the place "
        "as in the goal. Coloured is where the middle of the agent can be. Nobody drew this map for it."
    )
    if np.isnan(energies.energies).any():
        note += " Going straight downhill may end at a wall or in a corner; planning several steps ahead leads around."
    return Section(title="What it tries to make small", says=says, body=body, note=note)


def more_attempts(world: AbstractWorld, episodes: tuple[Episode, ...]) -> Section:
    """Small maps of the first attempts."""
    figures = []
    for episode in episodes:
        start, goal = select_rows(episode.states, slice(0, 1)), episode.goal["position"][0]
        drawn = maps.path_map(world, start, episode.states["position"], goal, reached=episode.reached)
        ending = _steps(episode.num_steps) if episode.reached else "not reached"
        figures.append(f"<figure>{drawn}<figcaption>{ending}</figcaption></figure>")
    reached = sum(episode.reached for episode in episodes)
    says = f"The first {len(episodes)} attempts from above: the way from the start to the ring around the goal. The agent got there in {reached}"
    says += "." if reached == len(episodes) else "; the red ways did not end in time."
    return Section(title="More attempts", says=says, body=f'<div class="maps">{"".join(figures)}</div>')


def _screen(attempts: Attempts, labels: tuple[str, ...]) -> str:
    return screen(attempts.footage, labels, attempts.episodes[0].moments, level=attempts.surprise_level)


def _judged(evaluation: Mapping[str, Any]) -> str:
    """What tells that the goal is reached."""
    protocol, judge = evaluation["protocol"], evaluation.get("judge", {"source": DISTANCE})
    if judge["source"] != DISTANCE:
        return f"{judge['says']},"
    if protocol.get("unit", ARENA) == ARENA:
        return f"within {100 * protocol['radius']:g} % of the arena's width of the goal"
    return f"within {protocol['radius']:g} of the goal (in {protocol['unit']})"


def _goal_uri(picture: RGB) -> str:
    return picture_uri(picture, 256) if max(picture.shape) < 256 else data_uri(png(fit(picture, 256, 256)), "image/png")


def _ending(episode: Episode) -> str:
    steps = _steps(episode.num_steps)
    return f"got there in {steps}" if episode.reached else f"had not arrived after {steps}, when time was up"


def _steps(num: int) -> str:
    return f"{num} step{'' if num == 1 else 's'}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
