"""Perception: what encoders read, and what they refuse."""

import numpy as np
import pytest
import torch

from telos.agent.perception import ConvolutionalConfig, EncoderConfig, TreeEncoder, VectorConfig
from telos.core.errors import ConfigError
from telos.core.layers import Normalization
from telos.core.logs import Moments
from telos.core.spaces import PixelSpace, TreeSpace, VectorSpace

TREE = TreeSpace({"camera": PixelSpace(16, 16), "proprio": VectorSpace(3)})


def test_what_is_read_has_mean_zero_and_deviation_one():
    rng = np.random.default_rng(0)
    values = rng.normal((5, -300), (0.01, 40), (1000, 2)).astype(np.float32)
    moments = Moments(mean=tuple(values.mean(0).tolist()), std=tuple(values.std(0).tolist()))
    seen = Normalization(size=2, moments=moments)(torch.from_numpy(values))
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(seen.std(dim=0), torch.ones(2), atol=1e-2, rtol=0)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e6])
def test_a_number_that_never_changes_is_not_blown_up(value):
    layer = Normalization(size=1, moments=Moments(mean=(value,), std=(value * 1e-9,)))
    assert layer(torch.tensor([[value]])).abs().item() < 1e-3
    assert layer(torch.tensor([[value + 1]])).item() == pytest.approx(1, abs=0.1)


def test_pictures_are_read_raw_and_normalised_by_channel():
    space = PixelSpace(16, 16)
    moments = {"observation": Moments(mean=(10.0, 100.0, 200.0), std=(1.0, 50.0, 7.0))}
    encoder = ConvolutionalConfig().build(space, 4, moments)
    plain = ConvolutionalConfig().build(space, 4)
    plain.load_state_dict({**encoder.state_dict(), "normalization.mean": torch.zeros(3), "normalization.inverse_std": torch.ones(3)})
    frame = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    by_hand = (frame.float() - torch.tensor([10.0, 100.0, 200.0])) / torch.tensor([1.0, 50.0, 7.0])
    torch.testing.assert_close(encoder(frame), plain.project(plain.features(by_hand.permute(0, 3, 1, 2)).flatten(1)))


def test_position_survives():
    encoder = ConvolutionalConfig().build(PixelSpace(16, 16), 8)
    frames = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    frames[0, 4:8, 4:8], frames[1, 8:12, 4:8] = 255, 255
    latents = encoder(frames)
    assert (latents[0] - latents[1]).abs().max() > 1e-2


@pytest.mark.parametrize(("space", "says"), [(PixelSpace(4, 16), "4 x 16 is too small"), (VectorSpace(3), "reads pictures")])
def test_what_is_no_picture_or_too_small_a_one_is_refused(space, says):
    with pytest.raises(ConfigError, match=says):
        ConvolutionalConfig().build(space, 4)


def test_a_picture_for_a_vector_encoder_is_refused():
    with pytest.raises(ConfigError, match="reads vectors"):
        VectorConfig().build(PixelSpace(16, 16), 4)


def test_the_smallest_picture_that_can_be_halved_often_enough_is_read():
    assert ConvolutionalConfig(channels=(4, 4)).build(PixelSpace(4, 4), 2)(torch.zeros(1, 4, 4, 3, dtype=torch.uint8)).shape == (1, 2)


def test_every_part_of_a_tree_counts():
    encoder = EncoderConfig().build(TREE, 8)
    assert isinstance(encoder, TreeEncoder)
    seen = {"camera": torch.randint(0, 256, (1, 16, 16, 3), dtype=torch.uint8), "proprio": torch.randn(1, 3)}
    before = encoder(seen)
    for part in TREE.spaces:
        assert not torch.allclose(encoder({**seen, part: torch.zeros_like(seen[part])}), before)


def test_parts_of_a_tree_are_normalised_by_their_own_column():
    moments = {"observation/proprio": Moments(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0)), "observation/camera": Moments((7.0,) * 3, (8.0,) * 3)}
    encoder = EncoderConfig().build(TREE, 8, moments)
    assert encoder.parts["proprio"].normalization.mean.tolist() == [1, 2, 3]
    assert encoder.parts["camera"].normalization.mean.tolist() == [7, 7, 7]


def test_an_encoder_of_ones_own_can_be_given_for_one_kind_of_part():
    encoder = EncoderConfig(vector=VectorConfig(width=7), pixels=ConvolutionalConfig(channels=(3,))).build(TREE, 8)
    assert encoder.parts["proprio"].bent[0].out_features == 7
    assert encoder.parts["camera"].features[0].out_channels == 3


@pytest.mark.parametrize("shape", [(5, 7, 3), (2, 4, 6, 3), (2, 5, 3, 3), (1, 3)], ids=str)
def test_pictures_are_normalised_to_the_same_bits_row_by_row_as_number_by_number(shape):
    layer = Normalization(size=3, moments=Moments(mean=(100.0, 120.0, 7.5), std=(50.0, 60.0, 0.3)))
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    for seen in (values, values.transpose(0, -2) if len(shape) > 2 else values):
        before = seen.clone()
        assert torch.equal(layer(seen), (seen.float() - layer.mean) * layer.inverse_std)
        assert torch.equal(seen, before)
