"""The shortest way through a few points, exactly: dynamic programming over the sets of those that are left.

Source: Held and Karp (1962), "A dynamic programming approach to sequencing problems".
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def best_first(
    here: Float[Tensor, "batch size"], points: Float[Tensor, "batch points size"], visited: Bool[Tensor, "batch points"]
) -> tuple[Int[Tensor, " batch"], Float[Tensor, "batch points"]]:
    """Which point to go to first, and how long the whole way is with each as the first; infinite for those that were visited."""
    num_rows, num = points.shape[:2]
    rows = torch.arange(num_rows, device=points.device)
    between = (points[:, :, None] - points[:, None, :]).norm(dim=-1)
    masks = torch.arange(2**num, device=points.device)
    has = (masks[:, None] >> torch.arange(num, device=points.device) & 1).bool()
    # rest[b, mask, j]: the shortest way from point j through all that are not in mask.
    rest = points.new_full((num_rows, 2**num, num), torch.inf)
    rest[:, -1] = 0
    for mask in range(2**num - 2, -1, -1):
        left = (~has[mask]).nonzero()[:, 0]
        after = torch.stack([rest[:, mask | 1 << int(point), point] for point in left], dim=1)
        rest[:, mask] = (between[:, :, left] + after[:, None]).amin(dim=2)
    bits = (visited.long() << torch.arange(num, device=points.device)).sum(dim=1)
    to_first = (here[:, None] - points).norm(dim=-1)
    lengths = torch.stack([to_first[:, point] + rest[rows, bits | 1 << point, point] for point in range(num)], dim=1)
    lengths = lengths.masked_fill(visited, torch.inf)
    return lengths.argmin(dim=1), lengths
