from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_weights import NAMINGS, SIZES, write_weights

from telos.agent.perception.weights import load_vit
from telos.core.errors import ConfigError

VARIANTS = {
    "plain": SIZES,
    "registers": replace(SIZES, num_registers=3),
    "gated": replace(SIZES, gated=True, hidden=8),
    "without scales": replace(SIZES, scaled=False),
    "no place for the class": replace(SIZES, class_position=False),
}


def some_pictures(height: int = 16, width: int = 16) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def altered(file, change):
    """The same file after `change` to its tensors."""
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    return file


@pytest.mark.parametrize("sizes", VARIANTS.values(), ids=VARIANTS.keys())
def test_sizes_are_read_from_the_weights(sizes, tmp_path):
    assert load_vit(write_weights(tmp_path / "w.safetensors", sizes), num_heads=3).sizes == sizes


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("kind", VARIANTS)
def test_everybodys_names_mean_the_same_numbers(naming, kind, tmp_path):
    ours = load_vit(write_weights(tmp_path / "ours.safetensors", VARIANTS[kind]), num_heads=3)
    theirs = load_vit(write_weights(tmp_path / "theirs.safetensors", VARIANTS[kind], naming=naming), num_heads=3)
    assert torch.equal(ours(some_pictures()), theirs(some_pictures()))


def test_a_head_looks_at_64_numbers_unless_it_is_said_otherwise(tmp_path):
    sizes = replace(SIZES, width=128, num_heads=2)
    assert load_vit(write_weights(tmp_path / "w.safetensors", sizes)).sizes.num_heads == 2
    with pytest.raises(ConfigError, match="12 numbers, which 5 heads cannot share"):
        load_vit(write_weights(tmp_path / "x.safetensors"), num_heads=5)


def test_pictures_of_another_size_are_seen_with_resized_positions(tmp_path):
    model = load_vit(write_weights(tmp_path / "w.safetensors"), num_heads=3)
    assert model(some_pictures(24, 20)).shape == (2, 1 + 6 * 5, 12)


def test_registers_take_part_and_do_not_show(tmp_path):
    model = load_vit(write_weights(tmp_path / "w.safetensors", replace(SIZES, num_registers=3)), num_heads=3)
    before = model(some_pictures())
    assert before.shape == (2, 17, 12)
    model.register_tokens.add_(1.0)
    assert not torch.allclose(before, model(some_pictures()))


def test_nothing_of_it_is_trained(tmp_path):
    model = load_vit(write_weights(tmp_path / "w.safetensors"), num_heads=3)
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("naming", ["original", "hugging-face"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors, name: tensors.pop(name), r"it lacks blocks\.1\.mlp\.fc2\.weight"),
        (lambda tensors, name: tensors.update({"decoder.bias": torch.zeros(3)}), r"it also holds decoder\.bias"),
        (lambda tensors, name: tensors.update({name: torch.zeros(7, 24)}), r"blocks\.1\.mlp\.fc2\.weight has shape \[7, 24\], and \[12, 24\]"),
    ],
    ids=["missing", "left over", "another shape"],
)
def test_what_does_not_fit_is_named(naming, change, words, tmp_path):
    name = {"original": "blocks.1.mlp.fc2.weight", "hugging-face": "encoder.layer.1.mlp.fc2.weight"}[naming]
    file = altered(write_weights(tmp_path / "w.safetensors", naming=naming), lambda tensors: change(tensors, name))
    with pytest.raises(ConfigError, match=words):
        load_vit(file, num_heads=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.clear() or tensors.update({"fc.weight": torch.zeros(2)}), r"it has no cls_token, and holds fc\.weight"),
        (lambda tensors: tensors.update({"pos_embed": torch.zeros(1, 13, 12)}), "13 places, which is no square"),
        (lambda tensors: tensors.update({"cls_token": torch.zeros(12)}), r"cls_token has shape \[12\]"),
        (lambda tensors: [tensors.pop(name) for name in list(tensors) if ".fc" in name], "no block with a perceptron"),
    ],
    ids=["another network", "no square", "no token", "no perceptron"],
)
def test_what_is_no_vision_transformer_is_refused(change, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        load_vit(altered(write_weights(tmp_path / "w.safetensors"), change), num_heads=3)


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x02pickle")
    with pytest.raises(ConfigError, match="are no safetensors file"):
        load_vit(tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match="are no safetensors file"):
        load_vit(tmp_path / "absent.safetensors")
