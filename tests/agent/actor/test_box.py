"""From the unit box, where searches run, to actions, and back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.action_box import ActionBox
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, VectorSpace

number = st.floats(-1e4, 1e4, width=32)


@settings(deadline=None, max_examples=100)
@given(bounds=st.lists(st.tuples(number, number), min_size=1, max_size=4), seed=st.integers(0, 1000))
def test_never_leaves_the_bounds_not_even_by_a_bit(bounds, seed):
    space = VectorSpace(len(bounds), tuple(min(pair) for pair in bounds), tuple(max(pair) for pair in bounds))
    units = torch.rand(20, space.size, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    units[0], units[1] = -1, 1
    actions = ActionBox(space).to_actions(units).numpy()
    low, high = space.bounds
    assert (actions >= low).all()
    assert (actions <= high).all()
    np.testing.assert_allclose(actions[0], low, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(actions[1], high, rtol=1e-5, atol=1e-3)


def test_there_and_back_is_where_it_began():
    box = ActionBox(VectorSpace(2, (-0.3, 5), (0.2, 9)))
    units = torch.rand(50, 2) * 2 - 1
    torch.testing.assert_close(box.to_units(box.to_actions(units)), units, atol=1e-5, rtol=1e-5)


def test_a_number_that_cannot_vary_sits_in_the_middle():
    box = ActionBox(VectorSpace(2, (3, -1), (3, 1)))
    assert box.to_units(torch.tensor([[3.0, 1.0]])).tolist() == [[0.0, 1.0]]
    assert box.to_actions(torch.tensor([[0.7, 0.5]])).tolist() == [[3.0, 0.5]]


@pytest.mark.parametrize("num", [1, 2, 3, 7])
def test_choices_share_the_box_evenly(num):
    box = ActionBox(DiscreteSpace(num))
    choices = box.to_actions(torch.linspace(-1, 1, 70 * num)[:, None])
    assert choices.dtype == torch.int64
    counts = torch.bincount(choices.flatten(), minlength=num)
    assert counts.min() >= 69
    assert len(counts) == num
    every = torch.arange(num)[:, None]
    assert torch.equal(box.to_actions(box.to_units(every)), every)


@pytest.mark.parametrize("space", [VectorSpace(2), VectorSpace(2, (-1, -1)), VectorSpace(1, (-1,), (float("inf"),))])
def test_actions_without_bounds_are_refused(space):
    with pytest.raises(ConfigError, match="finite low and high"):
        ActionBox(space)


def test_slopes_in_the_box_are_those_from_inside_even_at_a_bound():
    box, weight = ActionBox(VectorSpace(2, (-0.3, 5), (0.2, 9))), torch.tensor([2.0, -3.0])
    units = torch.tensor([[-1.0, 1.0], [0.25, -0.5]])
    inside = units * 0.99
    expected = ((box.to_actions(units) - box.to_actions(inside)) * weight) / (units - inside)
    torch.testing.assert_close(box.slope_in_units(weight.expand(2, 2)), expected, rtol=1e-3, atol=0)
