"""Models that outgrow one device: every process holds a share of the weights, of their gradients, and of the optimizer's memory."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def fully_sharded() -> ModelParallelStrategy:
    """Fully sharded data parallelism, on processors and GPUs alike.

    Source: Zhao et al. (2023), PyTorch FSDP, arXiv 2304.11277, in its second form (`torch.distributed.fsdp.fully_shard`).
    """
    return _FullyShardedStrategy()


class _FullyShardedStrategy(ModelParallelStrategy):
    """All processes share the weights among them, on however many machines."""

    def __init__(self) -> None:
        super().__init__(shard, tensor_parallel_size=1)

    def setup_environment(self) -> None:
        # Fabric's own "auto" shares weights among machines only.
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()


def is_sharded(module: nn.Module) -> bool:
    return isinstance(module, FSDPModule)


def put_together(module: nn.Module) -> None:
    """Fetches all weights, so that parts of the model may be called; the next step of training lets them go again."""
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.unshard()


def whole(tree: Any) -> Any:
    """A state dict as one process alone would have it, in the processor's memory. Every process must ask."""
    return _map(lambda tensor: (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu(), tree)


def shares_of_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """A whole optimizer's state dict, each tensor cut like the weight that it belongs to."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]

    def cut(weight: Tensor, memory: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not isinstance(weight, DTensor):
            return dict(memory)
        mesh, placements = weight.device_mesh, weight.placements
        return {
            name: distribute_tensor(part.to(weight.device), mesh, placements) if part.shape == weight.shape and part.ndim else part
            for name, part in memory.items()
        }

    return {**saved, "state": {number: cut(weights[number], memory) for number, memory in saved["state"].items()}}


def shard(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """The blocks of lists are fetched one at a time; everything else together."""
    mesh = mesh["data_parallel"]
    for part in list(module.modules()):
        if isinstance(part, nn.ModuleList):
            for block in part:
                if next(block.parameters(), None) is not None:
                    fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def _map(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {name: _map(function, part) for name, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_map(function, part) for part in tree)
    return tree
