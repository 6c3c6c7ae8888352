"""What every training objective promises."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective
from telos.core.logs import Windows
from telos.core.spaces import ActionSpace, Spaces, VectorSpace
from telos.core.types import Rollout, State
from telos.testing.examples import CONTINUOUS, DISCRETE, example_windows
from telos.testing.modules import build_seeded
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, same, snapshot

NUM, NUM_STEPS, LATENT = 6, 4, 8
OBSERVATION = VectorSpace(3)


def check_objective(objective: AbstractObjective, *, seed: int = 0) -> None:
    """The promises of an objective: a finite scalar, a finite gradient, also where the latents have collapsed, nothing altered.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(objective)
    check_value(objective)
    for action in (CONTINUOUS, DISCRETE):
        spaces = Spaces(OBSERVATION, action)
        head = build_seeded(lambda spaces=spaces: objective.head(spaces, LATENT), seed)
        windows = _example(action, seed)
        generator = torch.Generator().manual_seed(seed)
        latent = torch.randn(NUM, NUM_STEPS + 1, LATENT, generator=generator)
        predicted = latent[:, 1:] + 0.1 * torch.randn(NUM, NUM_STEPS, LATENT, generator=generator)
        _check_term(promises, objective, windows, latent, predicted, head)
        for case, dead in (("all latents are equal", torch.ones_like(latent)), ("latents lie on a line", latent[..., :1].expand_as(latent))):
            term, slopes = _learn(objective, windows, dead, dead[:, 1:], head)
            promises(finite(term) and finite(slopes), f"it is finite, and so is its gradient, when {case}", term.item())


def _check_term(promises: Promises, objective: AbstractObjective, windows: Windows, latent: Tensor, predicted: Tensor, head: nn.Module) -> None:
    before, luck = snapshot((windows, latent, predicted)), torch.get_rng_state()
    term, slopes = _learn(objective, windows, latent, predicted, head)
    promises(term.shape == () and term.is_floating_point(), "it is a scalar", f"{list(term.shape)} of {term.dtype}")
    promises(finite(term), "it is finite", term.item())
    promises(same(snapshot((windows, latent, predicted)), before), "neither windows, nor states, nor predictions are altered in place")
    promises(torch.equal(torch.get_rng_state(), luck), "it leaves torch's global generator alone: a run that is resumed would draw other numbers")
    again, slopes_again = _learn(objective, windows, latent, predicted, head)
    promises(same((again, slopes), (term, slopes_again)), "the same batch and the same head give the same term twice")
    promises(bool(slopes), "a gradient reaches the latents or the head", "none")
    promises(finite(slopes), "its gradient is finite")


def _learn(objective: AbstractObjective, windows: Windows, latent: Tensor, predicted: Tensor, head: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """The term, and the gradients that it sends to latents, predictions and head. The head is a copy: it may count batches."""
    head = copy.deepcopy(head)
    latent, predicted = latent.clone().requires_grad_(), predicted.clone().requires_grad_()
    states = State(latent=latent, belief=latent)
    # What a latent variable tells is a function of what is predicted, too.
    predictions = Rollout(latent=predicted, actions=windows.actions, information=predicted.square().mean(dim=-1))
    term = objective.term(windows, states, predictions, head)
    if not term.requires_grad:
        return term, []
    slopes = torch.autograd.grad(term.sum(), [latent, predicted, *head.parameters()], allow_unused=True)
    return term, [slope for slope in slopes if slope is not None]


def _example(action: ActionSpace, seed: int) -> Windows:
    """Random windows, two per episode."""
    observations, actions = example_windows(OBSERVATION, action, np.random.default_rng(seed), NUM, NUM_STEPS)
    return Windows(observations=observations, actions=actions, episodes=torch.arange(NUM) // 2)
