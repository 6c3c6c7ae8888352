"""Where a phase's batches come from: raw frames of the logs, or codes that were made once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, Windows, map_tree
from telos.core.seeding import numpy_generator, torch_generator
from telos.training.augmentations import augment
from telos.training.codes import CodeWindows
from telos.training.phases import Phase
from telos.training.prefetch import Draw

NUM_CHECKS = 256
"""Held-out windows that health is read from."""


@dataclass(frozen=True)
class Source:
    """Batches by step, and what becomes of them on their way to the model."""

    draw: Draw
    """The windows of one step, in the processor's memory or wherever codes are kept."""
    checks: Windows
    """Fixed held-out windows, on the device."""
    from_frames: bool
    """Whether drawing is worth a thread: frames are read from the disk; codes lie in memory, in order."""


def source_of(phase: Phase, world_model: AbstractWorldModel, logs: AbstractLogs, held_out: AbstractLogs, seed: int, fabric: Fabric) -> Source:
    """The batches of a phase for this process: a share of each, drawn by seed, step and rank."""
    rows, rank = phase.batch_size // fabric.world_size, fabric.global_rank
    check_rng = numpy_generator(seed, "check")
    # Held-out episodes may all be shorter than the window; the health check does with what they have.
    check_window = min(phase.window, int(held_out.lengths.max()))
    if phase.trains == "dynamics":
        world_model.eval()
        codes, held_out_codes = CodeWindows(world_model, logs), CodeWindows(world_model, held_out)
        world_model.train()
        draw = _drawing(codes.windows, phase, rows, seed, rank)
        return Source(draw, held_out_codes.windows(check_rng, NUM_CHECKS, check_window), from_frames=False)

    pinned = fabric.device.type == "cuda"
    raw = _drawing(logs.windows, phase, rows, seed, rank)

    def batch(step: int) -> Windows:
        windows = as_tensors(raw(step), pinned=pinned)
        if not phase.augmentations:
            return windows
        first = map_tree(lambda leaf: leaf[:, 0], windows.observations)
        return replace(windows, starts=augment(first, phase.augmentations, torch_generator(seed, "augment", step, rank)))

    checks = on_device(as_tensors(held_out.windows(check_rng, NUM_CHECKS, check_window)), fabric.device)
    return Source(batch, checks, from_frames=True)


def _drawing(windows: Callable[..., Windows], phase: Phase, rows: int, seed: int, rank: int) -> Draw:
    return lambda step: windows(numpy_generator(seed, "batch", step, rank), rows, phase.window, per_episode=phase.windows_per_episode)


def as_tensors(windows: Windows, *, pinned: bool = False) -> Windows:
    """The same windows as tensors; `pinned` in memory that a GPU can fetch while it computes."""

    def convert(array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if pinned else tensor

    return Windows(map_tree(convert, windows.observations), convert(windows.actions), convert(np.asarray(windows.episodes)))


def on_device(windows: Windows, device: torch.device) -> Windows:
    """The same windows where the model is."""

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device, non_blocking=True)

    starts = None if windows.starts is None else map_tree(move, windows.starts)
    return replace(
        windows,
        observations=map_tree(move, windows.observations),
        actions=move(windows.actions),
        episodes=move(windows.episodes),
        starts=starts,
    )
