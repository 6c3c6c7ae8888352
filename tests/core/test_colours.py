import numpy as np
from hypothesis import given
from hypothesis.strategies import floats

from telos.core.colours import hue_rotations

angles = floats(-720, 720)


@given(angles)
def test_greys_stay_what_they_are_and_so_does_the_sum_of_the_channels(angle):
    (matrix,) = hue_rotations(np.array([angle]))
    np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-12)
    np.testing.assert_allclose(np.ones(3) @ matrix, np.ones(3), atol=1e-12)


@given(angles, angles)
def test_turns_add_up(first, second):
    one, two, both = hue_rotations(np.array([first, second, first + second]))
    np.testing.assert_allclose(two @ one, both, atol=1e-9)


def test_a_third_of_a_turn_swaps_the_channels_round():
    (matrix,) = hue_rotations(np.array([120.0]))
    np.testing.assert_allclose(matrix @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(matrix @ [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], atol=1e-12)
