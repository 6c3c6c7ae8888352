"""Promises of the mechanics of contact."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.envs.contact import TOLERANCE, Table

TABLE = Table(radius=0.05, half=(0.07, 0.11), friction=0.5, kerb=0.13)
LONGEST = 0.08


def bodies_of(rng: np.random.Generator, table: Table, num: int, *, near: float = 1.0) -> np.ndarray:
    """Random bodies that do not overlap, the disc no farther than `near` from the block."""
    angle = rng.uniform(-np.pi, np.pi, num)
    block = np.stack(table.within(*rng.uniform(0, 1, (2, num)), np.cos(angle), np.sin(angle)))
    bodies = np.concatenate([rng.uniform(table.radius, 1 - table.radius, (2, num)), block, angle[None]])
    while (wrong := ~((table.touch(bodies).gap >= 0) & (table.touch(bodies).gap <= near))).any():
        bodies[:2, wrong] = rng.uniform(table.radius, 1 - table.radius, (2, int(wrong.sum())))
    return bodies


def against_the_block(table: Table, bodies: np.ndarray, length: float) -> np.ndarray:
    """Steps of the discs straight towards the nearest points of the blocks."""
    touch = table.touch(bodies)
    x, y = touch.cos * touch.normal_x - touch.sin * touch.normal_y, touch.sin * touch.normal_x + touch.cos * touch.normal_y
    return -length * np.stack([x, y])


def outside(table: Table, bodies: np.ndarray) -> np.ndarray:
    """Whether a disc lies beyond a wall, or a block beyond the kerb."""
    disc = ((bodies[:2] < table.radius - TOLERANCE) | (bodies[:2] > 1 - table.radius + TOLERANCE)).any(0)
    inside = np.stack(table.within(bodies[2], bodies[3], np.cos(bodies[4]), np.sin(bodies[4])))
    return disc | (np.abs(inside - bodies[2:4]) > TOLERANCE).any(0)


tables = st.builds(
    Table,
    radius=st.floats(0.02, 0.1),
    half=st.tuples(st.floats(0.03, 0.15), st.floats(0.03, 0.15)),
    friction=st.sampled_from([0.0, 0.2, 0.5, 1.0, 2.0]),
    kerb=st.sampled_from([0.0, 0.05, 0.13]),
)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), table=tables, longest=st.floats(0.01, 0.15))
def test_nothing_ever_overlaps_nor_leaves_the_table(seed, table, longest):
    rng = np.random.default_rng(seed)
    bodies = bodies_of(rng, table, 64)
    for _ in range(8):
        # Half of them run into the block, the others anywhere.
        step = np.where(rng.random(64) < 0.5, against_the_block(table, bodies, longest), rng.uniform(-1, 1, (2, 64)) * longest / math.sqrt(2))
        bodies = table.advance(bodies, *step, longest)
        assert table.touch(bodies).gap.min() >= -TOLERANCE
        assert not outside(table, bodies).any()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), table=tables)
def test_a_block_moves_only_where_the_disc_comes(seed, table):
    rng = np.random.default_rng(seed)
    before = bodies_of(rng, table, 64)
    step = rng.uniform(-1, 1, (2, 64)) * LONGEST / math.sqrt(2)
    after = table.advance(before, *step, LONGEST)
    moved = (after[2:] != before[2:]).any(0)
    reach = np.sqrt(np.square(step).sum(0))
    assert not moved[table.touch(before).gap > reach].any()
    still = table.advance(before, *np.zeros((2, 64)), LONGEST)
    np.testing.assert_array_equal(still, before)
    # Nor does it run ahead of the disc: when the push ends, the two touch still, unless a kerb or wall has parted them.
    free = moved & (np.abs(before[2:4] - 0.5) < 0.5 - table.kerb - LONGEST - math.hypot(*table.half)).all(0)
    assert (table.touch(after).gap[free] < LONGEST).all()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), friction=st.sampled_from([0.0, 0.2, 0.5, 1.0, 2.0]))
def test_no_motion_comes_out_of_nothing(seed, friction):
    """The disc does all the work that friction takes: then the block's middle goes no farther than the disc, and turns by half of that at most."""
    table = Table(radius=0.05, half=(0.07, 0.11), friction=friction, kerb=0.0)
    rng = np.random.default_rng(seed)
    bodies = bodies_of(rng, table, 64, near=0.01)
    for _ in range(3):
        step = rng.uniform(0, 1, 64) * against_the_block(table, bodies, 0.01) + rng.uniform(-0.01, 0.01, (2, 64))
        after = table.advance(bodies, *step, LONGEST)
        length, gone = np.sqrt(np.square(step).sum(0)), np.sqrt(np.square(after[2:4] - bodies[2:4]).sum(0))
        free = (np.abs(after[2:4] - 0.5) < 0.36).all(0)
        assert (gone <= 1.02 * length)[free].all()
        assert (table.reach * np.abs(after[4] - bodies[4]) <= 0.51 * length)[free].all()
        bodies = after


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), friction=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_mirrored_world_goes_the_mirrored_way(seed, friction):
    table = Table(radius=0.05, half=(0.07, 0.11), friction=friction, kerb=0.13)
    rng = np.random.default_rng(seed)
    bodies = bodies_of(rng, table, 32, near=0.1)
    mirrored = np.stack([1 - bodies[0], bodies[1], 1 - bodies[2], bodies[3], -bodies[4]])
    # Mirrored at the diagonal, a block is turned by a right angle less its angle: the same as one with its sides swapped.
    swapped = np.stack([bodies[1], bodies[0], bodies[3], bodies[2], -bodies[4]])
    turned_table = Table(radius=0.05, half=(0.11, 0.07), friction=friction, kerb=0.13)
    for _ in range(3):
        step = against_the_block(table, bodies, 0.03) + rng.uniform(-0.02, 0.02, (2, 32))
        bodies, mirrored = table.advance(bodies, *step, LONGEST), table.advance(mirrored, -step[0], step[1], LONGEST)
        swapped = turned_table.advance(swapped, step[1], step[0], LONGEST)
        np.testing.assert_allclose(mirrored, np.stack([1 - bodies[0], bodies[1], 1 - bodies[2], bodies[3], -bodies[4]]), atol=1e-7)
        np.testing.assert_allclose(swapped, np.stack([bodies[1], bodies[0], bodies[3], bodies[2], -bodies[4]]), atol=1e-7)


