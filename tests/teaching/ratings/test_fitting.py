"""A hidden rater teaches a critic what it likes, and the critic says so of clips that nobody rated."""

import numpy as np
import pytest
import tiny_runs
import torch

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace
from telos.data import Episodes, split
from telos.teaching.ratings.answers import Comparison, Score
from telos.teaching.ratings.clips import Clips, Place, draw_places, frames_of, read_clips
from telos.teaching.ratings.experiment import RatedClips, accuracy, rated_clips, teach_by
from telos.teaching.ratings.fitting import begin_lesson, comparisons, fit_critic
from telos.teaching.ratings.raters import BeSlow, KeepAway, PassAbove
from telos.testing import TruePointMass, check_cost

STEPS = 6


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(tiny_runs.collect_logs(tmp_path_factory.mktemp("logs") / "point-mass", episodes=60, steps=20))


@pytest.fixture(scope="module")
def halves(logs):
    return split(logs, held_out=0.4, seed=0)


def _rated(logs, rater, num, seed):
    return rated_clips(TruePointMass(), logs, rater, num=num, steps=STEPS, seed=seed)


@pytest.mark.parametrize(
    ("rater", "least"), [(KeepAway(enough=0.3), 0.8), (PassAbove(), 0.75), (BeSlow(), 0.9)], ids=lambda value: type(value).__name__
)
def test_comparisons_teach_what_a_hidden_rater_likes(halves, rater, least):
    known, held_out = halves
    pool, others = _rated(known, rater, 300, 0), _rated(held_out, rater, 300, 1)
    taught = teach_by(rater, pool, others, TruePointMass(), num_answers=150, choose="random", marks=(4,))
    assert taught.curve[-1][1] >= least
    assert taught.curve[-1][1] > taught.curve[0][1]
    assert taught.description.num_answers == 150


def test_chosen_questions_teach_with_a_few_answers(halves):
    known, held_out = halves
    taught = teach_by(BeSlow(), _rated(known, BeSlow(), 200, 0), _rated(held_out, BeSlow(), 300, 1), TruePointMass(), num_answers=25)
    assert taught.curve == ((25, taught.curve[0][1]),) and taught.curve[0][1] >= 0.75


def test_the_same_answers_and_seed_give_the_same_critic(logs):
    pool = _rated(logs, BeSlow(), 60, 0)
    answers = [Comparison(pool.clips.places[i], pool.clips.places[i + 1], "left" if i % 3 else "right") for i in range(20)]
    weights = []
    for _ in range(2):
        lesson = begin_lesson(pool.clips, TruePointMass().spaces.action, seed=3)
        weights.append(fit_critic(lesson, answers, seed=3).critic(seed=3)[0].state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_one_deviation_between_clips_is_one_deviation_of_energy(logs):
    pool = _rated(logs, BeSlow(), 200, 0)
    taught = teach_by(BeSlow(), pool, pool, TruePointMass(), num_answers=40, choose="random")
    ratings = taught.critic.rate(pool.clips.beliefs, pool.clips.actions).mean(dim=1)
    assert ratings.std().item() == pytest.approx(1, abs=0.05)


def test_a_taught_critic_keeps_the_promises_of_a_cost():
    generator = torch.Generator().manual_seed(0)
    clips = Clips(tuple(Place(row, 0) for row in range(50)), torch.randn(50, 6, 5, generator=generator), torch.randn(50, 5, 2, generator=generator))
    lesson = begin_lesson(clips, TruePointMass().spaces.action)
    answers = [Comparison(Place(i, 0), Place(i + 1, 0), "left") for i in range(20)]
    critic, _ = fit_critic(lesson, answers).critic()
    check_cost(critic)


def test_scores_are_an_order_of_clips(logs):
    pool = _rated(logs, BeSlow(), 80, 0)
    ranks = np.argsort(np.argsort(pool.scores))
    scores = [Score(place, int(1 + 5 * rank // 80)) for place, rank in zip(pool.clips.places, ranks, strict=True)]
    lesson = begin_lesson(pool.clips, TruePointMass().spaces.action)
    pairs, choices = comparisons(scores, lesson.index())
    assert len(pairs) > 80 and {0.0, 0.5, 1.0} == set(choices)
    assert comparisons(scores[:40], lesson.index())[0] == pairs[: len(comparisons(scores[:40], lesson.index())[0])]
    critic, _ = fit_critic(lesson, scores).critic()
    assert accuracy(critic, RatedClips(pool.clips, pool.scores), 0.2 * pool.scores.std()) > 0.9


def test_choices_can_be_rated_too():
    model = TruePointMass(action=DiscreteSpace(5))
    generator = torch.Generator().manual_seed(0)
    beliefs, actions = torch.rand(40, 5, 4, generator=generator), torch.randint(5, (40, 4, 1), generator=generator)
    lesson = begin_lesson(Clips(tuple(Place(row, 0) for row in range(40)), beliefs, actions), model.spaces.action)
    liked = (actions == 2).float().mean(dim=(1, 2))
    answers = [
        Comparison(Place(i, 0), Place(j, 0), "equal" if liked[i] == liked[j] else "left" if liked[i] > liked[j] else "right")
        for i in range(20)
        for j in range(20, 26)
    ]
    critic, description = fit_critic(lesson, answers).critic()
    assert description.discrete and description.action_size == 5
    thought = critic.rate(beliefs, actions).mean(dim=1)
    assert torch.corrcoef(torch.stack([thought, liked]))[0, 1] > 0.8


def test_clips_are_pieces_of_the_logs_and_know_where_they_lie(logs):
    places = draw_places(logs, np.random.default_rng(0), 50, STEPS)
    clips = read_clips(TruePointMass(), logs, places, STEPS)
    assert len(set(places)) == 50 and clips.steps == STEPS
    frames, actions = frames_of(logs, places[7], STEPS)
    np.testing.assert_array_equal(clips.beliefs[7].numpy(), frames)
    np.testing.assert_array_equal(clips.actions[7].numpy(), actions)
    assert len(draw_places(logs, np.random.default_rng(0), 10**6, STEPS)) == int((logs.lengths - STEPS + 1).sum())


def test_logs_that_are_too_short_for_clips_say_so(logs):
    with pytest.raises(DataError, match="clips of 500 steps"):
        draw_places(logs, np.random.default_rng(0), 10, 500)
    with pytest.raises(DataError, match="episode 999"):
        read_clips(TruePointMass(), logs, (Place(999, 0),), STEPS)
