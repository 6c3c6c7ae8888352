import numpy as np
import pytest
import torch
from batches import random_latents, term_of

from telos.training.objectives import Prediction


def test_is_the_mean_squared_error_of_what_was_imagined():
    latents, imagined = random_latents(seed=1), random_latents(frames=3, seed=2)
    expected = np.square(imagined.numpy() - latents.numpy()[:, 1:]).mean()
    assert term_of(Prediction(), latents, imagined=imagined).item() == pytest.approx(expected)


def test_a_perfect_model_costs_nothing():
    assert term_of(Prediction(), random_latents()) == 0


@pytest.mark.parametrize("stop_gradient", [False, True])
def test_the_gradient_reaches_the_imagined_side_and_the_encoded_one_unless_it_is_stopped(stop_gradient):
    latents, imagined = random_latents(seed=1).requires_grad_(), random_latents(frames=3, seed=2).requires_grad_()
    term_of(Prediction(stop_gradient=stop_gradient), latents, imagined=imagined).backward()
    assert imagined.grad is not None and imagined.grad.abs().sum() > 0
    if stop_gradient:
        assert latents.grad is None
    else:
        torch.testing.assert_close(latents.grad[:, 1:], -imagined.grad)
