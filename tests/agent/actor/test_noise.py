"""Coloured noise: deviation one, whatever its colour, and a spectrum that falls as it should."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.actor.noise import coloured_noise


@settings(deadline=None, max_examples=25)
@given(horizon=st.integers(1, 40), exponent=st.floats(0, 4), size=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_its_deviation_is_one(horizon, exponent, size, seed):
    noise = coloured_noise(4000, horizon, size, exponent=exponent, generator=torch.Generator().manual_seed(seed))
    assert noise.shape == (1, 4000, horizon, size)
    assert noise.square().mean().sqrt().item() == pytest.approx(1, abs=0.06)
    # At every step alike: no plan is bolder at its end than at its beginning.
    assert noise.square().mean(dim=(0, 1, 3)).sqrt().sub(1).abs().max() < 0.12
    assert noise.mean(dim=(0, 1)).abs().max() < 0.1


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_its_power_falls_with_frequency(exponent):
    horizon = 64
    noise = coloured_noise(4000, horizon, 1, exponent=exponent, generator=torch.Generator().manual_seed(0))[0, :, :, 0]
    power = torch.fft.rfft(noise).abs().square().mean(dim=0)[1:-1].log()
    frequency = torch.fft.rfftfreq(horizon)[1:-1].log()
    slope = ((frequency - frequency.mean()) * (power - power.mean())).sum() / (frequency - frequency.mean()).square().sum()
    assert slope.item() == pytest.approx(-exponent, abs=0.03)


def test_the_redder_the_smoother():
    generator = torch.Generator().manual_seed(0)
    jumps = [coloured_noise(1000, 20, 2, exponent=exponent, generator=generator).diff(dim=2).square().mean().item() for exponent in (0, 1, 2, 3)]
    assert jumps == sorted(jumps, reverse=True)
    assert jumps[0] == pytest.approx(2, rel=0.05)


def test_numbers_of_an_action_are_independent():
    noise = coloured_noise(5000, 10, 2, exponent=1.0, generator=torch.Generator().manual_seed(0))[0]
    assert (noise[..., 0] * noise[..., 1]).mean().abs() < 0.03
