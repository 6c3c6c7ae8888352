"""Numbers survive, or somebody is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_source import COLUMNS, DISCRETE, episode

from telos.core.errors import ConfigError, DataError, SpaceError
from telos.core.pictures import overlaps, shrink
from telos.core.spaces import PixelSpace


def changed(rows, **columns):
    return {**rows, **{name.replace("__", "/"): value for name, value in columns.items()}}


def with_value(rows, name, place, value):
    array = rows[name].astype(np.float64)
    array[place] = value
    return {**rows, name: array}


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.integers(1, 4), size=st.integers(1, 20), seed=st.integers(0, 999))
def test_small_pictures_are_averages_of_areas(height, width, channels, size, seed):
    frames = np.random.default_rng(seed).integers(0, 256, (3, height, width, channels), dtype=np.uint8)
    exact = np.einsum("ih,bhwc,jw->bijc", *(frames if part is None else overlaps(part, size).astype(np.float64) for part in (height, None, width)))
    small = shrink(frames, size)
    assert small.shape == (3, size, size, channels)
    assert np.abs(small - exact).max() <= 0.5 + 1e-3
    assert all(np.array_equal(shrink(frames[row : row + 1], size)[0], small[row]) for row in range(3))
    assert np.array_equal(shrink(np.full_like(frames, 200), size), np.full_like(small, 200))


def test_pictures_are_squeezed_or_cut_to_their_middle(import_memory):
    rows = episode(6)
    squeezed = import_memory([rows], resize=3)
    np.testing.assert_array_equal(squeezed.store.column("observation/camera", 0), shrink(rows["camera"], 3))
    cut = import_memory([rows], resize=3, crop="square")
    np.testing.assert_array_equal(cut.store.column("observation/camera", 0), shrink(rows["camera"][:, :, 1:7], 3))
    alone = import_memory([rows], crop="square")
    np.testing.assert_array_equal(alone.store.column("observation/camera", 0), rows["camera"][:, :, 1:7])
    assert alone.store.spaces.observation.spaces["camera"] == PixelSpace(6, 6)
    assert any("6 x 8 to 3 x 3 pixels, squeezed" in note for note in squeezed.notes)
    assert any("6 x 8 to 3 x 3 pixels, of their middle" in note for note in cut.notes)


def test_pictures_are_not_made_larger(import_memory):
    with pytest.raises(ConfigError, match="6 x 8 pixels"):
        import_memory([episode(3)], resize=7)
    for size in (0, -1, 10_000):
        with pytest.raises(ConfigError, match="--resize"):
            import_memory([episode(3)], resize=size)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["arm/position", "target"])
def test_episodes_with_values_that_are_no_numbers_are_left_out_and_named(import_memory, name, value):
    episodes = [episode(9, seed) for seed in range(4)]
    episodes[2] = with_value(episodes[2], name, (7, 0), value)
    result = import_memory(episodes)
    assert result.store.lengths.tolist() == [9, 9, 9] and result.store.damage() == []
    np.testing.assert_array_equal(result.store.column("observation/camera", 2), episodes[3]["camera"])
    (part,) = result.left_out
    assert (part.num, part.which) == (1, ("2",)) and name in part.why and "NaN" in part.why
    with pytest.raises(DataError, match=r"Episode 2 cannot be taken.*NaN.*\n.*--bad skip"):
        import_memory(episodes, bad="refuse")


def test_true_states_may_hold_nan(import_memory):
    rows = with_value(episode(5), "true", (3, 1), np.nan)
    assert np.isnan(import_memory([rows]).store.info("true", 0)[3, 1])


def test_damaged_episodes_are_left_out_wherever_they_are(import_memory):
    good = [episode(5, seed) for seed in range(3)]
    for episodes in ([None, *good], [good[0], None, *good[1:]], [*good, None]):
        result = import_memory(episodes)
        assert result.episodes == 3
        assert [(part.num, part.why) for part in result.left_out] == [(1, "memory is damaged at that place")]
    with pytest.raises(DataError, match="cannot be taken"):
        import_memory([*good, None], bad="refuse")


def test_when_nothing_is_left_it_says_why(import_memory, tmp_path):
    with pytest.raises(DataError, match=r"Nothing of memory can be taken: 2 episodes \(0, 1\): memory is damaged"):
        import_memory([None, None])
    assert [path.name for path in tmp_path.iterdir()] == ["memory"]


def test_numbers_too_large_for_float32_stop_the_import(import_memory, tmp_path):
    episodes = [episode(5, 0), with_value(episode(5, 1), "arm/position", (3, 1), 1e60)]
    with pytest.raises(SpaceError, match="Episode 1: 'arm/position' holds numbers too large for float32"):
        import_memory(episodes)
    assert [path.name for path in tmp_path.iterdir()] == ["memory"]


def test_rounding_to_float32_is_said(import_memory):
    notes = import_memory([episode(5)]).notes
    assert "'arm/position' was float64 and is float32 in the store." in notes
    assert not any("'target'" in note for note in notes)
    assert notes[0] == "A note."


def test_choices_out_of_range_or_broken_are_bad_episodes(import_memory):
    for wrong, words in (
        (np.array([0, 1, 4, 0, 1]), "beyond the 4"),
        (np.array([0, 1, 0.5, 0, 1]), "not whole"),
        (np.array([0, -1, 0, 0, 1]), "beyond"),
    ):
        result = import_memory([episode(5), changed(episode(5), choice=wrong)], DISCRETE)
        assert result.episodes == 1 and words in result.left_out[0].why
    whole = import_memory([changed(episode(5), choice=np.array([0.0, 1, 2, 3, 0]))], DISCRETE).store
    assert whole.column("action", 0)[:, 0].tolist() == [0, 1, 2, 3, 0, 0]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("arm/position", np.zeros((6, 3))),
        ("arm/position", np.zeros((5, 2))),
        ("arm/position", np.full((6, 2), "x")),
        ("camera", np.zeros((6, 6, 8, 3))),
        ("camera", np.zeros((6, 6, 9, 3), np.uint8)),
        ("target", np.zeros((3, 2))),
        ("target", np.zeros((6, 2))),
    ],
)
def test_a_source_that_breaks_its_own_word_costs_the_episode_alone(import_memory, name, rows):
    broken = {**episode(5), name: rows}
    result = import_memory([episode(5), broken], COLUMNS[:3])
    if name == "target" and len(rows) == 6:
        assert result.episodes == 2
        return
    assert result.episodes == 1 and result.left_out[0].which == ("1",)


def test_columns_that_change_their_dtype_are_bad_episodes(import_memory):
    result = import_memory([episode(5), changed(episode(5), reward=np.zeros(5, np.int64))])
    assert result.episodes == 1 and "reward" in result.left_out[0].why
