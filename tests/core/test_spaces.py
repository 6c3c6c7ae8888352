"""Spaces: what fits, what is refused, and how they are saved."""

import json
import math

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telos.core.errors import SpaceError
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace, space_from_gym, space_from_json
from telos.testing.examples import example_actions, example_observations

number = st.floats(-1e6, 1e6)
pairs = st.tuples(number, number).map(sorted) | st.tuples(st.just(-math.inf), number) | st.tuples(number, st.just(math.inf))
vectors = st.lists(pairs, min_size=1, max_size=5).map(
    lambda bounds: VectorSpace(len(bounds), tuple(low for low, _ in bounds), tuple(high for _, high in bounds))
)
pixels = st.builds(PixelSpace, st.integers(1, 20), st.integers(1, 20), st.integers(1, 4))
trees = st.dictionaries(st.text(min_size=1), vectors | pixels, min_size=1, max_size=3).map(TreeSpace)
anything = st.one_of(vectors, st.integers(1, 9).map(VectorSpace), pixels, trees, st.integers(1, 9).map(DiscreteSpace))


@given(space=anything)
def test_survives_json(space):
    text = json.dumps(space.to_json(), allow_nan=False)
    assert space_from_json(json.loads(text)) == space


@given(observation=vectors | pixels | trees, action=vectors | st.integers(1, 9).map(DiscreteSpace))
def test_spaces_of_a_world_survive_json_together(observation, action):
    spaces = Spaces(observation, action)
    assert Spaces.from_json(json.loads(json.dumps(spaces.to_json()))) == spaces


@given(space=anything, lead=st.lists(st.integers(1, 4), max_size=3))
def test_what_belongs_to_it_fits_with_any_number_of_batch_axes(space, lead):
    draw = example_actions if isinstance(space, DiscreteSpace) else example_observations
    value = draw(space, np.random.default_rng(0), *lead)
    checked = space.check(value, what="The value")
    assert space.batch_shape(checked, what="The value") == tuple(lead)


@given(space=vectors)
def test_vectors_come_out_in_single_precision_without_a_copy_where_none_is_needed(space):
    single = np.zeros((2, space.size), np.float32)
    assert space.check(single, what="The value") is single
    assert space.check(single.astype(np.int64), what="The value").dtype == np.float32


def test_a_number_without_a_bound_is_unbounded():
    space = VectorSpace(2, (-1, -math.inf), (1, 5))
    low, high = space.bounds
    assert low.tolist() == [-1, -math.inf]
    assert high.tolist() == [1, 5]
    assert not space.bounded
    assert VectorSpace(1, (0,), (0,)).bounded
    assert not VectorSpace(3).bounded


@pytest.mark.parametrize(
    ("space", "value", "says"),
    [
        (PixelSpace(4, 4), np.zeros((4, 4, 3), np.float32), r"float32.*\n.*uint8 from 0 to 255.*\n.*astype"),
        (PixelSpace(4, 4), np.zeros((3, 4, 4), np.uint8), r"\[3, 4, 4\].*\n.*\[4, 4, 3\]"),
        (VectorSpace(2), np.zeros(3), r"\[3\].*\n.*\[2\]"),
        (VectorSpace(2), np.array([np.nan, np.inf]), "2 values that are not finite"),
        (VectorSpace(1), np.array(["left"]), "<U4 values"),
        (VectorSpace(1), np.array([1j]), "complex128 values"),
        (DiscreteSpace(3), np.array([[0], [3]]), r"from 0 to 3.*\n.*0 to 2"),
        (DiscreteSpace(3), np.array([-1]), "from -1 to -1"),
        (TreeSpace({"a": VectorSpace(1)}), {"b": np.zeros(1)}, r"\['b'\].*\n.*\['a'\]"),
        (TreeSpace({"a": VectorSpace(1)}), np.zeros(1), "ndarray"),
        (TreeSpace({"a": VectorSpace(1)}), {"a": np.array([np.nan])}, "part 'a'"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_does_not_belong_to_it_is_refused_in_one_sentence(space, value, says):
    with pytest.raises(SpaceError, match=f"The reading.*{says}"):
        space.check(value, what="The reading")


def test_parts_of_a_tree_have_to_agree_about_the_batch():
    space = TreeSpace({"a": VectorSpace(1), "b": VectorSpace(2)})
    with pytest.raises(SpaceError, match="disagree about the batch"):
        space.batch_shape({"a": np.zeros((3, 1)), "b": np.zeros((4, 2))}, what="the reading")


@pytest.mark.parametrize(("low", "high"), [((0,), (1, 1)), ((0, 0), (1,)), ((0, 2), (1, 1)), ((0, math.nan), None), (None, (0, -math.inf))])
def test_bounds_that_make_no_sense_are_refused(low, high):
    with pytest.raises(SpaceError):
        VectorSpace(2, low, high)


def test_an_unknown_kind_is_refused():
    with pytest.raises(SpaceError, match="'sphere' is no kind of space"):
        space_from_json({"kind": "sphere"})


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (gymnasium.spaces.Discrete(4), DiscreteSpace(4)),
        (gymnasium.spaces.Box(0, 255, (6, 5, 3), np.uint8), PixelSpace(6, 5, 3)),
        (gymnasium.spaces.Box(-2, 2, (3,), np.float64), VectorSpace(3, (-2, -2, -2), (2, 2, 2))),
        (gymnasium.spaces.Box(-np.inf, np.inf, (2, 2)), VectorSpace(4)),
        (gymnasium.spaces.Box(np.array([0, -np.inf], np.float32), np.array([1, np.inf], np.float32)), VectorSpace(2, (0, -math.inf), (1, math.inf))),
        (
            gymnasium.spaces.Dict({"eye": gymnasium.spaces.Box(0, 255, (4, 4, 1), np.uint8), "arm": gymnasium.spaces.Box(-1, 1, (2,))}),
            TreeSpace({"eye": PixelSpace(4, 4, 1), "arm": VectorSpace(2, (-1, -1), (1, 1))}),
        ),
    ],
    ids=str,
)
def test_reads_the_spaces_of_gymnasium(space, expected):
    assert space_from_gym(space, what="The space") == expected


def test_a_space_of_gymnasium_that_it_does_not_read_is_refused():
    with pytest.raises(SpaceError, match="Box, Discrete, or a Dict"):
        space_from_gym(gymnasium.spaces.MultiBinary(3), what="The action")
