import numpy as np
import pytest
import torch
from batches import random_latents, spread_out, term_of
from hypothesis import given
from hypothesis import strategies as st

from telos.training.objectives import Smoothness, Volume
from telos.training.objectives.volume import volume_term


@given(st.lists(st.floats(0.05, 3.0), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_is_minus_the_mean_logarithm_of_the_variances_however_the_latents_are_turned(deviations, seed):
    deviations = np.array(deviations)
    latents = spread_out(30, deviations, seed)
    expected = -np.log(deviations**2).mean()
    assert volume_term(latents, epsilon=0.0).item() == pytest.approx(expected, abs=1e-7)
    turn = torch.linalg.qr(torch.randn(len(deviations), len(deviations), dtype=torch.float64, generator=torch.Generator().manual_seed(seed % 1000))).Q
    assert volume_term(latents @ turn, epsilon=0.0).item() == pytest.approx(expected, abs=1e-7)


def test_is_the_determinant_of_the_covariance_as_numpy_has_it():
    latents = random_latents(seed=3)
    flat = latents.numpy().reshape(-1, latents.shape[-1])
    covariance = np.cov(flat.T) + 1e-4 * np.eye(flat.shape[1])
    assert term_of(Volume(), latents).item() == pytest.approx(-np.linalg.slogdet(covariance)[1] / flat.shape[1], rel=1e-9)


def test_a_collapsed_batch_has_a_bounded_cost_and_a_finite_gradient():
    latents = torch.full((6, 3, 4), 0.3, dtype=torch.float64, requires_grad=True)
    term = term_of(Volume(), latents)
    term.backward()
    assert term.item() == pytest.approx(-np.log(1e-4))
    assert latents.grad is not None and latents.grad.isfinite().all()


def test_with_smoothness_each_direction_gets_the_width_at_which_a_step_is_as_long_as_in_all_others():
    """Directions of which a share of 0.02, 0.2 and 1 of the variance changes in a step; where the sum of both terms is least."""
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([0.02, 0.2, 1.0], dtype=torch.float64)
    first = torch.randn(40_000, 3, dtype=torch.float64, generator=generator)
    fresh = torch.randn(40_000, 3, dtype=torch.float64, generator=generator)
    # Correlated by 1 - share, so that the mean squared change is twice the share.
    second = (1 - shares) * first + (1 - (1 - shares) ** 2).sqrt() * fresh
    walk = torch.stack([first, second], dim=1)
    scale = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale], max_iter=60)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = term_of(Volume(epsilon=0.0), walk * scale) + term_of(Smoothness(), walk * scale)
        total.backward()
        return total

    optimizer.step(loss)  # type: ignore[arg-type]
    variances = scale.detach().square()
    assert torch.allclose(variances, 1 / (2 * shares), rtol=0.03)
    changes = ((walk[:, 1] - walk[:, 0]) * scale.detach()).square().mean(dim=0)
    assert torch.allclose(changes, torch.ones(3, dtype=torch.float64), rtol=0.03)
