"""The bridge in the wind: a fork that nobody can foresee, and a way round it."""

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.envs import WindyBridge

WORLD = WindyBridge()


def standing(x, y, num, seed=0):
    luck = np.random.default_rng(seed).integers(1 << 24, size=num)
    return {"position": np.tile([x, y], (num, 1)), "luck": luck}


def pushed(x, num):
    return np.tile([x, 0.0], (num, 1))


def test_a_gust_comes_as_often_as_it_should_up_as_often_as_down():
    num = 20_000
    after = WORLD.advance(standing(0.4, 0.58, num), pushed(0.1, num))["position"]
    assert np.allclose(after[:, 0], 0.5)
    moved = np.round(after[:, 1] - 0.58, 9)
    assert set(moved) == {-0.22, 0.0, 0.22}
    shares = [(moved == way).mean() for way in (-0.22, 0.22)]
    assert np.allclose(shares, 0.1, atol=3 * np.sqrt(0.1 * 0.9 / num))


def test_one_gust_tells_nothing_of_the_next():
    num = 20_000
    state = standing(0.4, 0.58, num)
    first = WORLD.advance(state, pushed(0.1, num))
    # Back on the bridge, with the luck of where it went.
    second = WORLD.advance({"position": state["position"], "luck": first["luck"]}, pushed(0.1, num))
    gusts = [np.round((after["position"][:, 1] - 0.58) / 0.22) for after in (first, second)]
    assert abs(np.corrcoef(*gusts)[0, 1]) < 3 / np.sqrt(num)


def test_both_gusts_end_in_a_pit_and_nobody_leaves_it():
    num = 200
    state = WORLD.advance(standing(0.4, 0.58, num), pushed(0.1, num))
    fallen = WORLD.fallen(state)
    assert 0 < fallen.sum() < num
    for _ in range(10):
        after = WORLD.advance(state, pushed(-0.18, num))
        assert np.array_equal(after["position"][fallen], state["position"][fallen])
        state = after


def test_there_is_no_wind_on_the_lane_nor_before_the_bridge():
    num = 500
    for x, y in ((0.45, 0.1), (0.2, 0.58), (0.33, 0.58)):
        after = WORLD.advance(standing(x, y, num), pushed(0.05, num))["position"]
        assert np.allclose(after, [x + 0.05, y])


def test_nobody_jumps_over_the_windy_middle():
    steps = np.linspace(0.3, 0.7, 400)
    after = WORLD.advance({"position": np.stack([steps, np.full(400, 0.58)], axis=1), "luck": np.zeros(400, int)}, pushed(0.18, 400))
    jumped = (steps < 0.4) & (after["position"][:, 0] > 0.6)
    assert not jumped.any()


def test_chance_does_not_ask_what_is_done():
    num = 50
    one, other = standing(0.2, 0.1, num), standing(0.2, 0.1, num)
    for step in range(5):
        one, other = WORLD.advance(one, pushed(0.1, num)), WORLD.advance(other, pushed(-0.03 * step, num))
    assert np.array_equal(one["luck"], other["luck"])


def test_a_step_is_no_longer_sideways_than_straight_on():
    after = WORLD.advance(standing(0.1, 0.5, 1), np.array([[0.18, 0.18]]))["position"]
    assert np.linalg.norm(after - [[0.1, 0.5]]) == pytest.approx(0.18)


def test_the_expert_takes_the_way_round_and_the_straight_way_is_a_gamble():
    starts, goals = WORLD.sample_pairs(np.random.default_rng(0), 1000, "across")
    state, arrived = starts, np.zeros(1000, bool)
    for _ in range(WORLD.rules.steps):
        state = WORLD.advance(state, WORLD.expert(state, goals))
        arrived |= WORLD.distance(state, goals) < WORLD.rules.radius
    assert arrived.all()
    assert not WORLD.fallen(state).any()


def test_nobody_starts_in_a_pit():
    assert not WORLD.fallen(WORLD.sample(np.random.default_rng(0), 2000)).any()
    for state in WORLD.sample_pairs(np.random.default_rng(0), 2000, "across"):
        assert not WORLD.fallen(state).any()


def test_the_pits_show_in_the_picture_and_the_luck_does_not():
    one, other = standing(0.1, 0.5, 1, seed=0), standing(0.1, 0.5, 1, seed=1)
    assert one["luck"] != other["luck"]
    drawn = WORLD.draw(one, 64)
    assert np.array_equal(drawn, WORLD.draw(other, 64))
    assert tuple(drawn[0, 50, 32]) == WORLD.pit_colour
    assert tuple(drawn[0, 37, 32]) == WORLD.floor_colour


@pytest.mark.parametrize("field", [{"gusts": 1.5}, {"windy": 0.05}, {"bridge": (0.1, 0.3)}, {"chasm": (0.7, 0.3)}, {"view": "sound"}], ids=str)
def test_worlds_that_make_no_sense_are_refused(field):
    with pytest.raises(ConfigError, match=next(iter(field))):
        WindyBridge(**field)
