from dataclasses import replace

import pytest
import tiny_runs
import torch
from test_trainer import assert_same_run, with_interruptions

from telos.core.errors import ConfigError
from telos.data import Episodes
from telos.recipes import robust
from telos.recipes.experiment import train
from telos.training import Curriculum, Phase
from telos.training.augmentations import ColourJitter, Defocus, PixelNoise, UnevenLight, augment
from telos.training.learner import Learner
from telos.training.objectives import Prediction

EVERY = [ColourJitter(), Defocus(), PixelNoise(), UnevenLight()]
ids = [type(value).__name__ for value in EVERY]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_frames(num: int = 6, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (num, 12, 16, channels), generator=generator(), dtype=torch.uint8)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    return tiny_runs.collect_logs(tmp_path_factory.mktemp("rooms") / "logs", "two-rooms", size=16)


@pytest.mark.parametrize("augmentation", EVERY, ids=ids)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_go_in_and_pictures_of_another_look_come_out(augmentation, channels):
    frames = some_frames(channels=channels)
    kept = frames.clone()
    seen = augment(frames, [augmentation], generator())
    assert seen.shape == frames.shape and seen.dtype == torch.uint8
    assert torch.equal(frames, kept), "what was logged is left alone"
    changed = (seen != frames).flatten(1).any(dim=1)
    assert changed.float().mean() > 0.8


@pytest.mark.parametrize("augmentation", EVERY, ids=ids)
def test_the_generator_decides_everything(augmentation):
    frames, luck = some_frames(), torch.get_rng_state()
    first, again, other = (augment(frames, [augmentation], generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), luck), "torch's own generator is left alone"


@pytest.mark.parametrize("augmentation", EVERY, ids=ids)
def test_every_picture_has_a_draw_of_its_own(augmentation):
    frames = some_frames(1).repeat(4, 1, 1, 1)
    seen = augment(frames, [augmentation], generator())
    assert len(torch.unique(seen.flatten(1), dim=0)) == 4


@pytest.mark.parametrize(
    "still",
    [ColourJitter(hue=0, saturation=0, brightness=0, contrast=0), Defocus(most=0), PixelNoise(deviation=0), UnevenLight(depth=0)],
    ids=ids,
)
def test_an_augmentation_of_no_strength_changes_nothing(still):
    assert torch.equal(augment(some_frames(), [still], generator()), some_frames())


def test_no_colour_comes_out_of_greys():
    grey = some_frames(channels=1).expand(-1, -1, -1, 3)
    seen = augment(grey, [ColourJitter()], generator())
    assert (seen.amax(dim=-1).int() - seen.amin(dim=-1).int()).max() <= 1


def test_of_a_tree_the_pictures_are_augmented_and_the_readings_are_not():
    tree = {"camera": some_frames(), "proprio": torch.randn(6, 3, generator=generator())}
    seen = augment(tree, EVERY, generator())
    assert torch.equal(seen["proprio"], tree["proprio"]) and not torch.equal(seen["camera"], tree["camera"])


@pytest.mark.parametrize(
    "wrong", [lambda: ColourJitter(hue=200), lambda: ColourJitter(contrast=-0.1), lambda: PixelNoise(deviation=2), lambda: UnevenLight(depth=-1)]
)
def test_strengths_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


def test_a_phase_that_learns_from_codes_has_no_frames_to_augment():
    with pytest.raises(ConfigError, match="trains dynamics alone"):
        Phase(name="one", trains="dynamics", augmentations=(PixelNoise(),))


def test_vectors_cannot_be_augmented(episodes):
    with pytest.raises(ConfigError, match="augments pictures, and is given"):
        Curriculum(phases=(Phase(name="one", augmentations=(PixelNoise(),)),)).check(episodes[0], num_processes=1)


def test_the_future_is_imagined_from_the_other_look_and_compared_with_frames_as_they_were_logged(rooms):
    store = Episodes.open(rooms)
    torch.manual_seed(0)
    model = robust(store).world_model.build(store.spaces)
    learner = Learner(model, (Prediction(),), from_codes=False)
    frames = torch.tensor(store.episode(0).observations[:5])[None]
    actions, episode = torch.tensor(store.episode(0).actions[:4])[None], torch.tensor([0])
    starts = augment(frames[:, 0], EVERY, generator())
    with torch.no_grad():
        _, terms = learner(frames, actions, episode, None, starts)
        imagined = model.rollout(model.observe(None, None, starts), actions).latent
        target = model.encode_window(frames, actions).latent[:, 1:]
        _, plain = learner(frames, actions, episode)
    assert terms["prediction"].item() == pytest.approx((imagined - target).square().mean().item(), rel=1e-4)
    assert terms["prediction"] != plain["prediction"]


def test_a_run_with_other_looks_that_was_interrupted_ends_as_the_uninterrupted_one(rooms, tmp_path):
    recipe = tiny_runs.shrink(robust(Episodes.open(rooms)))
    whole = train(rooms, tmp_path / "whole", recipe=recipe)
    assert_same_run(with_interruptions(rooms, tmp_path / "run", (3, 9, 15), recipe=recipe), whole)


def test_other_looks_change_what_is_learned(rooms, tmp_path):
    recipe = tiny_runs.shrink(robust(Episodes.open(rooms)))
    first, *rest = recipe.curriculum.phases
    plain = replace(recipe, curriculum=replace(recipe.curriculum, phases=(replace(first, augmentations=()), *rest)))
    ours, theirs = (train(rooms, tmp_path / name, recipe=part).metrics() for name, part in (("ours", recipe), ("theirs", plain)))
    assert ours[0]["loss"] != theirs[0]["loss"]
