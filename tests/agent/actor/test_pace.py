"""What is measured of rounds foretells the next ones."""

import numpy as np
import pytest

from telos.agent.actor.pace import KEPT, LATE, MOST, Measurements, Pace


def measured(**seconds):
    found = Measurements()
    for size, value in seconds.items():
        found.note(int(size[1:]), value)
    return found


def test_nothing_is_foretold_of_nothing():
    assert Measurements().forecast(8) == 0
    assert not Pace().known
    assert Pace().round_seconds(1, 64) == 0


def test_what_was_measured_is_foretold():
    assert measured(_8=1.0, _64=3.0).forecast(64) == 3.0


def test_in_between_and_below_it_goes_by_the_line():
    assert measured(_10=1.0, _20=3.0).forecast(15) == pytest.approx(2.0)
    assert measured(_10=1.0).forecast(5, least=0.4) == pytest.approx(0.7)


def test_more_than_was_ever_measured_costs_more():
    assert measured(_10=1.0).forecast(20) == pytest.approx(2.0)
    assert measured(_10=1.0).forecast(20, least=0.4) == pytest.approx(1.6)
    # Even where all of it seems to be overhead.
    assert measured(_10=1.0).forecast(20, least=5.0) == pytest.approx(1.5)


def test_one_slow_round_is_not_the_rule_and_many_are():
    found = measured(_8=1.0)
    for _ in range(KEPT - 1):
        found.note(8, 1.0)
    found.note(8, 9.0)
    assert found.forecast(8) == 1.0
    for _ in range(KEPT // 2):
        found.note(8, 9.0)
    assert found.forecast(8) == 9.0


def test_old_measurements_are_forgotten():
    found = measured(_8=9.0)
    for _ in range(KEPT):
        found.note(8, 1.0)
    assert found.forecast(8) == 1.0


def test_a_round_that_is_never_played_is_tried_again_some_day():
    pace = Pace()
    pace.note_round(64, 1.0)
    refusals = 0
    while pace.round_seconds(1, 64) > 0.8:
        pace.refuse(64)
        refusals += 1
    assert 20 < refusals < 100


def test_before_any_round_it_is_careful():
    pace = Pace()
    pace.note_rest(2, 0.5)
    assert pace.known
    assert pace.round_seconds(2, 8) == pytest.approx(4.0)
    assert pace.rest_seconds(2) == pytest.approx(0.5)
    assert pace.rest_seconds(4) == pytest.approx(1.0)


def test_the_reserve_grows_until_few_plans_are_late():
    """On a machine where the last round takes as long as it takes: up to 40 % of the budget more than it was given."""
    pace, rng = Pace(), np.random.default_rng(0)
    late = []
    for _ in range(3000):
        seconds = 1.0 - pace.reserve + 0.4 * rng.random()
        late.append(seconds > 1.0)
        pace.note_plan(seconds, 1.0)
    assert np.mean(late[500:]) == pytest.approx(LATE, abs=0.02)


def test_the_reserve_is_never_all_and_goes_when_it_is_not_needed():
    pace = Pace()
    for _ in range(1000):
        pace.note_plan(3.0, 1.0)
    assert pace.reserve == MOST
    for _ in range(1000):
        pace.note_plan(0.5, 1.0)
    assert pace.reserve == 0
