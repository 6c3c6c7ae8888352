"""Teaching by a hidden rater: what a critic learns from so many answers, and how well it predicts others. For tests and benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from telos.agent.cost.critic import Critic, CriticConfig
from telos.core.contracts import AbstractWorldModel
from telos.core.seeding import numpy_generator
from telos.data.base import AbstractEpisodes
from telos.teaching.ratings.answers import Comparison
from telos.teaching.ratings.choosing import DRAWS, random_pair, telling_pair
from telos.teaching.ratings.clips import Clips, draw_places, read_clips
from telos.teaching.ratings.fitting import begin_lesson, fit_critic
from telos.teaching.ratings.raters import AbstractRater

POSITION = "position"
"""The part of the true state that hidden raters look at."""


@dataclass(frozen=True)
class RatedClips:
    """Clips, and what a hidden rater thinks of them."""

    clips: Clips
    scores: Float[np.ndarray, " clips"]


@dataclass(frozen=True)
class Taught:
    """What came of a lesson."""

    critic: Critic
    description: CriticConfig
    curve: tuple[tuple[int, float], ...]
    """Comparisons, and the share of held-out pairs that the critic then judged as the rater does."""
    equal: int
    """Answers that were `equal`."""


def rated_clips(world_model: AbstractWorldModel, logs: AbstractEpisodes, rater: AbstractRater, *, num: int, steps: int, seed: int) -> RatedClips:
    """Clips of the logs with the rater's scores, from true positions that the agent never sees."""
    places = draw_places(logs, numpy_generator(seed, "rated clips"), num, steps)
    positions = np.stack([logs.info(POSITION, place.episode)[place.start : place.start + steps + 1] for place in places]).astype(float)
    return RatedClips(read_clips(world_model, logs, places, steps), rater.score(positions))


def teach_by(
    rater: AbstractRater,
    pool: RatedClips,
    held_out: RatedClips,
    world_model: AbstractWorldModel,
    *,
    num_answers: int = 200,
    choose: Literal["telling", "random"] = "telling",
    marks: Sequence[int] = (),
    seed: int = 0,
    pessimism: float = 1.0,
) -> Taught:
    """Asks the rater one pair after the other, and fits the critic anew after each answer.

    Args:
        held_out: clips of episodes that nothing else is taken from; half of them against the other half are the held-out pairs, less those
            between which the rater does not care.
        choose: how the next pair is chosen.
        marks: numbers of comparisons after which accuracy is noted; the last one always is.
    """
    rng = numpy_generator(seed, "teaching", choose)
    lesson = begin_lesson(pool.clips, world_model.spaces.action, seed=seed, source="hidden rater", pessimism=pessimism)
    deviation = float(pool.scores.std())
    opinion = fit_critic(lesson, [])
    answers: list[Comparison] = []
    asked: list[tuple[int, int]] = []
    curve = []
    marks = sorted({*marks, num_answers})
    for count in range(1, num_answers + 1):
        telling = choose == "telling"
        pair = telling_pair(opinion.logits(DRAWS, seed=count), rng, asked) if telling else random_pair(rng, len(pool.clips), asked)
        choice = rater.compare(pool.scores[pair[0]], pool.scores[pair[1]], deviation, rng)
        answers.append(Comparison(pool.clips.places[pair[0]], pool.clips.places[pair[1]], choice))
        asked.append(pair)
        noted = count in marks
        if telling or noted:
            anew = noted or count % 5 == 0
            opinion = fit_critic(lesson, answers, seed=seed, variances=None if anew else opinion.variances)
        if noted:
            curve.append((count, accuracy(opinion.critic(seed=seed)[0], held_out, rater.indifference * deviation)))
    critic, description = opinion.critic(seed=seed)
    return Taught(critic, description, tuple(curve), sum(answer.choice == "equal" for answer in answers))


@torch.no_grad()
def accuracy(critic: Critic, held_out: RatedClips, indifference: float) -> float:
    """Share of the held-out pairs that the critic judges as the rater does, of those whose scores differ by more than `indifference`."""
    thought = critic.rate(held_out.clips.beliefs, held_out.clips.actions).mean(dim=1).numpy()
    half = len(thought) // 2
    true = held_out.scores[:half] - held_out.scores[half : 2 * half]
    said = thought[:half] - thought[half : 2 * half]
    cared = np.abs(true) > indifference
    return float((np.sign(said) == np.sign(true))[cared].mean())
