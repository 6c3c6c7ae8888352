"""Batch normalisation whose batch is the whole one, on however many processes it lies."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation over all axes but the last; while training, over the rows of all processes, which hold equally many.

    Several processes with a share of the batch each then learn what one with the whole batch learns. In evaluation the running
    statistics count, so that a row's result hangs on that row alone.

    Source: Ioffe & Szegedy (2015), arXiv 1502.03167.
    """

    def forward(self, input: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch size"]:
        rows = input.flatten(0, -2)
        alone = not self.training or not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1
        return (super().forward(rows) if alone else self._over_processes(rows)).view_as(input)

    def _over_processes(self, rows: Float[Tensor, "batch size"]) -> Float[Tensor, "batch size"]:
        # With bf16 around it, as torch's own does: sums in 32 bits at least.
        dtype, rows = rows.dtype, rows.to(torch.promote_types(rows.dtype, torch.float32))
        num = len(rows) * dist.get_world_size()
        mean = _Sum.apply(rows.sum(0)) / num
        variance = _Sum.apply((rows - mean).square().sum(0)) / num
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((variance * (num / max(1, num - 1))).to(self.running_var.dtype), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return ((rows - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias).to(dtype)


class _Sum(torch.autograd.Function):
    """The sum over processes. What one process loses by it, all have caused: gradients are summed likewise."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        total = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
