import numpy as np
import pytest
import torch
from batches import random_latents, term_of
from hypothesis import given
from hypothesis import strategies as st

from telos.training.objectives import Smoothness


def test_is_the_mean_squared_change_from_frame_to_frame():
    latents = random_latents()
    assert term_of(Smoothness(), latents).item() == pytest.approx(np.square(np.diff(latents.numpy(), axis=1)).mean())


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_grows_with_the_square_of_the_speed_and_does_not_see_the_place(speed, place):
    straight = place + speed * torch.arange(5.0, dtype=torch.float64)[None, :, None].expand(3, -1, 2)
    assert term_of(Smoothness(), straight).item() == pytest.approx(speed**2, abs=1e-9)
