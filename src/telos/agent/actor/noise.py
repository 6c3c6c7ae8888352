"""Noise with a colour: how much of it is slow."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from telos.agent.actor.draws import Sampling, normals


def coloured_noise(
    num: int, horizon: int, size: int, *, exponent: float, generator: Generator, sampling: Sampling = "random"
) -> Float[Tensor, "1 {num} {horizon} {size}"]:
    """Noise of deviation 1 whose power falls with frequency as `1 / f**exponent`: 0 is white, 2 is a random walk.

    Source: Timmer & König (1995); for planning Pinneri et al. (2020), arXiv 2008.06389.
    """
    white = normals(num, (size, horizon), sampling=sampling, generator=generator)
    # Transforms refuse an empty batch.
    if exponent == 0 or horizon == 1 or num == 0:
        return white.transpose(2, 3)
    frequency = torch.fft.rfftfreq(horizon, device=generator.device).clamp_min(1 / horizon)
    scale = frequency ** (-exponent / 2)
    # By Parseval: each frequency but zero and Nyquist stands for two terms.
    twice = torch.full_like(scale, 2.0)
    twice[0] = 1.0
    if horizon % 2 == 0:
        twice[-1] = 1.0
    scale = scale * ((twice.sum() / (twice * scale.square()).sum()).sqrt())
    return torch.fft.irfft(torch.fft.rfft(white) * scale, n=horizon).transpose(2, 3)
