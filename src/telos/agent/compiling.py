"""Rollouts that torch compiles for the machine they run on."""

import warnings

import torch

from telos.core.contracts import AbstractWorldModel
from telos.core.types import Rollout, State


def compile_rollouts(world_model: AbstractWorldModel) -> None:
    """From now on `world_model.rollout` is compiled, for each new shape anew; the numbers are the same to rounding.

    Where nothing can be compiled, for want of a C++ compiler, a warning says so and rollouts run as they are.

    Use for recurrent predictors on a CPU. Not for the others there: their products and caches are faster than what comes out
    (docs/benchmarks.md has the figures).
    """
    plain = world_model.rollout
    compiled = torch.compile(plain)
    works = True

    def rollout(state: State, actions: torch.Tensor) -> Rollout:
        nonlocal works
        if works:
            try:
                return compiled(state, actions)
            except (torch._dynamo.exc.BackendCompilerFailed, torch._inductor.exc.InductorError) as error:
                works = False
                reason = str(error).strip().partition("\n")[0].rstrip(".")
                warnings.warn(f"Rollouts are not compiled here, and run as they are: {reason[:200]}.", RuntimeWarning, stacklevel=2)
        return plain(state, actions)

    world_model.rollout = rollout  # type: ignore[method-assign]
