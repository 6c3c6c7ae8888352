"""Weights that others have trained: what is read from them, what has to be told, and what is refused."""

from dataclasses import replace

import pytest
import tiny_lewm
import torch
from tiny_lewm import UNTOLD, weights

from telos.core.errors import ConfigError
from telos.core.logs import Moments
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.recipes.lewm import Untold, load_lewm
from telos.testing import check_world_model

PLAIN = replace(UNTOLD, actions="plain")
PICTURE = PixelSpace(16, 16)


@pytest.mark.parametrize("library", tiny_lewm.SHAPES)
def test_a_converted_model_keeps_the_promises_of_a_world_model(library):
    check_world_model(load_lewm(weights(library), untold=PLAIN))


def test_sizes_are_read_from_the_weights():
    model = load_lewm(weights("stable_worldmodel"), untold=Untold(num_heads=2, head_size=6, actions="plain"))
    assert model.spaces.observation == PICTURE
    assert model.spaces.action == VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))
    assert (model.latent_size, model.predictor.history, len(model.predictor.blocks), len(model.encoder.blocks)) == (12, 3, 2, 2)


def test_old_names_of_a_hugging_face_encoder_are_known_too():
    tensors = weights("stable_worldmodel")
    assert set(tiny_lewm.old_names(tensors)) != set(tensors)
    new, old = (load_lewm(named, untold=PLAIN).state_dict() for named in (tensors, tiny_lewm.old_names(tensors)))
    assert all(torch.equal(value, old[name]) for name, value in new.items())


def test_a_prefix_of_a_training_script_makes_no_difference():
    tensors = weights("torch_world")
    plain, wrapped = (load_lewm(named, untold=PLAIN).state_dict() for named in (tensors, {f"model.{name}": part for name, part in tensors.items()}))
    assert all(torch.equal(value, wrapped[name]) for name, value in plain.items())


@pytest.mark.parametrize("bounds", [((-0.5, 1.0), (0.1, 3.0)), (None, None)], ids=["bounded", "unbounded"])
def test_actions_reach_the_model_as_it_was_trained_on_them_whatever_our_bounds(bounds):
    """Theirs were z-scored: an action of ours is that number of deviations from the mean."""
    moments = Moments(mean=(0.2, -3.0), std=(0.5, 2.0))
    ours = load_lewm(weights("torch_world"), Spaces(PICTURE, VectorSpace(2, *bounds)), actions=moments, untold=replace(UNTOLD, actions="z-scored"))
    theirs = load_lewm(weights("torch_world"), Spaces(PICTURE, VectorSpace(2)), untold=PLAIN)
    action = torch.tensor([[0.05, 2.0], [-0.4, 1.5]])
    scored = (action - torch.tensor(moments.mean)) / torch.tensor(moments.std)
    frame = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    found, expected = (model.step(model.observe(None, None, frame), given).latent for model, given in ((ours, action), (theirs, scored)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_actions_that_were_normalised_by_unknown_numbers_are_refused():
    with pytest.raises(ConfigError, match="z-scored, and neither mean nor deviation"):
        load_lewm(weights("stable_worldmodel"), untold=UNTOLD)


def test_pictures_are_prepared_as_they_were_for_training():
    frame = torch.randint(0, 256, (1, 16, 16, 3), dtype=torch.uint8)
    as_imagenet = load_lewm(weights("torch_world"), untold=replace(PLAIN, pixels="imagenet")).encoder.normalization
    as_unit = load_lewm(weights("torch_world"), untold=PLAIN).encoder.normalization
    torch.testing.assert_close(as_unit(frame), frame / 255)
    by_hand = (frame / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(as_imagenet(frame), by_hand, atol=1e-5, rtol=0)


def test_what_changes_nothing_may_be_missing():
    """pyjepa leaves out heads and biases: a map that is the identity, and zeros."""
    tensors = {name: part for name, part in weights("pyjepa").items() if not name.startswith(("projector", "pred_proj"))}
    model = load_lewm({name: part for name, part in tensors.items() if not name.endswith("attn.qkv.bias")}, untold=PLAIN)
    frame = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    torch.testing.assert_close(model.encoder(frame), model.encoder.features(frame))
    assert all(not block.attn.qkv.bias.any() for block in model.encoder.blocks)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"action_encoder.1.2.weight": None}, r"it lacks predictor\.embed_action\.3\.weight"),
        ({"predictor.norm.bias": None}, r"it lacks predictor\.norm\.bias"),
        ({"decoder.weight": torch.zeros(3)}, r"it also holds decoder\.weight"),
        ({"projector.3.bias": torch.zeros(5)}, r"encoder\.head\.3\.bias has shape \[5\], and \[12\]"),
    ],
)
def test_what_is_missing_left_over_or_of_another_shape_is_named(change, says):
    tensors = {name: part for name, part in {**weights("torch_world"), **change}.items() if part is not None}
    with pytest.raises(ConfigError, match=says):
        load_lewm(tensors, untold=PLAIN)


@pytest.mark.parametrize(
    ("spaces", "says"),
    [
        (Spaces(PixelSpace(32, 32), VectorSpace(2)), "it sees .*16 x 16.* and is to be shown .*32 x 32"),
        (Spaces(PICTURE, VectorSpace(1)), "its actions are 2 numbers"),
    ],
)
def test_spaces_that_it_was_not_trained_on_are_refused(spaces, says):
    with pytest.raises(ConfigError, match=says):
        load_lewm(weights("torch_world"), spaces, untold=PLAIN)


@pytest.mark.parametrize(
    ("untold", "says"),
    [
        (Untold(image_size=16, num_heads=5, actions="plain"), "say num_heads="),
        (Untold(image_size=16, num_heads=2, head_size=7, actions="plain"), "say head_size="),
        (Untold(image_size=18, num_heads=2, head_size=6, actions="plain"), "no whole number of patches"),
    ],
)
def test_what_was_told_wrongly_is_refused(untold, says):
    with pytest.raises(ConfigError, match=says):
        load_lewm(weights("torch_world"), untold=untold)


@pytest.mark.parametrize("settings", [{"pixels": "raw"}, {"actions": "raw"}, {"head_size": 0}])
def test_what_cannot_be_told_is_refused(settings):
    with pytest.raises(ConfigError):
        Untold(**settings)


def test_python_objects_of_others_are_not_unpickled(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    (tmp_path / "text.pt").write_text("weights")
    for file, says in (("whole.pt", "not unpickled"), ("empty.pt", "no tensors by name"), ("text.pt", "no safetensors file"), ("gone.pt", "gone.pt")):
        with pytest.raises(ConfigError, match=says):
            load_lewm(tmp_path / file, untold=PLAIN)
