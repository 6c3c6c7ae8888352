"""Actions as a predictor wants them: numbers around zero, choices as one-hot."""

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.core.layers import Normalization
from telos.core.logs import Moments
from telos.core.spaces import ActionSpace, DiscreteSpace


class ActionFeatures(nn.Module):
    """Brings bounded actions to [-1, 1], others to mean zero and deviation one, and discrete ones to one-hot."""

    def __init__(self, *, space: ActionSpace, moments: Moments | None = None) -> None:
        super().__init__()
        self.num_choices = space.num if isinstance(space, DiscreteSpace) else 0
        self.size = self.num_choices or space.shape[0]
        if isinstance(space, DiscreteSpace):
            return
        if space.bounded:
            low, high = space.bounds
            moments = Moments(mean=tuple(((low + high) / 2).tolist()), std=tuple(((high - low) / 2).tolist()))
        self.normalization = Normalization(size=space.shape[0], moments=moments)

    def forward(self, action: Num[Tensor, "*batch action"]) -> Float[Tensor, "*batch features"]:
        if self.num_choices:
            return nn.functional.one_hot(action[..., 0].long(), self.num_choices).to(torch.get_default_dtype())
        return self.normalization(action)
