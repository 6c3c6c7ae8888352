"""What every level promises, beside what it promises as a world model."""

import numpy as np
import torch
from torch import Tensor

from telos.core.levels import AbstractLevel, climb
from telos.core.spaces import ActionSpace, DiscreteSpace, VectorSpace
from telos.testing.examples import example_windows
from telos.testing.promises import Promises
from telos.testing.trees import finite, near, same, snapshot
from telos.testing.world_models import NUM, NUM_STEPS, check_on_windows


def check_level(level: AbstractLevel, acts: ActionSpace, *, below: tuple[AbstractLevel, ...] = (), seed: int = 0) -> None:
    """The promises of a level: those of a world model for its macro-actions; that it sees what is below, sums up what was done there, and
    that its landmarks are real states.

    Args:
        level: It is tried in evaluation mode, and left as it was. It must have its landmarks.
        acts: What is done in one step of the level below.
        below: The levels between it and the world model, the lowest first.
        seed: Of latents and actions.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, training, rng = Promises.of(level), level.training, np.random.default_rng(seed)
    _check_spaces(promises, level)
    latents, macros = example_windows(level.spaces.observation, level.spaces.action, rng, NUM, NUM_STEPS)
    assert isinstance(latents, Tensor)
    _, done = example_windows(level.spaces.observation, acts, rng, NUM * NUM_STEPS, level.stride)
    done = done.reshape(NUM, NUM_STEPS, -1)
    check_on_windows(level, latents, macros, logged=done)
    try:
        level.eval()
        _check_views(promises, level, latents)
        _check_summaries(promises, level, latents, done)
        _check_landmarks(promises, level, below)
    finally:
        level.train(training)


def _check_spaces(promises: Promises, level: AbstractLevel) -> None:
    space = level.spaces.action
    vectors = isinstance(level.spaces.observation, VectorSpace) and isinstance(space, VectorSpace) and not isinstance(space, DiscreteSpace)
    promises(vectors, "a level sees vectors, and acts by vectors", level.spaces.describe())
    assert isinstance(space, VectorSpace)
    low, high = space.bounds
    promises(space.bounded and bool((low < 0).all() and (high > 0).all()), "macro-actions are bounded, 0 among them", space.bounds)
    promises(level.stride >= 1 and level.steps % level.stride == 0, "its steps are whole steps of the level below", (level.stride, level.steps))


def _check_views(promises: Promises, level: AbstractLevel, latents: Tensor) -> None:
    seen = level.raised(latents)
    shape = (*latents.shape[:-1], level.latent_size)
    promises(tuple(seen.shape) == shape and finite(seen), "raised gives latents [... latent], whatever stands before", list(seen.shape))
    promises(near(level.raised(latents[1, 2:3]), seen[1, 2:3]), "a state that is seen alone is seen as in company")
    promises(near(seen, level.encode_window(latents, latents[:, 1:]).latent), "raised sees what encode_window sees")
    moved = latents.clone().requires_grad_()
    raised, promise = level.raised(moved), "a gradient reaches what is seen: plans below are compared up here"
    promises(raised.requires_grad, promise, "none")
    (slope,) = torch.autograd.grad(raised.square().sum(), moved)
    promises(finite(slope) and bool(slope.abs().max() > 0), promise, slope)


def _check_summaries(promises: Promises, level: AbstractLevel, latents: Tensor, done: Tensor) -> None:
    ends, between = latents[:, :2], done[:, 0]
    before = snapshot((ends, between))
    macro = level.summarise(ends, between)
    promises(same(snapshot((ends, between)), before), "nothing that is summed up is altered in place")
    low, high = (torch.as_tensor(bound) for bound in level.spaces.action.bounds)  # type: ignore[union-attr]
    inside = tuple(macro.shape) == (NUM, len(low)) and finite(macro) and bool(((macro >= low) & (macro <= high)).all())
    promises(inside, "summarise gives macro-actions [batch macro], within bounds", list(macro.shape))
    promises(same(level.summarise(ends, between), macro), "the same is summed up alike twice")
    promises(near(level.summarise(ends[1:2], between[1:2]), macro[1:2]), "what one has done is summed up alone as in company")


def _check_landmarks(promises: Promises, level: AbstractLevel, below: tuple[AbstractLevel, ...]) -> None:
    marks = level.landmarks
    promises(len(marks) > 0 and len(marks.beliefs) == len(marks), "landmarks are beliefs and latents side by side", len(marks))
    bottom = (*below, level)[0].spaces.observation.shape[0]  # type: ignore[union-attr]
    lowest = marks.beliefs[:, :bottom]
    lifted = level.lift(lowest)
    promises(near(lifted, climb((*below, level), lowest)[-1]), "lift is one level after the other")
    promises(near(lifted, marks.latents), "landmarks are real states as this level sees them")
    # The nearest to a landmark is itself, but for rounding.
    distance, _ = marks.nearest(marks.latents)
    promises(bool((distance[..., 0] < 1e-4 * (1 + marks.latents.square().mean())).all()), "a landmark is at no distance from itself", distance.max())
