"""What every readout promises."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from telos.core.readouts import AbstractReadout, Fidelity
from telos.core.taught import AbstractDescription, load_taught, save_taught
from telos.testing.capture import check_capture
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot

NUM = 5
"""Rows of a batch."""


def check_readout(readout: AbstractReadout, *, belief_size: int, description: AbstractDescription | None = None, seed: int = 0) -> None:
    """The promises of a readout: its name and size, any batch axes, one row at a time, a finite gradient, capture as one graph.

    Args:
        readout: With its weights.
        belief_size: Numbers of a belief that it reads.
        description: What builds it again; it is then saved as in a run, and has to read the same when it is back.
        seed: Of the beliefs.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, readout = Promises.of(readout), readout.eval()
    promises(isinstance(readout.name, str) and bool(readout.name), "it has a name, which guardrails and tasks ask for", repr(readout.name))
    promises(isinstance(readout.unit, str), "its unit is a string, empty if nobody said", repr(readout.unit))
    promises(type(readout.size) is int and readout.size > 0, "its size is the count of its numbers", readout.size)
    promises(isinstance(readout.fidelity, Fidelity), "its fidelity says how well it reads", type(readout.fidelity).__name__)
    beliefs = torch.randn(NUM, 3, belief_size, generator=torch.Generator().manual_seed(seed))
    before, found = snapshot(beliefs), readout(beliefs)
    promises(tuple(found.shape) == (NUM, 3, readout.size), "it reads [*batch belief] as [*batch size]", list(found.shape))
    promises(found.dtype == torch.float32 and finite(found), "what it reads is finite, 32 bits each", found.dtype)
    promises(same(snapshot(beliefs), before), "no belief is altered in place")
    promises(same(readout(beliefs), found), "the same belief reads the same twice")
    for axes, some, expected in (("no batch axis", beliefs[0, 0], found[0, 0]), ("one", beliefs[1], found[1]), ("one row", beliefs[2:3], found[2:3])):
        promises(near(readout(some), expected), f"a belief reads the same in every batch: {axes}")
    promises(tuple(readout(beliefs[:0]).shape) == (0, 3, readout.size), "no beliefs read as no quantities", list(readout(beliefs[:0]).shape))
    _check_gradient(promises, readout, beliefs)
    check_capture(promises, "forward", readout, beliefs)
    if description is not None:
        _check_kept(promises, readout, beliefs, description)


def _check_gradient(promises: Promises, readout: AbstractReadout, beliefs: Tensor) -> None:
    """Planners by gradient go through a readout; where a belief is one that was learned from, its slope has to be finite too."""
    for case, some in (("", beliefs), (" at beliefs of nothing but zeros", torch.zeros_like(beliefs))):
        leaf = some.clone().requires_grad_()
        read = readout(leaf)
        promises(read.requires_grad, "it is differentiable: a gradient reaches the belief")
        (slope,) = torch.autograd.grad(read.sum(), leaf)
        promises(finite(slope), f"its gradient is finite{case}")


def _check_kept(promises: Promises, readout: AbstractReadout, beliefs: Tensor, description: AbstractDescription) -> None:
    check_value(description)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / readout.name
        save_taught(path, description, readout, tie="a model")
        back = load_taught(path, AbstractReadout, tie="a model")
    promises(same(back(beliefs), readout(beliefs)), "it reads the same after being saved and loaded; register all that it needs as a buffer")
    for name in ("name", "unit", "size", "fidelity"):
        promises(getattr(back, name) == getattr(readout, name), f"its {name} is the same after being saved and loaded", getattr(back, name))
