"""Strides, gaps and relative actions: checked against the same thing done slowly, and never silent."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from simple_source import DISCRETE, InMemory, episode

from telos.core.errors import ConfigError, DataError, UnknownNameError
from telos.core.spaces import VectorSpace
from telos.data.importing.cutting import cut
from telos.data.importing.options import ImportOptions
from telos.data.importing.outcome import BadEpisode, Outcome
from telos.data.importing.selection import make_plan

COMBINE = {
    "last": lambda rows: rows[-1],
    "sum": lambda rows: rows.sum(axis=0, dtype=np.float64),
    "mean": lambda rows: rows.mean(axis=0, dtype=np.float64),
    "stack": lambda rows: rows.reshape(-1),
}


ALONE = ("observation=arm/position", "extra=none", "info=none")


def slowly(rows, stride, combine):
    """Kept positions, and the actions between them."""
    num = len(rows["target"]) // stride
    moved = [COMBINE[combine](rows["target"][step * stride : (step + 1) * stride]) for step in range(num)]
    return rows["arm/position"][: num * stride + 1 : stride], np.array(moved)


@settings(max_examples=60, deadline=None)
@given(
    num=st.integers(1, 40),
    stride=st.integers(1, 7),
    rows=st.integers(1, 9),
    combine=st.sampled_from(list(COMBINE)),
    drops=st.sets(st.integers(1, 40), max_size=4),
)
def test_any_stride_piece_and_gap_gives_what_is_done_slowly(num, stride, rows, combine, drops):
    logged = episode(num)
    late = np.cumsum([0.1 + 0.5 * (frame in drops) for frame in range(num + 1)])
    logged["stamp"] = late
    source = InMemory([logged], rows_per_piece=rows)
    plan = make_plan(source.description, ImportOptions(stride=stride, combine=combine if stride > 1 else None))
    outcome = Outcome(0)
    try:
        pieces = list(cut(source.chunks(0, plan.names), plan, outcome))
    except BadEpisode:
        # Where most frames come late, the clock is another one.
        reject()
    places = [0, *sorted(drop for drop in drops if drop <= num), num + 1]
    expected = []
    for first, last in pairwise(places):
        part = {"arm/position": logged["arm/position"][first:last], "target": logged["target"][first : last - 1]}
        seen, moved = slowly(part, stride, combine)
        if len(moved):
            expected.append((seen, moved))
    found, rows_of = [], {"observation/position": [], "action": []}
    for piece in pieces:
        for name, gathered in rows_of.items():
            gathered.append(piece.rows[name])
        if piece.ends:
            found.append([np.concatenate(gathered) for gathered in rows_of.values()])
            rows_of = {name: [] for name in rows_of}
    assert outcome.lengths == [len(moved) for _, moved in expected]
    for (seen, moved), (positions, actions) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(positions, seen)
        np.testing.assert_allclose(actions[:-1].reshape(moved.shape), moved, rtol=1e-12)
        assert not actions[-1].any()
    assert sum(outcome.lengths) * stride + outcome.lost == num


@pytest.mark.parametrize("combine", COMBINE)
def test_actions_between_kept_frames_are_combined(import_memory, combine):
    rows = episode(11)
    result = import_memory([rows], stride=3, combine=combine)
    seen, moved = slowly(rows, 3, combine)
    store = result.store
    np.testing.assert_array_equal(store.column("observation/position", 0), seen)
    np.testing.assert_allclose(store.column("action", 0)[:-1], moved.astype(np.float32), rtol=1e-6)
    np.testing.assert_array_equal(store.column("reward", 0)[:-1, 0], rows["reward"][2::3][:3])
    limit = 3.0 if combine == "sum" else 1.0
    size = 6 if combine == "stack" else 2
    assert store.spaces.action == VectorSpace(size, (-limit,) * size, (limit,) * size)
    assert [(part.num, part.what, part.why) for part in result.left_out] == [(2, "steps", "after the last whole stride")]
    assert any(f"combined by '{combine}'" in note for note in result.notes)
    assert store.metadata["fps"] == pytest.approx(10 / 3)


def test_what_becomes_of_actions_between_is_never_guessed(import_memory):
    with pytest.raises(ConfigError, match=r"nobody said.*\n.*--combine last"):
        import_memory([episode(9)], stride=2)
    with pytest.raises(ConfigError, match="nothing to combine"):
        import_memory([episode(9)], combine="sum")
    with pytest.raises(ConfigError, match="Choices cannot be combined by 'sum'"):
        import_memory([episode(9)], DISCRETE, stride=2, combine="sum")
    assert import_memory([episode(9)], DISCRETE, stride=2, combine="last").store.lengths.tolist() == [4]


def test_frames_a_second_are_a_stride_where_they_fit(import_memory):
    kept = import_memory([episode(12)], fps=2, combine="last").store
    assert kept.lengths.tolist() == [2] and kept.metadata["fps"] == 2
    assert import_memory([episode(12)], fps=10).store.lengths.tolist() == [12]
    with pytest.raises(ConfigError, match=r"one of 10, 5, 3\.33"):
        import_memory([episode(12)], fps=4, combine="last")
    with pytest.raises(ConfigError, match="does not say how many frames a second"):
        import_memory([episode(12)], logged_fps=None, fps=5, combine="last")
    with pytest.raises(ConfigError, match="Both a stride and frames a second"):
        import_memory([episode(12)], fps=5, stride=2, combine="last")


def test_absolute_actions_become_displacements(import_memory):
    rows = episode(7)
    rows["target"] = rows["arm/position"][1:] + 0.25
    for options, expected in (
        ({}, np.full((7, 2), 1.25)),
        ({"stride": 2, "combine": "last"}, np.full((3, 2), 2.25)),
        ({"stride": 2, "combine": "stack"}, np.tile([1.25, 1.25, 2.25, 2.25], (3, 1))),
    ):
        store = import_memory([rows], relative_to="arm/position", **options).store
        np.testing.assert_allclose(store.column("action", 0)[:-1], expected)
        assert not store.column("action", 0)[-1].any()
        assert store.spaces.action.low == tuple(expected[0])
    assert store.metadata["import"]["settings"]["relative_to"] == "arm/position"


def test_actions_cannot_be_relative_to_just_anything(import_memory):
    with pytest.raises(UnknownNameError, match="position"):
        import_memory([episode(4)], relative_to="arm/positon")
    with pytest.raises(ConfigError, match="as many numbers"):
        import_memory([episode(4)], relative_to="true")
    with pytest.raises(ConfigError, match="relative to nothing"):
        import_memory([episode(4)], relative_to="arm/position", stride=2, combine="sum")


def with_gap(num_steps, place, missing):
    """An episode whose frame `place` comes `missing` frames late."""
    rows = episode(num_steps)
    rows["stamp"][place:] += missing / 10
    return rows


def test_a_gap_splits_an_episode_and_is_told(import_memory):
    rows = with_gap(10, 4, 3)
    result = import_memory([rows, episode(2)])
    store = result.store
    assert store.lengths.tolist() == [3, 6, 2]
    np.testing.assert_array_equal(store.column("observation/camera", 0), rows["camera"][:4])
    np.testing.assert_array_equal(store.column("observation/camera", 1), rows["camera"][4:])
    np.testing.assert_array_equal(store.column("action", 0)[:-1], rows["target"][:3])
    np.testing.assert_array_equal(store.column("action", 1)[:-1], rows["target"][4:])
    assert store.metadata["import"]["episodes"] == [0, 0, 1]
    assert any("1 gaps" in note for note in result.notes)
    assert [(part.num, part.what, part.why) for part in result.left_out] == [(1, "steps", "across a gap")]


def test_a_gap_can_be_filled_with_what_was_there_before(import_memory):
    rows = with_gap(10, 4, 3)
    result = import_memory([rows], missing="hold")
    store = result.store
    assert store.lengths.tolist() == [13]
    frames = [0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10]
    np.testing.assert_array_equal(store.column("observation/camera", 0), rows["camera"][frames])
    np.testing.assert_array_equal(store.column("action", 0)[:-1], rows["target"][frames[:-1]])
    np.testing.assert_allclose(store.column("time", 0)[:, 0], np.arange(14) / 10)
    assert any("3 frames were filled" in note for note in result.notes)


def test_a_gap_can_be_refused_or_the_stamps_ignored(import_memory):
    rows = with_gap(10, 4, 3)
    with pytest.raises(DataError, match=r"Episode 0 has a gap.*0\.4 s where 0\.1 s"):
        import_memory([rows], missing="refuse")
    assert import_memory([rows], columns=("time=none",)).store.lengths.tolist() == [10]


@pytest.mark.parametrize(("jump", "lengths"), [(1e9, [3, 6]), (-5.0, [3, 6]), (np.nan, [3, 6]), (np.inf, [3, 5])])
def test_time_that_jumps_beyond_reason_splits_whatever_was_asked(import_memory, jump, lengths):
    rows = episode(10)
    rows["stamp"][4:] += jump if np.isfinite(jump) else 0
    if not np.isfinite(jump):
        rows["stamp"][4] = jump
    for missing in ("split", "hold"):
        assert import_memory([rows], missing=missing, rows_per_piece=20).store.lengths.sum() in (sum(lengths), sum(lengths) - 1)


def test_time_stamps_of_another_clock_are_a_bad_episode(import_memory):
    result = import_memory([episode(10, fps=2), episode(4)])
    assert result.episodes == 1 and "do not grow by 0.1 s a frame" in result.left_out[0].why
    assert import_memory([episode(10, fps=2)], logged_fps=None).store.lengths.tolist() == [10]


def test_pieces_without_a_step_are_left_out(import_memory):
    result = import_memory([episode(1), episode(9)], stride=4, combine="last", columns=ALONE)
    assert result.store.lengths.tolist() == [2]
    assert {(part.num, part.what) for part in result.left_out if part.what != "columns"} == {(1, "episodes"), (2, "steps")}
