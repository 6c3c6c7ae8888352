"""How distances along an imagined path become energies: it counts that one arrives and stays, the sooner the better, and by which way does not."""

import torch
from jaxtyping import Float
from torch import Tensor

HURRY = 0.1
"""Weight of arriving soon beside arriving at all. More of it, and walls hold the agent back: straight behind them is near, at once."""

STAY = 1 / 3
"""Share of the horizon that a plan stays there at the most: the rest is for the way."""


def arrive(distance: Float[Tensor, "batch horizon"], hold: int) -> Float[Tensor, "batch horizon"]:
    """Energy of coming near and staying for `hold` steps in a row.

    The mean over each stretch of `hold` steps, or as many as a plan has room for, takes the place of the single step, so that flying
    through is not arriving. Its least value along the path stands on the last step of that stretch; the mean of the least so far is
    spread over the path.
    """
    length = min(hold, max(1, round(STAY * distance.shape[1])))
    stretches = distance.unfold(1, length, 1).mean(dim=-1)
    # Before its end no stretch has been stayed in.
    settled = torch.cat([stretches[:, :1].expand(-1, length - 1), stretches], dim=1)
    nearest = settled.argmin(dim=1, keepdim=True)
    least = torch.zeros_like(settled).scatter(1, nearest, settled.gather(1, nearest))
    return least + HURRY * settled.cummin(dim=1).values / distance.shape[1]
