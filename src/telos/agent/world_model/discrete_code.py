"""The latent variable as a code: one of a few things happens."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional

from telos.agent.world_model.chance import AbstractChance, AbstractChanceConfig, Inferred, Predict, energy, layered
from telos.core.errors import ConfigError
from telos.core.layers import Perceptron

TIE = 1e-4
"""Share of the mean energy by which codes may differ and still count as equally good in training."""


@dataclass(frozen=True, kw_only=True)
class DiscreteCodeConfig(AbstractChanceConfig):
    """One of `num_codes` things happens at each step; it tells `log(num_codes)` nats at the most.

    Use where futures fork: a door opens left or right. Not where what is unknown is a number of any size; take `GaussianCodeConfig`.
    """

    num_codes: int = 8
    """Things that may happen; all are tried wherever z is inferred."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.num_codes <= 256:
            raise ConfigError(f"The latent variable has {self.num_codes} codes.", expected="2 to 256")

    @property
    def size(self) -> int:
        return self.num_codes

    def build(self, *, context_size: int, latent_size: int) -> "DiscreteCode":
        return DiscreteCode(self, context_size=context_size)


class DiscreteCode(AbstractChance):
    """A code, one-hot, inferred by trying all and taking the one of least energy; the prior is a classifier.

    Noise is one even number for each step, which picks the code whose share of the prior it falls into (`layered`).

    Source: minimisation over z in LeCun (2022), section 4.2; hard assignment as in Guzmán-Rivera et al. (2012), "Multiple choice
    learning", and van den Oord et al. (2017), VQ-VAE, arXiv 1711.00937.
    """

    def __init__(self, config: DiscreteCodeConfig, *, context_size: int) -> None:
        super().__init__()
        self.size, self.noise_size = config.num_codes, 1
        self.price = config.price
        self.prior = Perceptron(context_size, [config.width] * 2, config.num_codes)
        # At the beginning every code is as likely: none is chosen for its name.
        for weights in self.prior[-1].parameters():
            nn.init.zeros_(weights)

    def noise(self, num: int, steps: int, generator: Generator) -> Float[Tensor, "{num} {steps} noise"]:
        return layered(num, steps, 1, generator)

    def draw(self, context: Float[Tensor, "batch context"], noise: Float[Tensor, "batch noise"] | None) -> Float[Tensor, "batch z"]:
        scores = self.prior(context)
        likeliest = scores.argmax(dim=-1)
        if noise is None:
            return self._code(likeliest, context)
        drawn = (noise > scores.softmax(dim=-1).cumsum(dim=-1)).sum(dim=-1).clamp(max=self.size - 1)
        return self._code(torch.where(noise[:, 0] == 0, likeliest, drawn), context)

    def infer(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Inferred:
        # The prior learns to say what cannot be told; beliefs are not bent so that less could be.
        costs = -self.prior(context.detach()).log_softmax(dim=-1)
        best = self._best(costs, target, predict)
        return Inferred(self._code(best, context), costs.gather(1, best[:, None])[:, 0])

    def guess(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Float[Tensor, "batch z"]:
        with torch.no_grad():
            return self._code(self._best(-self.prior(context).log_softmax(dim=-1), target, predict), context)

    def _best(self, costs: Float[Tensor, "batch codes"], target: Float[Tensor, "batch latent"], predict: Predict) -> Tensor:
        """Which code explains best what was seen."""
        with torch.no_grad():
            all_codes = torch.eye(self.size, dtype=target.dtype, device=target.device).repeat(len(target), 1)
            found = predict(all_codes).unflatten(0, (-1, self.size))
            total = energy(found, target[:, None]) + self.price * costs
            if self.training:
                # Where a fresh predictor makes no difference between codes yet, they take turns: the first one would take all for ever.
                turn = (torch.arange(self.size, device=total.device) + torch.arange(len(total), device=total.device)[:, None]) % self.size
                total = total + TIE / self.size * total.mean() * turn
            return total.argmin(dim=1)

    def _code(self, index: Tensor, like: Tensor) -> Float[Tensor, "batch z"]:
        return functional.one_hot(index, self.size).to(like.dtype)
