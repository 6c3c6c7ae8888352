"""Bradley-Terry by Laplace's approximation: what answers say of the weights, and what they leave open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from telos.core.errors import ConfigError

MAX_STEPS = 60
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Posterior:
    """A Gaussian around the likeliest weights, in float64."""

    features: Float[Tensor, "answers size"]
    """Of the left clip less those of the right one."""
    spread: Float[Tensor, " size"]
    """Prior variance of each weight."""
    mean: Float[Tensor, " size"]
    """The likeliest weights."""
    root: Float[Tensor, " answers"]
    """Square roots of how much each answer still pulls."""
    factor: Float[Tensor, "answers answers"]
    """Cholesky factor of `1 + root K root`."""
    evidence: float
    """Logarithm of how likely the answers were beforehand."""

    def draw(self, num: int, generator: Generator) -> Float[Tensor, "size num"]:
        """Weights that the answers allow, whose mean is exactly the likeliest.

        Pathwise: a draw from the prior, corrected by what the answers make of it.
        """
        size = self.mean.shape[0]
        half = torch.randn(size, (num + 1) // 2, generator=generator, dtype=torch.float64)
        noise = torch.randn(self.root.shape[0], half.shape[1], generator=generator, dtype=torch.float64)
        prior = self.spread.sqrt()[:, None] * half
        seen = self.root[:, None] * (self.features @ prior) + noise
        correction = torch.cholesky_solve(seen, self.factor) * self.root[:, None]
        apart = prior - self.spread[:, None] * (self.features.T @ correction)
        # In opposite pairs: the mean of the draws is the mean. An odd one out is the mean itself.
        drawn = torch.cat([apart, -apart], dim=1)[:, :num]
        if num % 2:
            drawn[:, half.shape[1] - 1] = 0
        return self.mean[:, None] + drawn


def fit_posterior(features: Float[Tensor, "answers size"], answers: Float[Tensor, " answers"], spread: Float[Tensor, " size"]) -> Posterior:
    """The posterior of weights whose sum over `features` is the logit of "left is better".

    Args:
        features: of the left clip less those of the right one.
        answers: 1 for left, 0 for right, 0.5 for equal.
        spread: prior variance of each weight.

    Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", algorithm 3.1, in the space of answers, which are
    fewer than features; halved steps make Newton's method safe.
    """
    num = features.shape[0]
    kernel = (features * spread) @ features.T
    dual = features.new_zeros(num)
    value = kernel @ dual
    best = _goodness(dual, value, answers)
    for _ in range(MAX_STEPS):
        chance = value.sigmoid()
        root = (chance * (1 - chance)).sqrt()
        factor = _factor(kernel, root)
        target = root.square() * value + answers - chance
        newton = target - root * torch.cholesky_solve((root * (kernel @ target))[:, None], factor)[:, 0]
        step = newton - dual
        for _ in range(12):
            tried = dual + step
            goodness = _goodness(tried, kernel @ tried, answers)
            if goodness >= best:
                break
            step = step / 2
        if not goodness >= best:
            break
        gain, best, dual = goodness - best, goodness, tried
        value = kernel @ dual
        if gain < TOLERANCE:
            break
    chance = value.sigmoid()
    root = (chance * (1 - chance)).sqrt()
    factor = _factor(kernel, root)
    evidence = best - float(factor.diagonal().log().sum())
    return Posterior(features, spread, spread * (features.T @ dual), root, factor, evidence)


def choose_spread(
    features: Float[Tensor, "answers size"], answers: Float[Tensor, " answers"], groups: Sequence[int], usual: Sequence[float], rounds: int = 2
) -> tuple[float, ...]:
    """Prior variances of groups of weights under which the answers are likeliest; those that no answer speaks of stay as usual.

    A weak wish for the usual values (one power of ten) keeps few answers from saying much.

    Args:
        groups: sizes of the groups, in the order of the features.
        usual: where the search begins.
    """
    chosen = [float(value) for value in usual]
    best = _judge(features, answers, groups, chosen, usual)
    for _ in range(rounds):
        before = best
        for group in range(len(groups)):
            for change in (0.2, 5.0):
                tried = list(chosen)
                tried[group] = min(max(tried[group] * change, 1e-4), 1e4)
                found = _judge(features, answers, groups, tried, usual)
                if found > best:
                    best, chosen = found, tried
        if best - before < 0.1:
            break
    return tuple(chosen)


def spread_of(groups: Sequence[int], variances: Sequence[float]) -> Float[Tensor, " size"]:
    """The variance of each weight from that of its group."""
    return torch.cat([torch.full((size,), float(value), dtype=torch.float64) for size, value in zip(groups, variances, strict=True)])


def _judge(features: Tensor, answers: Tensor, groups: Sequence[int], variances: Sequence[float], usual: Sequence[float]) -> float:
    wish = sum(math.log10(value / start) ** 2 / 2 for value, start in zip(variances, usual, strict=True))
    return fit_posterior(features, answers, spread_of(groups, variances)).evidence - wish


def _goodness(dual: Tensor, value: Tensor, answers: Tensor) -> float:
    likelihood = answers * functional.logsigmoid(value) + (1 - answers) * functional.logsigmoid(-value)
    return float(likelihood.sum() - dual @ value / 2)


def _factor(kernel: Tensor, root: Tensor) -> Tensor:
    matrix = root[:, None] * kernel * root[None]
    matrix.diagonal().add_(1)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise ConfigError("The answers cannot be fitted: what the model believes of the clips is not finite.", fix="telos show RUN tells its health")
    return factor
