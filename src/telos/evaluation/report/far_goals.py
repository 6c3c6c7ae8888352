"""What there is to show of far goals: one plan as a tree, what was gone for moment by moment, and what the critics of time say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.aims import aims_of
from telos.core.levels import AbstractTimeToGo
from telos.core.run import Run, metric_lines
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.protocols import select_rows
from telos.evaluation.report.codec import Codec
from telos.evaluation.report.episode import Episode, RecordedPlan
from telos.evaluation.report.gallery import Gallery, gallery_of, latents_of
from telos.evaluation.report.imagery import AbstractImagery, NearestImagery
from telos.evaluation.report.landscape import ROWS_AT_ONCE, Landscape, energy_landscape, has_position
from telos.evaluation.report.pictures import RGB
from telos.evaluation.report.sources import Sources
from telos.evaluation.report.storeys import Beholder, Storey

MOST_CRITICS = 3
SHOWN = 2400
"""Frames on the map of the latents."""


@dataclass(frozen=True, kw_only=True)
class DrawnPlan:
    """One plan of an attempt, level by level."""

    time: int
    """Step at which it was made."""
    storeys: tuple[Storey, ...]
    """The highest level first."""
    now: RGB | None
    """What was seen then `[height width 3]`."""
    state: WorldState
    """What was true then `[1 ...]`."""


@dataclass(frozen=True)
class TimeMap:
    """What a critic says of the frames of the logs."""

    points: np.ndarray
    """`[frames 2]`: their latents, along the two directions in which these vary most."""
    steps: np.ndarray
    """`[frames]`: steps from each to the goal."""


@dataclass(frozen=True, kw_only=True)
class FarGoals:
    """What this run can show of levels and critics of time."""

    plan: DrawnPlan | None
    """None: no attempt had levels to plan with."""
    gone_for: RGB | None
    """What the first attempt went for `[time+1 height width 3]`; None where there is one level, or no way to draw it."""
    times: Mapping[str, Landscape | TimeMap]
    """Of each critic, how long it takes to one goal from everywhere."""
    health: Mapping[int, list[dict[str, Any]]]
    """Metrics of each level's training, by its number."""


def find_far_goals(
    sources: Sources, episode: Episode | None, goal: RGB | None, codec: Codec | None, imagery: AbstractImagery, *, seed: int
) -> FarGoals | None:
    """None for a run that has neither levels nor critics of time.

    Args:
        episode: the first attempt; None where there was no world to act in.
        goal: its goal as a picture.
    """
    knowledge, health = sources.agent.knowledge, levels_health(sources.run)
    if not (knowledge.levels or knowledge.times or health):
        return None
    logs = sources.held_out if sources.training is None else sources.training
    if logs is None:
        return FarGoals(plan=None, gone_for=None, times={}, health=health)
    gallery = gallery_of(knowledge.world_model, logs, seed=seed)
    plan = gone_for = None
    if episode is not None and sources.world is not None and codec is not None:
        beholder = beholder_of(sources, gallery, codec, imagery, episode)
        plan = _drawn(beholder, episode, sources.world, imagery, goal)
        if goal is not None and plan is not None:
            beliefs = episode.goes_for
            gone_for = beholder.gone_for((*beliefs, beliefs[-1]), goal)
    return FarGoals(plan=plan, gone_for=gone_for, times=_times(sources, episode, gallery), health=health)


def beholder_of(sources: Sources, gallery: Gallery, codec: Codec, imagery: AbstractImagery, episode: Episode) -> Beholder:
    """Whoever draws what was planned in this attempt."""
    assert sources.world is not None
    first = codec.encode(sources.world.observe(select_rows(episode.states, slice(0, 1))))[0]

    def seen(latents: Tensor) -> RGB | None:
        return imagery.seen(gallery.observations(gallery.nearest(latents)))

    def imagined(latents: Tensor) -> RGB | None:
        return imagery.imagined(codec.decode_latents(latents, first))

    return Beholder(levels=sources.agent.knowledge.levels, gallery=gallery, seen=seen, imagined=imagined)


def levels_health(run: Run) -> dict[int, list[dict[str, Any]]]:
    """What training left of each level, by its number; nothing for a run without levels."""
    found = {}
    for file in sorted((run.path / "levels").glob("*.jsonl")):
        if file.stem.isdecimal() and (lines := list(metric_lines(file))):
            found[int(file.stem)] = lines
    return found


def _drawn(beholder: Beholder, episode: Episode, world: AbstractWorld, imagery: AbstractImagery, goal: RGB | None) -> DrawnPlan | None:
    """The first of the plans in which most levels are of use."""
    plan = max((plan for plan in episode.plans if plan.aim is not None), key=lambda one: (_num_helping(one), -one.time), default=None)
    if plan is None:
        return None
    state = select_rows(episode.states, slice(plan.time, plan.time + 1))
    seen = imagery.of_states(state) if isinstance(imagery, NearestImagery) else imagery.seen(world.observe(state))
    storeys = beholder.storeys(plan.latents, plan.aim, goal)
    return DrawnPlan(time=plan.time, storeys=storeys, now=None if seen is None else seen[0], state=state)


def _num_helping(plan: RecordedPlan) -> int:
    return sum(bool(aim.helps[0]) for aim in aims_of(plan.aim))


def _times(sources: Sources, episode: Episode | None, gallery: Gallery) -> dict[str, Landscape | TimeMap]:
    """Of the critic that the agent uses, and of some others."""
    critics, used = sources.agent.knowledge.times, sources.agent.settings.time_to_go
    names = sorted(critics, key=lambda name: name != used)[:MOST_CRITICS]
    return {name: _time(sources, critics[name], episode, gallery) for name in names}


def _time(sources: Sources, critic: AbstractTimeToGo, episode: Episode | None, gallery: Gallery) -> Landscape | TimeMap:
    model, world = sources.agent.world_model, sources.world
    if episode is not None and world is not None and has_position(world, episode.states):
        return energy_landscape(model, world, episode.goal, measure=critic)
    latents = gallery.latents[:SHOWN]
    goal = latents[:1] if episode is None or world is None else latents_of(model, world.observe(episode.goal))
    centred = latents - latents.mean(dim=0)
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:2]
    with torch.no_grad():
        steps = torch.cat([critic(part, goal) for part in latents.split(ROWS_AT_ONCE)])
    return TimeMap((centred @ directions.T).cpu().numpy(), steps.cpu().numpy())
