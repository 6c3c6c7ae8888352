"""Somebody rates: what is asked, what is kept, and what survives."""

import pytest
import tiny_runs

from telos.agent.cost import FinalDistance
from telos.agent.cost.critic import Critic
from telos.core.errors import ConfigError, RunError
from telos.core.taught import load_taught
from telos.core.weights import fingerprint
from telos.data import Episodes
from telos.envs import PointMass
from telos.teaching.ratings.answers import Comparison, Score
from telos.teaching.ratings.clips import Place
from telos.teaching.ratings.experiment import POSITION
from telos.teaching.ratings.pictures import clip_pictures
from telos.teaching.ratings.raters import BeSlow
from telos.teaching.ratings.session import CHECK_EVERY, BackgroundFit, RatingSession
from telos.testing import TruePointMass


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(tiny_runs.collect_logs(tmp_path_factory.mktemp("logs") / "point-mass", episodes=30, steps=14))


@pytest.fixture
def begin(logs, tmp_path):
    def make(**settings):
        usual = {"folder": tmp_path / "ratings" / "taste", "critic_path": tmp_path / "critics" / "taste", "steps": 5, "num_clips": 80}
        return RatingSession(**{**usual, "world_model": TruePointMass(), "logs": logs, **settings})

    return make


def _rate(session, logs, num):
    """Answers as somebody who likes it slow."""
    for _ in range(num):
        question = session.question()
        tracks = [logs.info(POSITION, clip.episode)[clip.start : clip.start + session.steps + 1] for clip in question.clips]
        scores = [float(BeSlow().score(track[None])[0]) for track in tracks]
        session.answer(Comparison(*question.clips, "left" if scores[0] > scores[1] else "right", question.check))


def test_ratings_become_a_critic_that_an_agent_can_use(begin, logs, tmp_path):
    session = begin()
    _rate(session, logs, 60)
    assert session.fit() and not session.fit()
    critic = load_taught(tmp_path / "critics" / "taste", Critic, tie=fingerprint(TruePointMass()))
    status = session.status()
    assert status["answers"] == status["fitted"] == 60 and status["checks"] == 60 // CHECK_EVERY
    assert status["agreement"] >= 0.6
    assert (FinalDistance() + 0.5 * critic).weights == (1.0, 0.5)
    claims = session.pressure()
    assert sum(row["answers"] for row in claims) == status["checks"] and all(0.5 <= row["claimed"] <= 1 for row in claims)


def test_a_critic_is_refused_by_another_model(begin, logs, tmp_path):
    session = begin()
    _rate(session, logs, 10)
    session.fit()
    with pytest.raises(RunError, match="other weights"):
        load_taught(tmp_path / "critics" / "taste", Critic, tie="another model")


def test_everything_goes_on_where_it_was(begin, logs):
    session = begin()
    _rate(session, logs, 13)
    again = begin()
    assert again.read() == session.read() and len(again.read().answers) == 13
    session.fit()
    again.fit()
    assert again.question() == session.question()


def test_taking_back_asks_the_same_again(begin, logs):
    session = begin()
    first = session.question()
    _rate(session, logs, 1)
    assert session.question() != first
    assert session.undo() and not session.undo()
    assert session.question() == first


def test_every_sixth_question_is_a_check_and_is_not_learned_from(begin, logs):
    session = begin()
    _rate(session, logs, 12)
    assert [answer.check for answer in session.read().answers] == ([False] * 5 + [True]) * 2


def test_clips_that_nobody_asked_about_are_refused(begin):
    with pytest.raises(ConfigError, match="Nobody asked"):
        begin().answer(Comparison(Place(10**6, 0), Place(0, 0), "left"))


def test_clips_that_were_answered_about_stay_in_whatever_is_drawn_later(begin, logs):
    session = begin()
    _rate(session, logs, 9)
    other = begin(seed=7, num_clips=20)
    assert other.fit() and len(other.read().answers) == 9


def test_single_clips_can_be_scored(begin):
    session = begin(mode="scores")
    seen = set()
    for number in range(12):
        question = session.question()
        assert len(question.clips) == 1
        seen.add(question.clips[0])
        session.answer(Score(question.clips[0], 1 + number % 5, question.check))
    assert len(seen) == 12 and session.fit()
    assert session.status()["checks"] >= 1


def test_a_critic_is_fitted_in_the_background_while_answers_come(begin, logs, tmp_path):
    session = begin()
    with BackgroundFit(session) as fit:
        _rate(session, logs, 9)
        fit.wake()
    assert session.status()["fitted"] == 9 and (tmp_path / "critics" / "taste.json").is_file()


def test_what_people_see_is_drawn_by_the_world_or_lines_of_numbers(logs):
    drawn = clip_pictures(logs, Place(0, 2), 5, PointMass())
    assert (drawn["kind"], drawn["frames"], drawn["height"]) == ("pictures", 6, 160)
    lines = clip_pictures(logs, Place(0, 2), 5)
    assert (lines["kind"], len(lines["lines"]), len(lines["lines"][0])) == ("lines", 4, 6)