@pytest.mark.parametrize("num", [2, 3, 5, 9, 17])
def test_a_row_moves_to_the_last_bit_like_the_row_alone(num):
    rng = np.random.default_rng(num)
    bodies = bodies_of(rng, TABLE, num, near=0.02)
    alone = [bodies[:, row : row + 1] for row in range(num)]
    for _ in range(6):
        step = against_the_block(TABLE, bodies, 0.04) + rng.uniform(-0.02, 0.02, (2, num))
        bodies = TABLE.advance(bodies, *step, LONGEST)
        alone = [TABLE.advance(one, *step[:, row : row + 1], LONGEST) for row, one in enumerate(alone)]
        np.testing.assert_array_equal(np.concatenate(alone, axis=1), bodies)


def test_the_reach_of_friction_is_the_mean_distance_from_the_middle():
    x, y = np.meshgrid(*((np.arange(400) + 0.5) / 400 * half for half in TABLE.half))
    np.testing.assert_allclose(TABLE.reach, np.sqrt(x * x + y * y).mean(), rtol=1e-4)


def test_pushed_in_the_middle_it_goes_straight_and_beside_it_turns_as_published():
    """The motion under a contact that sticks: Lynch, Maekawa & Tanie (1992), equations 12 to 14, here with the push along -x at (0.07, y)."""
    place, push, square = np.array([0.0, 0.03, -0.03]), -0.0001, TABLE.reach**2
    bodies = np.stack([0.5 + 0.12 + 0 * place, 0.5 + place, 0.5 + 0 * place, 0.5 + 0 * place, 0 * place])
    after = TABLE.advance(bodies, push + 0 * place, 0 * place, 0.01)
    divisor = square + 0.07**2 + place**2
    expected = np.stack([(square + 0.07**2 + 0 * place) * push, 0.07 * place * push, -place * push]) / divisor
    np.testing.assert_allclose(after[2:] - bodies[2:], expected, rtol=0.01, atol=1e-9)


def test_friction_drags_a_block_along_and_without_it_the_disc_slips():
    still = np.array([[0.62], [0.5], [0.5], [0.5], [0.0]])
    sideways = [
        Table(radius=0.05, half=(0.07, 0.11), friction=friction, kerb=0.13).advance(still, np.full(1, -0.01), np.full(1, 0.02), 0.03)
        for friction in (0.0, 0.3, 1.0)
    ]
    turns = [after[4, 0] for after in sideways]
    assert turns[0] < turns[1] < turns[2]
    assert sideways[0][3, 0] < sideways[1][3, 0]


def test_a_block_at_the_kerb_stops_the_disc_and_lets_it_slide():
    bodies = np.array([[0.32], [0.5], [0.2], [0.5], [0.0]])
    after = TABLE.advance(bodies, np.full(1, -0.05), np.zeros(1), LONGEST)
    np.testing.assert_allclose(after, bodies, atol=1e-9)
    after = TABLE.advance(bodies, np.full(1, -0.01), np.full(1, 0.02), LONGEST)
    assert after[1, 0] > 0.51


def test_a_disc_put_inside_a_block_gets_out_of_it():
    bodies = np.array([[0.5], [0.5], [0.5], [0.5], [0.3]])
    for _ in range(10):
        bodies = TABLE.advance(bodies, np.full(1, 0.05), np.full(1, 0.01), LONGEST)
    assert TABLE.touch(bodies).gap[0] >= -TOLERANCE
