import json

import numpy as np
import pytest
from plane import Adds

from telos.core.errors import ConfigError
from telos.data import Selection
from telos.evaluation import one_step_tolerance, open_loop


def test_a_model_that_is_right_makes_no_error(walks):
    found = open_loop(Adds(gain=1.0), walks)
    assert len(found.prediction) == 20
    assert max(found.prediction) < 1e-12 and max(found.relative) < 1e-9


def test_a_model_that_says_that_nothing_moves_is_the_floor(walks):
    found = open_loop(Adds(gain=0.0), walks)
    assert found.prediction == found.nothing_moves and found.relative == (1.0,) * 20


def test_a_model_that_sees_everything_mirrored_is_four_times_as_wrong_as_the_floor(walks):
    """Twice the distance, squared."""
    assert open_loop(Adds(gain=-1.0), walks).relative == pytest.approx([4.0] * 20, rel=1e-4)


def test_the_floor_grows_as_a_random_walk_does(walks):
    floor = np.array(open_loop(Adds(), walks, num_windows=4000).nothing_moves)
    assert (np.diff(floor) > 0).all()
    np.testing.assert_allclose(floor[:5], np.arange(1, 6) * 0.1**2 / 3, rtol=0.2)


def test_it_looks_no_further_than_an_episode_lasts(walks):
    assert len(open_loop(Adds(), walks, horizon=500).prediction) == 30


def test_the_same_seed_gives_the_same_numbers(walks):
    first, again, other = (open_loop(Adds(0.5), walks, num_windows=50, seed=seed).to_json() for seed in (0, 0, 1))
    assert first == again != other
    assert set(json.loads(json.dumps(first))) == {"prediction", "nothing_moves", "relative"}


def test_one_episode_will_do(walks):
    assert len(open_loop(Adds(), Selection(walks, [3])).prediction) == 20


def test_the_tolerance_is_what_nearly_all_single_steps_keep_to(walks):
    assert one_step_tolerance(Adds(gain=1.0), walks) < 1e-12
    # It takes every step for nothing; a step is uniform in [-0.1, 0.1] for each number.
    half, most = (one_step_tolerance(Adds(gain=0.0), walks, share=share) for share in (0.5, 0.99))
    assert 0 < half < most < 0.1**2
    assert half == pytest.approx(open_loop(Adds(gain=0.0), walks, horizon=1, num_windows=2000).prediction[0], rel=0.2)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        one_step_tolerance(Adds(), walks, share=1.0)
