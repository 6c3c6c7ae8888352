"""The vision transformer that learns: what it sees, what it refuses, and that it computes no more than it has to."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.perception import EncoderConfig, ViTConfig
from telos.agent.perception.blocks import Block
from telos.agent.perception.transformer import sines
from telos.core.errors import ConfigError
from telos.core.logs import Moments
from telos.core.spaces import PixelSpace, TreeSpace, VectorSpace
from telos.testing import check_encoder

SMALL = ViTConfig(patch=4, width=16, depth=2, num_heads=2)
VARIANTS = {
    "sines": SMALL,
    "learned": replace(SMALL, positions="learned"),
    "mean": replace(SMALL, pool="mean"),
    "batch": replace(SMALL, head_hidden=12),
    "layer": replace(SMALL, head_hidden=12, head_norm="layer"),
    "none": replace(SMALL, head_hidden=12, head_norm="none", pool="mean", positions="learned"),
    "one block": replace(SMALL, depth=1, hidden=20, epsilon=1e-12),
}


def pictures(num: int = 3, height: int = 16, width: int = 24) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (num, height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_keeps_the_promises_of_an_encoder(name):
    check_encoder(VARIANTS[name], PixelSpace(16, 24))


def test_it_sees_the_pictures_within_a_tree():
    space = TreeSpace({"camera": PixelSpace(16, 16), "proprio": VectorSpace(3)})
    check_encoder(EncoderConfig(pixels=VARIANTS["batch"]), space)


def test_patches_are_what_a_convolution_would_see():
    encoder = SMALL.build(PixelSpace(16, 24), 8)
    patches = encoder._patches(pictures())
    kernel = encoder.embed.weight.unflatten(1, (4, 4, 3)).permute(0, 3, 1, 2)
    expected = torch.nn.functional.conv2d(pictures().float().permute(0, 3, 1, 2), kernel, encoder.embed.bias, stride=4)
    torch.testing.assert_close(encoder.embed(patches), expected.flatten(2).transpose(1, 2), atol=1e-3, rtol=1e-4)


def test_pictures_are_normalised_by_the_moments_of_the_logs():
    moments = {"observation": Moments(mean=(10.0, 100.0, 200.0), std=(1.0, 50.0, 7.0))}
    encoder, plain = SMALL.build(PixelSpace(16, 24), 8, moments), SMALL.build(PixelSpace(16, 24), 8)
    assert encoder.normalization.mean.tolist() == [10, 100, 200]
    constants = {name: value for name, value in plain.state_dict().items() if name.startswith("normalization.")}
    before = encoder(pictures())
    encoder.load_state_dict({**encoder.state_dict(), **constants})
    assert not torch.allclose(encoder(pictures()), before)


def test_where_something_is_shows_in_the_latent_with_either_kind_of_position():
    for config in (SMALL, VARIANTS["learned"]):
        torch.manual_seed(0)
        encoder = config.build(PixelSpace(16, 16), 8)
        frames = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
        frames[0, :4, :4], frames[1, 12:, 4:8] = 255, 255
        latents = encoder(frames)
        assert (latents[0] - latents[1]).abs().max() > 1e-5


def test_positions_are_waves_of_row_and_column():
    """Row by row, then column by column, each with wavelengths from 2 pi up to 10,000 times as long."""
    places = sines(2, 3, 8)
    for row in range(2):
        for column in range(3):
            expected = [wave(place * rate) for place in (row, column) for wave in (np.sin, np.cos) for rate in (1.0, 10_000**-0.5)]
            np.testing.assert_allclose(places[3 * row + column], expected, atol=1e-6)


def test_a_block_that_is_asked_for_few_tokens_gives_them_as_if_asked_for_all():
    torch.manual_seed(0)
    block = Block(width=16, num_heads=2, hidden=32, epsilon=1e-6)
    tokens = torch.randn(3, 7, 16)
    torch.testing.assert_close(block(tokens, wanted=2), block(tokens)[:, :2])


def test_statistics_of_training_serve_at_run_time():
    torch.manual_seed(0)
    encoder = VARIANTS["batch"].build(PixelSpace(16, 24), 8)
    for _ in range(200):
        with torch.no_grad():
            together = encoder.train()(pictures(8))
    torch.testing.assert_close(encoder.eval()(pictures(8)), together, atol=0.1, rtol=0.1)
    alone = torch.cat([encoder(pictures(8)[row : row + 1]) for row in range(8)])
    torch.testing.assert_close(alone, encoder(pictures(8)), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("space", "says"), [(VectorSpace(3), "reads pictures"), (PixelSpace(18, 16), "18 x 16 is no whole number of patches of 4 pixels")]
)
def test_what_cannot_be_seen_in_patches_is_refused(space, says):
    with pytest.raises(ConfigError, match=says):
        SMALL.build(space, 4)


def test_a_patch_that_would_fit_is_named():
    with pytest.raises(ConfigError, match="such as 6"):
        replace(SMALL, patch=7).build(PixelSpace(18, 36), 4)


@pytest.mark.parametrize(
    "change", [{"depth": 0}, {"hidden": -1}, {"positions": "none"}, {"pool": "first"}, {"head_norm": "group"}, {"num_heads": 3}, {"width": 18}]
)
def test_sizes_that_make_no_transformer_are_refused(change):
    with pytest.raises(ConfigError):
        replace(SMALL, **change)
