"""Which frames a readout is taught from, and which it is judged on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import DataError
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes
from telos.teaching.readouts.beliefs import Places, actions_after, imagine, states_at
from telos.teaching.readouts.labels import Labels
from telos.teaching.readouts.ridge import Labelled

JUDGED = 0.25
"""Share of the labelled episodes that a file's labels are judged on; of other logs than the run's, of all episodes."""
MOST_FRAMES = 8000
"""Frames of the logs that are looked at, labelled or not."""
MOST_EPISODES = 400
MOST_IMAGINED = 400
"""Rollouts whose beliefs a perceptron is shown beside what was seen."""
MOST_JUDGED, MOST_WINDOWS = 2000, 500
"""Held-out frames, and rollouts from held-out frames."""
FEWEST_LABELS, FEWEST_JUDGED = 24, 8
"""Labelled frames on either side of the split; with fewer, nothing is learned, and nothing is known of how well it was."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Frames to learn from, frames to be judged on: never of the same episode."""

    logs: AbstractEpisodes
    labels: Labels
    labelled: Places
    others: Places
    """Frames that nobody labelled, or whose labels are not made use of."""
    dreams: Places
    """Where rollouts begin that a perceptron is shown. Of what is imagined nobody can say what is to be read there, unless it is what really came."""
    judged: Places
    windows: Places
    """Where rollouts begin that meet what is judged."""
    horizon: int
    """Steps of a rollout."""


def plan_lesson(logs: AbstractEpisodes, labels: Labels, held_out: np.ndarray, *, num_labels: int | None, horizon: int, seed: int) -> Lesson:
    """Draws the frames.

    Args:
        held_out: episodes that nothing may be learned from.
        num_labels: most labels that are made use of; None: all, or `MOST_FRAMES`.

    Raises:
        DataError: there are too few labelled frames, or episodes, on either side.
    """
    rng = numpy_generator(seed, "readout")
    held = {int(episode) for episode in held_out}
    known = {episode: frames for episode in labels.values if len(frames := labels.known(episode))}
    teaching = _draw({episode: frames for episode, frames in known.items() if episode not in held}, rng, num_labels or MOST_FRAMES)
    judged = _draw({episode: frames for episode, frames in known.items() if episode in held}, rng, MOST_JUDGED)
    _check_enough(teaching, judged, labels)
    free = {episode: np.arange(int(steps) + 1) for episode, steps in enumerate(logs.lengths) if episode not in held}
    horizon = max(1, min(horizon, int(np.median(logs.lengths[sorted(held)]))))
    starts = {episode: frames[:-horizon] for episode, frames in free.items() if len(frames) > horizon}
    return Lesson(
        logs=logs,
        labels=labels,
        labelled=teaching,
        others=_without(_draw(free, rng, MOST_FRAMES), teaching),
        dreams=_draw(starts, rng, MOST_IMAGINED),
        judged=judged,
        windows=_windows(logs, {episode: frames for episode, frames in known.items() if episode in held}, horizon, rng),
        horizon=horizon,
    )


def labelled_beliefs(world_model: AbstractWorldModel, lesson: Lesson, places: Places) -> Labelled:
    """What is believed at labelled frames, and what is to be read there."""
    return Labelled(
        beliefs=states_at(world_model, lesson.logs, places).belief,
        values=torch.from_numpy(values_at(lesson.labels, places)),
        episodes=torch.from_numpy(places.episodes),
    )


def other_beliefs(world_model: AbstractWorldModel, lesson: Lesson, labelled: Labelled) -> Float[Tensor, "rows belief"]:
    """What is believed at other frames, and what is imagined from some of them, under what was really done there."""
    parts = []
    if len(lesson.others):
        parts.append(states_at(world_model, lesson.logs, lesson.others).belief)
    if len(lesson.dreams):
        states = states_at(world_model, lesson.logs, lesson.dreams)
        parts.append(imagine(world_model, states, actions_after(lesson.logs, lesson.dreams, lesson.horizon)).flatten(0, 1))
    return torch.cat(parts) if parts else labelled.beliefs[:0]


