"""What every risk promises."""

import torch
from torch import Tensor

from telos.core.contracts import AbstractRisk
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot

NUM, NUM_FUTURES = 5, 12


def check_risk(risk: AbstractRisk, *, seed: int = 0) -> None:
    """The promises of a risk: one number for each row of futures, between the best and the worst, and never better for worse futures.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(risk)
    check_value(risk)
    generator = torch.Generator().manual_seed(seed)
    energies = torch.randn(NUM, NUM_FUTURES, generator=generator, dtype=torch.float64)
    before, found = snapshot(energies), risk(energies)
    promises(same(snapshot(energies), before), "energies are not altered in place")
    promises(tuple(found.shape) == (NUM,) and found.dtype == energies.dtype, "it gives one energy for each row, in its dtype", list(found.shape))
    promises(near(risk(energies[None, 1:2]), found[None, 1:2]), "a row is judged like the row alone, whatever axes are before")
    within = (found >= energies.amin(dim=-1) - 1e-9) & (found <= energies.amax(dim=-1) + 1e-9)
    promises(bool(within.all()), "what it gives lies between the best and the worst future", found)
    order = torch.randperm(NUM_FUTURES, generator=generator)
    promises(near(risk(energies[:, order]), found), "the order of the futures does not matter")
    promises(near(risk(energies + 3), found + 3) and near(risk(2 * energies), 2 * found), "it moves and scales with the energies")
    worse = energies + torch.rand(NUM, NUM_FUTURES, generator=generator)
    promises(bool((risk(worse) >= found - 1e-9).all()), "worse futures are never worth more")
    promises(near(risk(energies[:, :1]), energies[:, 0]), "of a single future it is the energy itself")
    broken = energies.clone()
    broken[:, 3] = torch.inf
    promises(not bool(risk(broken).isnan().any()), "a future that is infinitely bad leaves a number, be it infinity", risk(broken))
    _check_gradient(promises, risk, energies)


def _check_gradient(promises: Promises, risk: AbstractRisk, energies: Tensor) -> None:
    leaf = energies.clone().requires_grad_()
    (slope,) = torch.autograd.grad(risk(leaf).sum(), leaf)
    promises(finite(slope) and bool((slope >= 0).all()), "its gradient is finite, and never negative", slope)
    promises(near(slope.sum(dim=-1), torch.ones(NUM)), "the slopes of a row add up to 1", slope.sum(dim=-1))
