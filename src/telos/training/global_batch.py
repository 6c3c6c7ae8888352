"""Statistics that couple the samples of a batch must see the whole batch, on however many processes it lies."""

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor


def gather(local: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "global *rest"]:
    """The rows of all processes, with a gradient to one's own; on one process, the rows themselves.

    Every process then computes the same loss, and its gradient reaches the parameters through its own rows only. Gradients
    are averaged over processes afterwards, so the backward pass sums over processes what each of them sends back: the
    average is then exactly the gradient of the one loss.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return local
    return _Gather.apply(local)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, local: Tensor) -> Tensor:
        parts = [torch.empty_like(local) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, local.contiguous())
        ctx.num_rows = len(local)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        # A copy: the gradient that came in may also belong to others.
        gradient = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        start = dist.get_rank() * ctx.num_rows
        return gradient[start : start + ctx.num_rows]
