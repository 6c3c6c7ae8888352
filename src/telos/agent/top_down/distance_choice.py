"""What the distance of the goal decides: how many levels plan for each episode, and whether the critic's time counts."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.agent.top_down.guarded import guarding_time
from telos.agent.top_down.planning import sight
from telos.agent.top_down.scale import apart, scale_of
from telos.core.levels import AbstractTimeToGo
from telos.core.readouts import Knowledge
from telos.core.tasks import Intent
from telos.core.types import Problem

BEST = "landmarks"
"""The critic that is asked how far goals are where none is named: of those that were compared it ranks far pairs best (docs/results.md)."""


def by_distance(usual: Intent, problem: Problem, knowledge: Knowledge) -> Intent:
    """As many levels as it takes to overlook the way to the goal, for each episode: a higher one only where plans of those below end before it.

    How far that is, the critic of time says, in steps of the world; without one each level says how many of its own steps it takes, by
    distance in its own space. An episode is decided on by itself: alone and in company alike. What is as usual is not spoken of; that a
    critic's time does not count where one plan leads to the goal (`telos.agent.cost.TimeToGo`) is.
    """
    critic = critic_of(knowledge, usual.time_to_go)
    if problem.goal is None or (usual.levels == 1 and usual.time_to_go is None):
        return usual
    levels = knowledge.levels[: usual.levels - 1]
    away = [_steps(problem, knowledge, place, critic) for place in range(max(1, len(levels)))]
    depth = torch.ones(problem.num_rows, dtype=torch.long, device=problem.state.latent.device)
    for number in range(1, usual.levels):
        depth = torch.where((depth == number) & (away[number - 1] > sight(usual, levels, number)), number + 1, depth)
    reasons = []
    if usual.levels == 1:
        reasons += _said(away[0] <= sight(usual, levels, 1), "distance in place of time", away[0], f"a plan looks {sight(usual, levels, 1)} ahead")
    for number in range(1, usual.levels):
        looks = f"{'a plan looks' if number == 1 else f'plans of {number} levels look'} {sight(usual, levels, number)} ahead"
        reasons += _said(depth == number, f"levels {number}", away[number - 1], looks)
    if not reasons:
        return usual
    differs = bool((depth != usual.levels).any())
    return replace(usual, depth=depth if differs else None, why=(*usual.why, *reasons))


def critic_of(knowledge: Knowledge, name: str | None) -> AbstractTimeToGo | None:
    """Who says how far goals are: the critic that counts, else one that knows what is forbidden, else the best there is; None: there is none."""
    if name is not None:
        return knowledge.time_to_go(name)
    guarding = guarding_time(knowledge)
    return guarding or knowledge.times.get(BEST) or next(iter(knowledge.times.values()), None)


def _steps(problem: Problem, knowledge: Knowledge, place: int, critic: AbstractTimeToGo | None) -> Float[Tensor, " batch"]:
    """Steps of the world to the goal, as the critic says, or as one of the levels sees it."""
    assert problem.goal is not None
    here, there = problem.state.latent, problem.goal.latent
    if critic is not None:
        return critic(here, there)
    level = knowledge.levels[place]
    step = scale_of(knowledge.levels, place).step
    # Up there it is the squared distance that grows with the way.
    return (apart(level.lift(here), level.lift(there)) / max(step, 1e-12)).square() * level.steps


def _said(rows: Bool[Tensor, " batch"], what: str, steps: Float[Tensor, " batch"], looks: str) -> list[str]:
    """For people: what is decided in these episodes, and why; nothing where there are none."""
    if not rows.any():
        return []
    share = "" if len(rows) == 1 else f" in {int(rows.sum())} of {len(rows)} episodes"
    least, most = round(float(steps[rows].min())), round(float(steps[rows].max()))
    return [f"{what}{share}: the goal is {least if least == most else f'{least} to {most}'} steps away, and {looks}"]
