"""What every encoder and every predictor promises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig, AbstractPredictor, AbstractPredictorConfig
from telos.core.logs import Moments, map_tree
from telos.core.spaces import ObservationSpace, PixelSpace, TreeSpace
from telos.testing.capture import check_capture
from telos.testing.examples import as_tensors, example_observations
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, rows, same, snapshot

NUM = 5
"""Rows of a batch."""


def check_encoder(config: AbstractEncoderConfig, space: ObservationSpace, *, latent_size: int = 8, seed: int = 0) -> None:
    """The promises of an encoder: shape, one latent a row, reload, gradient, capture as one graph.

    Args:
        config: What it is made of.
        space: What it is to read.
        latent_size: Numbers in its latent.
        seed: Of weights and observations.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    check_value(config)
    observations = as_tensors(example_observations(space, np.random.default_rng(seed), NUM))
    for moments in (None, _example_moments(space, "observation")):

        def build(moments: dict[str, Moments] | None = moments) -> AbstractEncoder:
            return config.build(space, latent_size, moments)

        promises, encoder = check_module(build, (observations,), seed)
        latent = encoder(observations)
        promises(encoder.latent_size == latent_size, "latent_size is the size that was asked for", encoder.latent_size)
        _check_shape(promises, latent, (NUM, latent_size), "the latent is [batch latent]")


def check_predictor(config: AbstractPredictorConfig, *, latent_size: int = 6, scenery_size: int = 3, action_size: int = 2, seed: int = 0) -> None:
    """The promises of a predictor: shapes with and without scenery, one row at a time, reload, gradient, capture as one graph.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    check_value(config)
    generator = torch.Generator().manual_seed(seed)
    for scenery in (scenery_size, 0):

        def build(scenery: int = scenery) -> AbstractPredictor:
            return config.build(latent_size=latent_size, scenery_size=scenery, action_size=action_size)

        hidden_size = build().hidden_size
        inputs = tuple(torch.randn(NUM, size, generator=generator) for size in (latent_size, hidden_size, scenery, action_size))
        promises, predictor = check_module(build, inputs, seed)
        latent, hidden = predictor(*inputs)
        _check_shape(promises, latent, (NUM, latent_size), "the next latent is [batch latent]")
        _check_shape(promises, hidden, (NUM, hidden_size), "the next hidden state is [batch hidden_size]")


def check_module(build: Callable[[], Any], inputs: tuple[Any, ...], seed: int) -> tuple[Promises, Any]:
    """What holds for every module that maps rows to rows; returns it in evaluation mode."""
    module = build_seeded(build, seed).eval()
    promises = Promises.of(module)
    before, found = snapshot(inputs), module(*inputs)
    promises(same(snapshot(inputs), before), "no input is altered in place")
    promises(finite(found), "what it gives is finite")
    promises(same(module(*inputs), found), "the same input gives the same output in evaluation mode")
    twin = build_seeded(build, seed).eval()
    promises(near(twin(*inputs), found), "the seed of torch decides its first weights; draw them all from torch")
    alone = module(*(map_tree(lambda leaf: leaf[1:2], part) for part in inputs))
    promises(near(alone, rows(found, slice(1, 2))), "a row of a batch gives what the row alone gives")
    check_reload(promises, module, build_seeded(build, seed + 1).eval(), lambda either: either(*inputs))
    check_gradient(promises, module, lambda: module(*inputs))
    check_capture(promises, "forward", module, *inputs)
    return promises, module


def check_reload(promises: Promises, module: nn.Module, other: nn.Module, run: Callable[[Any], Any]) -> None:
    """All that decides what a module gives is in its state_dict: `other`, which differs, gives the same once it has loaded it."""
    other.load_state_dict(module.state_dict())
    promises(near(run(other), run(module)), "state_dict holds all that it needs to give the same again; register what else there is as a buffer")


def check_gradient(promises: Promises, module: nn.Module, run: Callable[[], Any]) -> None:
    """A finite gradient reaches every weight that is to be trained."""
    weights = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
    if not weights:
        return
    outputs = run()
    loss = sum(part.square().sum() for part in (outputs if isinstance(outputs, tuple) else (outputs,)))
    assert isinstance(loss, Tensor)
    slopes = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    for name, slope in zip(weights, slopes, strict=True):
        promises(slope is not None, "a gradient reaches every weight", f"none reaches {name}")
        promises(finite(slope), "its gradient is finite", f"that of {name} is not")


def build_seeded(build: Callable[[], nn.Module], seed: int) -> Any:
    """A module whose weights come from `seed`; torch's own generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _check_shape(promises: Promises, tensor: Tensor, shape: tuple[int, ...], promise: str) -> None:
    promises(tuple(tensor.shape) == shape and tensor.is_floating_point(), promise, f"{list(tensor.shape)} of {tensor.dtype} for {list(shape)}")


def _example_moments(space: ObservationSpace, name: str) -> dict[str, Moments]:
    if isinstance(space, TreeSpace):
        return {key: value for part, inner in space.spaces.items() for key, value in _example_moments(inner, f"{name}/{part}").items()}
    size = space.channels if isinstance(space, PixelSpace) else space.size
    return {name: Moments(mean=(0.5,) * size, std=(2.0,) * size)}
