"""Several dynamics side by side: their mean is what is expected, and how far they disagree is what the model does not know."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.agent.world_model.predictors import MLPPredictorConfig
from telos.core.contracts import AbstractPredictor, AbstractPredictorConfig, Unrolled
from telos.core.errors import ConfigError
from telos.core.products import Activation, activate, product


@dataclass(frozen=True, kw_only=True)
class EnsemblePredictorConfig(AbstractPredictorConfig):
    """Sizes of an ensemble of memoryless predictors. Use where the agent has to know what it does not know.

    Raises:
        ConfigError: fewer than 2 members, which could not disagree, or members without a hidden layer.
    """

    num_members: int = 5
    """Predictors side by side."""
    member: MLPPredictorConfig = MLPPredictorConfig()
    """Sizes of each. Half the width of a single predictor makes five cost about as much as that one."""

    def __post_init__(self) -> None:
        if self.num_members < 2:
            raise ConfigError(f"An ensemble of {self.num_members} cannot disagree.", expected="num_members of 2 or more", fix="use its member alone")
        if self.member.depth < 1:
            raise ConfigError(
                f"The members have {self.member.depth} hidden layers.", expected="1 or more: lines through the same logs agree everywhere"
            )

    def build(self, *, latent_size: int, scenery_size: int, action_size: int) -> "EnsemblePredictor":
        return EnsemblePredictor(
            latent_size=latent_size,
            scenery_size=scenery_size,
            action_size=action_size,
            num_members=self.num_members,
            width=self.member.width,
            depth=self.member.depth,
        )


class EnsemblePredictor(AbstractPredictor):
    """Perceptrons that predict how the latent changes, all of them in one pass.

    In use, the next latent is the mean of the members, and the next step starts from there; what they say of it one by one gives the
    disagreement, which is large where the logs hold nothing like it: there only the members' first weights decide.

    In training every row goes through one member only, and a window's whole rollout through the same one: members that are to
    disagree must have seen different rows in a different order, and a step of training then costs little more than one member would.

    Sources: Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation using deep ensembles", arXiv 1612.01474;
    disagreement of latents after Pathak et al. (2019), "Self-supervised exploration via disagreement", arXiv 1906.04161.
    """

    hidden_size = 0

    def __init__(self, *, latent_size: int, scenery_size: int, action_size: int, num_members: int, width: int, depth: int) -> None:
        super().__init__()
        self.num_members = num_members
        sizes = [latent_size + scenery_size + action_size, *[width] * depth, latent_size]
        self.layers = nn.ModuleList(StackedLinear(num_members, size_in, size_out) for size_in, size_out in pairwise(sizes))

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch hidden"]]:
        known = torch.cat([latent, scenery, action], dim=-1)
        return latent + (self._one_each(known) if self.training else self._all(known).mean(dim=0)), hidden

    def members(
        self, latent: Float[Tensor, "batch latent"], scenery: Float[Tensor, "batch scenery"], action: Float[Tensor, "batch features"]
    ) -> Float[Tensor, "members batch latent"]:
        """What every member expects to come next."""
        return latent + self._all(torch.cat([latent, scenery, action], dim=-1))

    def unroll(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "rows horizon features"],
    ) -> Unrolled:
        if self.training:
            return super().unroll(latent, hidden, scenery, actions)
        num = actions.shape[0] // latent.shape[0]
        latent, hidden, scenery = (part.repeat_interleave(num, dim=0) for part in (latent, hidden, scenery))
        latents, disagreement = [], []
        for action in actions.unbind(1):
            ahead = self.members(latent, scenery, action)
            latent = ahead.mean(dim=0)
            latents.append(latent)
            disagreement.append((ahead - latent).square().mean(dim=0).mean(dim=-1))
        hiddens = hidden[:, None].expand(-1, actions.shape[1], -1)
        return Unrolled(torch.stack(latents, dim=1), (hiddens,), torch.stack(disagreement, dim=1))

    @property
    def _layers(self) -> list["StackedLinear"]:
        return list(self.layers)  # type: ignore[arg-type]

    def _all(self, known: Float[Tensor, "rows inputs"]) -> Float[Tensor, "members rows latent"]:
        """All rows by all members."""
        if _takes_turns(known):
            return torch.stack(self._in_turns([known] * self.num_members))
        first, *middle, last = self._layers
        value = first.shared(known, "silu")
        for layer in middle:
            value = layer(value, "silu")
        return last(value)

    def _one_each(self, known: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows latent"]:
        """Each row by one member, the first rows by the first one. What is filled up to equal shares is cut off again."""
        missing = -len(known) % self.num_members
        value = torch.cat([known, known[-1:].expand(missing, -1)]).unflatten(0, (self.num_members, -1))
        if _takes_turns(known):
            return torch.cat(self._in_turns(value.unbind()))[: len(known)]
        *before, last = self._layers
        for layer in before:
            value = layer(value, "silu")
        return last(value).flatten(0, 1)[: len(known)]

    def _in_turns(self, values: Sequence[Float[Tensor, "rows inputs"]]) -> list[Float[Tensor, "rows latent"]]:
        """Each member's rows, one member after the other."""
        found = []
        for value, layers in zip(values, zip(*(layer.apart() for layer in self._layers), strict=True), strict=True):
            for weight, bias in layers[:-1]:
                value = product(value, weight, bias, "silu")
            found.append(product(value, *layers[-1]))
        return found


def _takes_turns(known: Tensor) -> bool:
    """Whether one member is computed after the other: a processor is up to twice as fast with weights that it has at hand as with one
    batched product. A graph that is captured does not ask where it will run, and holds the batched one."""
    return known.device.type == "cpu" and not torch.compiler.is_compiling()


class StackedLinear(nn.Module):
    """Linear layers of the same size, one for each member, first weights drawn apart from each other.

    The weights lie below one another as those of one wide layer, so that what counts a layer's neurons and products counts them right.
    """

    def __init__(self, num_members: int, size_in: int, size_out: int) -> None:
        super().__init__()
        self.num_members = num_members
        bound = size_in**-0.5
        self.weight = nn.Parameter(torch.empty(num_members * size_out, size_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_members * size_out).uniform_(-bound, bound))

    def forward(self, value: Float[Tensor, "members rows size_in"], activation: Activation = "none") -> Float[Tensor, "members rows size_out"]:
        """Each member's rows by its own layer, in one batched product."""
        weights, biases = (part.unflatten(0, (self.num_members, -1)) for part in (self.weight, self.bias))
        return activate(torch.baddbmm(biases[:, None], value, weights.transpose(1, 2)), activation)

    def apart(self) -> list[tuple[Float[Tensor, "size_out size_in"], Float[Tensor, " size_out"]]]:
        """Weights and bias of each member."""
        return list(zip(self.weight.chunk(self.num_members), self.bias.chunk(self.num_members), strict=True))

    def shared(self, value: Float[Tensor, "rows size_in"], activation: Activation = "none") -> Float[Tensor, "members rows size_out"]:
        """The same rows by every member's layer: one wide product."""
        return product(value, self.weight, self.bias, activation).unflatten(-1, (self.num_members, -1)).transpose(0, 1)
