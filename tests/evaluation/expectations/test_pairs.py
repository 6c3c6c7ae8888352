"""Promises of pairs of possible and impossible clips, and of those who judge them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.surprise import SurpriseConfig
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig
from telos.core.errors import ConfigError
from telos.envs import Playroom
from telos.evaluation.expectations import VIOLATIONS, AbstractJudge, FrameDifference, WorldModelJudge, judge_pairs, make_pairs, train_pixel_judge

WORLD = Playroom()
NUM = 12
BY_NAME = {violation.name: violation for violation in VIOLATIONS}
BEHIND = ("vanishing", "change of colour", "change of shape")


@pytest.fixture(scope="module")
def pairs():
    return {violation.name: make_pairs(WORLD, violation, NUM, seed=3) for violation in VIOLATIONS}


def from_moment(some, row):
    """Both clips of a pair from the moment on."""
    begins = some.begins[row]
    return some.possible[row, begins:], some.impossible[row, begins:]


@pytest.mark.parametrize("name", BY_NAME)
def test_clips_of_a_pair_share_everything_up_to_the_moment_and_differ_after_it(pairs, name):
    some = pairs[name]
    assert len(some) == NUM
    assert some.actions.shape == (NUM, some.possible.shape[1] - 1, 1)
    for row in range(NUM):
        assert np.array_equal(some.possible[row, : some.begins[row]], some.impossible[row, : some.begins[row]])
        possible, impossible = from_moment(some, row)
        assert not np.array_equal(possible, impossible)


@pytest.mark.parametrize("name", BY_NAME)
def test_one_seed_gives_one_set_of_pairs_and_another_seed_another(pairs, name):
    again, other = (make_pairs(WORLD, BY_NAME[name], NUM, seed=seed) for seed in (3, 4))
    assert np.array_equal(again.impossible, pairs[name].impossible)
    assert not np.array_equal(other.possible, pairs[name].possible)


@pytest.mark.parametrize("name", BEHIND)
def test_what_happens_behind_the_screen_shows_only_later(pairs, name):
    for row in range(NUM):
        possible, impossible = from_moment(pairs[name], row)
        assert np.array_equal(possible[0], impossible[0])


@pytest.mark.parametrize("name", ["teleporting", "floating"])
def test_what_happens_in_full_view_shows_at_once_or_in_the_next_frames(pairs, name):
    for row in range(NUM):
        possible, impossible = from_moment(pairs[name], row)
        assert any(not np.array_equal(*frames) for frames in zip(possible[:4], impossible[:4], strict=True))


def test_a_thing_that_passes_the_wall_is_seen_on_the_other_side_of_it(pairs):
    some, column = pairs["passing through the wall"], int(WORLD.wall * WORLD.size)
    moved = 0
    for row in range(NUM):
        possible, impossible = from_moment(some, row)
        differs = (possible != impossible).any(axis=(0, 1, 3))
        moved += bool(differs[: column - 2].any() and differs[column + 2 :].any())
    assert moved == NUM


def test_the_most_knowing_judge_ranks_all_pairs_right_and_a_tie_is_not_right(pairs):
    @dataclass(frozen=True)
    class Knowing(AbstractJudge):
        """Has seen the clips as they really went."""

        name = "knowing"
        true: np.ndarray

        def surprise(self, clips, actions):
            return np.square(clips[:, 1:].astype(float) - self.true[:, 1:]).mean(axis=(2, 3, 4))

    class Asleep(AbstractJudge):
        name = "asleep"

        def surprise(self, clips, actions):
            return np.zeros(actions.shape[:2])

    for some in pairs.values():
        assert judge_pairs(Knowing(some.possible), some).rate.value == 1
        assert judge_pairs(Knowing(some.possible), some).rate_by_peak.value == 1
        assert judge_pairs(Asleep(), some).rate.value == 0


def test_frames_that_change_more_are_more_surprising_to_the_floor():
    clips = np.zeros((1, 4, 8, 8, 3), np.uint8)
    clips[0, 2:] = 51
    np.testing.assert_allclose(FrameDifference().surprise(clips, np.zeros((1, 3, 1))), [[0, 0.04, 0]], atol=1e-6)


def world_model():
    torch.manual_seed(0)
    return JEPAConfig(encoder=EncoderConfig(), latent_size=8, predictor=RecurrentPredictorConfig(width=8)).build(WORLD.spaces).eval()


def test_a_world_model_watches_each_clip_as_if_it_were_alone(pairs):
    some = pairs["vanishing"]
    judge = WorldModelJudge(world_model(), SurpriseConfig(latent_size=8, num_ranks=32).build().eval())
    energies, p_values = judge.look(some.impossible[:4], some.actions[:4])
    alone, _ = judge.look(some.impossible[2:3], some.actions[2:3])
    assert energies.shape == p_values.shape == (4, some.actions.shape[1])
    np.testing.assert_allclose(energies[2:3], alone, rtol=1e-3, atol=1e-4)


def test_the_floor_in_pixels_learns_to_draw_and_knows_nothing_before_its_horizons(tmp_path, pairs):
    from tiny_runs import collect_logs

    from telos.data import Episodes

    logs = Episodes.open(collect_logs(tmp_path / "logs", "playroom", episodes=20, steps=16))
    steps = []
    sizes = {"horizons": (1, 4), "batch_size": 8, "window": 8, "seen": 3}
    judge = train_pixel_judge(world_model(), logs, num_steps=40, seed=0, progress=lambda done, total: steps.append(done), **sizes)
    fresh = train_pixel_judge(world_model(), logs, num_steps=1, seed=0, **sizes)
    clips, actions = pairs["floating"].possible[:4], pairs["floating"].actions[:4]
    errors = judge.errors(clips, actions)
    assert steps[-1] == 40
    assert np.isnan(errors[:, :3, 1]).all()
    assert np.isfinite(errors[:, 3:]).all()
    assert np.nanmean(errors) < 0.7 * np.nanmean(fresh.errors(clips, actions))
    assert np.isfinite(judge.surprise(clips, actions)).all()


def test_clips_too_short_to_show_anything_are_refused():
    with pytest.raises(ConfigError, match="clips of 10 steps"):
        make_pairs(WORLD, VIOLATIONS[0], 5, seed=0, steps=10)
