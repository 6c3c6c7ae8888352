import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telos.evaluation import Rate, paired_difference, wilson

PUBLISHED = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
"""Newcombe (1998), Statistics in Medicine 17, table I, method 3."""


@pytest.mark.parametrize("counts", PUBLISHED)
def test_wilsons_interval_is_the_published_one(counts):
    assert wilson(*counts) == pytest.approx(PUBLISHED[counts], abs=5e-5)


@given(st.integers(1, 2000), st.data())
def test_wilsons_interval_holds_the_share_and_stays_within_bounds(total, data):
    count = data.draw(st.integers(0, total))
    low, high = wilson(count, total)
    assert 0 <= low <= count / total <= high <= 1
    assert (low == 0) == (count == 0) and (high == 1) == (count == total)


@given(st.integers(1, 500), st.data())
def test_wilsons_interval_solves_the_score_equation(total, data):
    count, z = data.draw(st.integers(1, total)), 1.959963984540054
    low, _ = wilson(count, total)
    assert abs(count / total - low) == pytest.approx(z * np.sqrt(low * (1 - low) / total), abs=1e-9)


def test_nothing_played_nothing_known():
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_rate_reads_as_a_share_with_its_interval():
    assert str(Rate(198, 200)) == "99.0 % (96.4 to 99.7)"


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_paired_difference_is_plain_and_its_interval_is_walds_with_half_an_episode_in_every_cell(pairs):
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    value, low, high = paired_difference(ours, theirs)
    assert value == pytest.approx(ours.mean() - theirs.mean())
    cells = np.array([[(ours & theirs).sum(), (ours & ~theirs).sum()], [(~ours & theirs).sum(), (~ours & ~theirs).sum()]]) + 0.5
    share = cells / cells.sum()
    centre = share[0, 1] - share[1, 0]
    half = 1.959963984540054 * np.sqrt((share[0, 1] + share[1, 0] - centre**2) / cells.sum())
    assert (low, high) == pytest.approx((max(-1, centre - half), min(1, centre + half)))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_to_change_sides_changes_the_sign(pairs):
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    value, low, high = paired_difference(ours, theirs)
    assert paired_difference(theirs, ours) == pytest.approx((-value, -high, -low))


def test_both_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    draws = rng.random((1500, 60))
    ours, theirs = draws < 0.8, np.where(rng.random(draws.shape) < 0.5, draws, rng.random(draws.shape)) < 0.6
    covered = [(low <= 0.8 <= high) for low, high in (wilson(int(row.sum()), 60) for row in ours)]
    covered_difference = [low <= 0.2 <= high for _, low, high in map(paired_difference, ours, theirs)]
    assert 0.93 < np.mean(covered) < 0.98
    assert 0.93 < np.mean(covered_difference) < 0.98