def dreamt_beliefs(world_model: AbstractWorldModel, lesson: Lesson) -> Labelled | None:
    """What was imagined under what was really done, and what was really there; None where that is not known frame by frame.

    For world models that filter: what they imagine is a belief of another kind than one that a frame has just corrected.
    """
    if not (lesson.labels.dense and len(lesson.dreams)):
        return None
    states = states_at(world_model, lesson.logs, lesson.dreams)
    beliefs = imagine(world_model, states, actions_after(lesson.logs, lesson.dreams, lesson.horizon))
    ahead = np.arange(1, lesson.horizon + 1)
    values = [lesson.labels.values[episode][frames[:, None] + ahead] for episode, frames in lesson.dreams.by_episode().items()]
    labelled = Labelled(
        beliefs=beliefs.flatten(0, 1),
        values=torch.from_numpy(np.concatenate(values)).flatten(0, 1),
        episodes=torch.from_numpy(lesson.dreams.episodes).repeat_interleave(lesson.horizon),
    )
    return labelled.some(labelled.values.isfinite().all(dim=1))


def values_at(labels: Labels, places: Places) -> Float[np.ndarray, "frames size"]:
    """The labels of frames; NaN where there is none."""
    return np.concatenate([labels.values[episode][frames] for episode, frames in places.by_episode().items()])


def _draw(known: Mapping[int, np.ndarray], rng: np.random.Generator, most: int) -> Places:
    """Frames of as many episodes as may be looked at, the same number of each where they have so many."""
    episodes = np.sort(rng.permutation(np.array(sorted(known), dtype=int))[: min(MOST_EPISODES, max(1, most))])
    pairs = [(episode, frame) for episode in episodes for frame in rng.permutation(known[int(episode)])[: -(-most // max(1, len(episodes)))]]
    kept = sorted(pairs[row] for row in rng.permutation(len(pairs))[:most])
    # No episode, no frame: an empty array of pairs.
    return Places(*np.array(kept, dtype=int).reshape(-1, 2).T)


def _without(places: Places, taken: Places) -> Places:
    held = set(zip(taken.episodes.tolist(), taken.frames.tolist()))
    free = np.array([pair not in held for pair in zip(places.episodes.tolist(), places.frames.tolist())], dtype=bool)
    return Places(places.episodes[free], places.frames[free])


def _windows(logs: AbstractEpisodes, known: Mapping[int, np.ndarray], horizon: int, rng: np.random.Generator) -> Places:
    """Starts of rollouts that fit into their episode, and meet a labelled frame."""
    starts = {}
    for episode, frames in known.items():
        ends = np.zeros(int(logs.lengths[episode]) + 1, dtype=int)
        ends[frames] = 1
        met = np.concatenate([[0], np.cumsum(ends)])
        first = np.arange(max(0, int(logs.lengths[episode]) - horizon + 1))
        meets = first[met[first + horizon + 1] > met[first + 1]]
        if len(meets):
            starts[episode] = meets
    return _draw(starts, rng, MOST_WINDOWS)


def _check_enough(teaching: Places, judged: Places, labels: Labels) -> None:
    """Frames of one episode are much alike: what is learned from some says nothing of how well others are read."""
    for places, fewest, what in ((teaching, FEWEST_LABELS, "to learn from"), (judged, FEWEST_JUDGED, "to be judged on")):
        if len(places) < fewest:
            total = len(teaching) + len(judged)
            # Of a file a quarter of the episodes is for judging; the logs were split when the model was trained.
            needed = math.ceil(max(FEWEST_LABELS / (1 - JUDGED), FEWEST_JUDGED / JUDGED))
            more = (
                f"label {max(needed - total, fewest - len(places))} more frames or so, of other episodes"
                if not labels.dense
                else "give more logs: --data"
            )
            raise DataError(
                f"{labels.source} has {len(places)} labelled frames {what}, and {total} in all.",
                expected=f"at least {FEWEST_LABELS} to learn from, and at least {FEWEST_JUDGED} of other episodes to be judged on",
                fix=more,
            )
