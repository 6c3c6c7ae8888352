"""Promises of the limits: nothing leaves that may not, whatever was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.serving.limits import ActionLimits

SPACE = VectorSpace(3, (-1.0, 0.0, 0.1), (1.0, 512.0, 0.3))
ANYTHING = arrays(np.float32, 3, elements=st.floats(width=32, allow_nan=True, allow_infinity=True))


@given(st.lists(ANYTHING, max_size=12), st.floats(0.001, 1), st.sampled_from(["zero", "hold"]), st.lists(st.booleans(), max_size=12))
def test_no_mix_of_wishes_and_fallbacks_leaves_the_bounds_or_jumps(wishes, slew, fallback, planned):
    limits = ActionLimits(SPACE, slew, fallback)
    low, high = SPACE.bounds
    last = limits.rest
    for wish, plan in zip(wishes, planned, strict=False):
        action = limits.apply(wish, last) if plan else limits.safe(last)
        assert action.dtype == np.float32 and (action >= low).all() and (action <= high).all()
        # Single precision: a step is exact to the digits of the action itself.
        rounding = 4 * np.finfo(np.float32).eps * np.maximum(np.abs(low), np.abs(high))
        assert (np.abs(action - last) <= slew * (high - low) + rounding).all()
        last = action


@given(ANYTHING)
def test_a_wish_within_the_limits_is_granted(wish):
    limits = ActionLimits(SPACE)
    allowed = np.where(np.isfinite(wish), wish, limits.rest).clip(*SPACE.bounds)
    np.testing.assert_array_equal(limits.apply(allowed, limits.rest), allowed)


@given(st.integers(-5, 9), st.integers(0, 3))
def test_choices_stay_choices(wish, last):
    action = ActionLimits(DiscreteSpace(4), fallback="hold").apply(np.array([wish]), np.array([last]))
    assert action.tolist() == [wish if 0 <= wish < 4 else last] and action.dtype == np.int64


def test_the_fallback_comes_to_rest_in_steps():
    limits = ActionLimits(VectorSpace(1, (-1,), (1,)), slew=0.25)
    action, path = np.array([1.0], np.float32), []
    for _ in range(4):
        action = limits.safe(action)
        path.append(float(action[0]))
    assert path == [0.5, 0.0, 0.0, 0.0]
    assert ActionLimits(VectorSpace(1, (2,), (3,))).rest.tolist() == [2.0]


@pytest.mark.parametrize(
    ("space", "more", "says"),
    [
        (VectorSpace(2), {}, "Actions without bounds"),
        (SPACE, {"slew": 0.0}, "slew limit is 0"),
        (SPACE, {"slew": float("nan")}, "slew limit is nan"),
        (DiscreteSpace(3), {}, "Choices have no zero"),
        (DiscreteSpace(3), {"fallback": "hold", "slew": 0.5}, "Choices have no zero"),
    ],
)
def test_limits_that_mean_nothing_are_refused(space, more, says):
    with pytest.raises(ConfigError, match=says):
        ActionLimits(space, **more)
