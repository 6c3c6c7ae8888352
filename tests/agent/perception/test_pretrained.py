from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from tiny_weights import write_weights

from telos.agent.perception import ConvolutionalConfig, EncoderConfig
from telos.agent.perception.pretrained import BackboneFeatures, PretrainedConfig, ViTFeatures
from telos.core import config
from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, TreeSpace, VectorSpace
from telos.testing import check_encoder

SPACE = PixelSpace(20, 24)


@pytest.fixture
def weights(tmp_path):
    return write_weights(tmp_path / "w.safetensors")


@pytest.fixture
def features(weights):
    return ViTFeatures.of(weights, num_heads=3, resolution=16, grid=2)


def some_pictures(num: int = 4, height: int = 20, width: int = 24, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (num, height, width, channels), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("space", [SPACE, PixelSpace(16, 16, 1), PixelSpace(60, 40)], ids=str)
def test_encoder_keeps_its_promises(features, space):
    check_encoder(PretrainedConfig(features_of=features), space)


def test_it_stands_where_the_camera_of_a_tree_is(features):
    space = TreeSpace({"camera": SPACE, "proprio": VectorSpace(3)})
    recipe = EncoderConfig(pixels=PretrainedConfig(features_of=features))
    assert recipe.features(space) == {"observation/camera": features}
    check_encoder(recipe, space)


def test_features_are_the_class_token_and_means_over_a_grid(features):
    assert features.size == 12 * (1 + 2 * 2)
    model = features.load()
    tokens = model(features.prepare(some_pictures()))
    square = tokens[:, 1:].unflatten(1, (4, 4))
    means = [square[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean(dim=(1, 2)) for row in range(2) for column in range(2)]
    torch.testing.assert_close(features.compute(model, some_pictures()), torch.cat([tokens[:, 0], *means], dim=1))


def test_without_a_grid_features_are_the_class_token_alone(features):
    alone = replace(features, grid=0)
    assert alone.size == 12
    torch.testing.assert_close(alone.compute(alone.load(), some_pictures()), features.compute(features.load(), some_pictures())[:, :12])


def test_pictures_are_normalised_as_imagenet_is_and_brought_to_size(features):
    grey = torch.full((1, 20, 24, 3), 51, dtype=torch.uint8)
    seen = features.prepare(grey)
    assert seen.shape == (1, 3, 16, 16)
    expected = (0.2 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen, expected[None, :, None, None].expand_as(seen))
    torch.testing.assert_close(features.prepare(grey[..., :1]), seen)


def test_an_agent_sees_the_numbers_that_were_kept_of_the_logs(features):
    torch.manual_seed(0)
    encoder = PretrainedConfig(features_of=features).build(SPACE, 6)
    kept = features(features.load(), some_pictures())
    assert kept.dtype == torch.float16
    assert torch.equal(encoder(kept), encoder(some_pictures()))


def test_frozen_weights_are_neither_saved_nor_trained(features):
    encoder = PretrainedConfig(features_of=features).build(SPACE, 6)
    names = [*encoder.state_dict(), *(name for name, _ in encoder.named_parameters())]
    assert names and all(name.startswith("head.") for name in names)
    encoder(some_pictures()).sum().backward()
    assert all(weight.grad is None for weight in features.load().parameters())


def test_the_same_weights_are_held_once_by_all_that_use_them(features):
    first, second = (PretrainedConfig(features_of=features).build(SPACE, 6) for _ in range(2))
    assert first._frozen[0] is second._frozen[0]


def test_weights_that_have_changed_or_gone_are_refused(features, weights):
    found = config.from_json(config.to_json(PretrainedConfig(features_of=features)))
    assert found == PretrainedConfig(features_of=features)
    write_weights(weights, seed=1)
    with pytest.raises(ConfigError, match="are not those that this was made with"):
        replace(features, grid=1).load()
    weights.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        replace(features, grid=1).load()


def test_the_key_follows_whatever_changes_the_numbers_and_not_the_place(features, weights, tmp_path):
    moved = ViTFeatures.of(write_weights(tmp_path / "moved.safetensors"), num_heads=3, resolution=16, grid=2)
    assert moved.key == features.key and moved != features
    other = ViTFeatures.of(write_weights(tmp_path / "other.safetensors", seed=1), num_heads=3, resolution=16, grid=2)
    keys = {part.key for part in (features, other, replace(features, grid=1), replace(features, resolution=32), replace(features, num_heads=2))}
    assert len(keys) == 5


@pytest.mark.parametrize("wrong", [{"resolution": 18}, {"grid": 5}, {"grid": -1}], ids=str)
def test_patches_that_do_not_fill_the_picture_are_refused(weights, wrong):
    with pytest.raises(ConfigError, match="multiple of 4"):
        ViTFeatures.of(weights, **{"num_heads": 3, "resolution": 16, "grid": 2, **wrong})


@pytest.mark.parametrize("space", [VectorSpace(3), PixelSpace(16, 16, 4)], ids=str)
def test_what_is_no_picture_in_colour_or_grey_is_refused(features, space):
    with pytest.raises(ConfigError, match="pictures in colour or grey"):
        PretrainedConfig(features_of=features).build(space, 6)


def test_any_architecture_may_bring_its_weights(tmp_path):
    backbone = ConvolutionalConfig(channels=(4, 8))
    torch.manual_seed(0)
    trained = backbone.build(PixelSpace(16, 16), 10)
    file = tmp_path / "own.safetensors"
    save_file(trained.state_dict(), file)
    features = BackboneFeatures.of(file, backbone=backbone, num_features=10, resolution=16)
    torch.testing.assert_close(features.compute(features.load(), some_pictures(height=16, width=16)), trained(some_pictures(height=16, width=16)))
    check_encoder(PretrainedConfig(features_of=features), SPACE)
    check_encoder(PretrainedConfig(features_of=features), PixelSpace(16, 16, 1))
    with pytest.raises(ConfigError, match=r"project\.weight has shape \[10, 128\], and \[9, 128\] is expected"):
        BackboneFeatures.of(file, backbone=backbone, num_features=9, resolution=16)
