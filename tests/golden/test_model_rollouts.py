"""What the networks compute, against plain NumPy on their exported weights."""

import numpy as np
import pytest
import torch

from telos.agent.perception import ConvolutionalConfig, EncoderConfig, VectorConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.logs import Moments
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, VectorSpace

BATCH, STEPS, LATENT, SCENERY = 3, 4, 5, 2
ACTIONS = {"continuous": VectorSpace(2, (-1, 0), (3, 0.5)), "discrete": DiscreteSpace(3)}
MOMENTS = {"observation": Moments((1.0, -2.0, 0.5, 3.0), (2.0, 0.5, 1.0, 4.0))}


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def affine(weights, name, value):
    return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def perceptron(weights, name, value, depth):
    for layer in range(depth):
        value = affine(weights, f"{name}.{2 * layer}", value)
        value = value * sigmoid(value)
    return affine(weights, f"{name}.{2 * depth}", value)


def encode(weights, name, observation):
    value = (observation - np.array(MOMENTS["observation"].mean)) / np.array(MOMENTS["observation"].std)
    return affine(weights, f"{name}.straight", value) + perceptron(weights, f"{name}.bent", value, 2)


def features(space, action):
    if isinstance(space, DiscreteSpace):
        return np.eye(space.num)[action[:, 0]]
    low, high = space.bounds
    return (action - (low + high) / 2) / ((high - low) / 2)


def step_memoryless(weights, latent, hidden, scenery, action):
    return latent + perceptron(weights, "predictor.change", np.concatenate([latent, scenery, action], axis=1), 2), hidden


def step_recurrent(weights, latent, hidden, scenery, action):
    """A gated recurrent unit, with its gates in the order that PyTorch stores: reset, update, new."""
    seen = np.concatenate([latent, scenery, action], axis=1) @ weights["predictor.cell.weight_ih"].T + weights["predictor.cell.bias_ih"]
    kept = hidden @ weights["predictor.cell.weight_hh"].T + weights["predictor.cell.bias_hh"]
    (r_seen, z_seen, n_seen), (r_kept, z_kept, n_kept) = np.split(seen, 3, axis=1), np.split(kept, 3, axis=1)
    update = sigmoid(z_seen + z_kept)
    new = np.tanh(n_seen + sigmoid(r_seen + r_kept) * n_kept)
    hidden = (1 - update) * new + update * hidden
    return latent + perceptron(weights, "predictor.change", np.concatenate([hidden, latent], axis=1), 1), hidden


@pytest.mark.parametrize("space", ACTIONS.values(), ids=ACTIONS.keys())
@pytest.mark.parametrize(
    ("predictor", "step", "hidden_size"),
    [(MLPPredictorConfig(width=7), step_memoryless, 0), (RecurrentPredictorConfig(width=6), step_recurrent, 6)],
    ids=["memoryless", "recurrent"],
)
@torch.no_grad()
def test_a_rollout_is_what_plain_numpy_makes_of_the_weights(predictor, step, hidden_size, space):
    torch.manual_seed(0)
    config = JEPAConfig(encoder=EncoderConfig(vector=VectorConfig(width=9)), predictor=predictor, latent_size=LATENT, scenery_size=SCENERY)
    model = config.build(Spaces(VectorSpace(4), space), MOMENTS).double()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    rng = np.random.default_rng(1)
    first = rng.normal(size=(BATCH, 4))
    actions = rng.integers(3, size=(BATCH, STEPS, 1)) if isinstance(space, DiscreteSpace) else rng.uniform(*space.bounds, (BATCH, STEPS, 2))
    latent, scenery, hidden = encode(weights, "encoder", first), encode(weights, "scenery_encoder", first), np.zeros((BATCH, hidden_size))
    expected = []
    for time in range(STEPS):
        latent, hidden = step(weights, latent, hidden, scenery, features(space, actions[:, time]))
        expected.append(np.concatenate([latent, hidden, scenery], axis=1))
    rollout = model.rollout(model.observe(None, None, torch.from_numpy(first)), torch.from_numpy(actions))
    np.testing.assert_allclose(rollout.belief, np.stack(expected, axis=1), atol=1e-6)
    np.testing.assert_allclose(rollout.latent, np.stack(expected, axis=1)[..., :LATENT], atol=1e-6)


@torch.no_grad()
def test_a_picture_is_read_as_plain_numpy_reads_it():
    torch.manual_seed(0)
    moments = Moments((100.0, 50.0, 20.0), (30.0, 60.0, 9.0))
    encoder = ConvolutionalConfig(channels=(4, 5)).build(PixelSpace(9, 8), 3, {"observation": moments}).double()
    weights = {name: value.numpy() for name, value in encoder.state_dict().items()}
    frames = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3), dtype=np.uint8)
    value = ((frames - np.array(moments.mean)) / np.array(moments.std)).transpose(0, 3, 1, 2)
    for layer in (0, 2):
        kernel, bias = weights[f"features.{layer}.weight"], weights[f"features.{layer}.bias"]
        padded = np.pad(value, ((0, 0), (0, 0), (1, 1), (1, 1)))
        height, width = (value.shape[2] + 1) // 2, (value.shape[3] + 1) // 2
        value = np.empty((2, len(kernel), height, width))
        for row in range(height):
            for column in range(width):
                patch = padded[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
                value[:, :, row, column] = np.maximum(np.einsum("bchw,ochw->bo", patch, kernel) + bias, 0)
    expected = affine(weights, "project", value.reshape(2, -1))
    np.testing.assert_allclose(encoder(torch.from_numpy(frames)), expected, atol=1e-5)
