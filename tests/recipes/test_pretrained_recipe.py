from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tiny_runs
import torch
from safetensors.torch import load_file
from tiny_weights import write_weights
from torch.nn.modules.module import register_module_forward_pre_hook

import telos
from telos.agent.perception.pretrained import PretrainedEncoder, _load
from telos.core.errors import ConfigError, RunError
from telos.data.features import feature_folder
from telos.recipes import pretrained
from telos.recipes.experiment import load_agent, load_world_model, train
from telos.training.augmentations import PixelNoise

SETTINGS = {"num_heads": 3, "resolution": 16, "grid": 2}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "w.safetensors")


@pytest.fixture
def logs(tmp_path):
    return tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", size=16)


def small(logs, **settings):
    return tiny_runs.shrink(pretrained(logs, **{**SETTINGS, **settings}))


def test_trains_on_features_alone_and_acts_on_pictures(logs, weights, tmp_path):
    shown = []

    def note(module, inputs):
        if isinstance(module, PretrainedEncoder):
            shown.append(inputs[0].dtype)

    with register_module_forward_pre_hook(note):
        run = train(logs, tmp_path / "run", recipe=partial(small, weights=weights))
        assert set(shown) == {torch.float16}, "no pixel is seen in training"
        agent, frames = load_agent(run), telos.Episodes.open(logs).episode(0).observations
        agent.set_task(telos.ReachGoal(frames[5]))
        assert np.isfinite(agent.act(frames[0])).all()
    assert torch.uint8 in shown


def test_the_run_holds_the_head_and_not_the_frozen_weights(logs, weights, tmp_path):
    run = train(logs, tmp_path / "run", recipe=partial(small, weights=weights))
    names = {name for name in load_file(run.weights_file) if name.startswith("encoder.")}
    assert names and all(name.startswith("encoder.head.") for name in names)


def test_features_are_computed_once_for_all_runs(logs, weights, tmp_path):
    events = []
    for name in ("one", "two"):
        train(logs, tmp_path / name, recipe=partial(small, weights=weights), seed=len(events), watcher=events.append)
    steps = [event.step for event in events if event.stage == "features"]
    assert steps == [64, 128, 192, 256, 320, 384, 448, 450, 450, 450], "the second run finds them all"
    assert len(list(feature_folder(telos.Episodes.open(logs)).iterdir())) == 1


def test_a_run_is_resumed_by_the_same_weights_only(logs, weights, tmp_path):
    run = train(logs, tmp_path / "run", recipe=partial(small, weights=weights))
    again = train(logs, tmp_path / "run", recipe=partial(small, weights=weights))
    assert again.path == run.path
    other = write_weights(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(RunError, match="another recipe"):
        train(logs, tmp_path / "run", recipe=partial(small, weights=other))


def test_a_run_whose_weights_have_changed_since_says_so(logs, tmp_path):
    own = write_weights(tmp_path / "own.safetensors", seed=2)
    run = train(logs, tmp_path / "run", recipe=partial(small, weights=own))
    load_world_model(run)
    _load.cache_clear()
    write_weights(own, seed=3)
    with pytest.raises(ConfigError, match="are not those that this was made with"):
        load_world_model(run)


def test_a_camera_beside_readings_is_seen_through_features(weights, tmp_path):
    logs = tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.TREE)
    run = train([logs], tmp_path / "run", recipe=partial(small, weights=weights))
    assert run.finished


def test_several_stores_and_fine_tuning_work_as_ever(logs, weights, tmp_path):
    more = tiny_runs.collect_logs(tmp_path / "more", "two-rooms", size=16, seed=1)
    run = train([logs, more], tmp_path / "run", recipe=partial(small, weights=weights))
    assert train(more, tmp_path / "fine-tuned", from_run=run.path).finished


def test_a_world_without_pictures_is_refused(weights, tmp_path):
    logs = tiny_runs.collect_logs(tmp_path / "logs")
    with pytest.raises(ConfigError, match="Pretrained features are made of pictures"):
        train(logs, tmp_path / "run", recipe=partial(small, weights=weights))


def test_augmenting_frames_that_training_never_sees_is_refused(logs, weights, tmp_path):
    def augmented(store):
        recipe = small(store, weights=weights)
        first, *rest = recipe.curriculum.phases
        phases = (replace(first, augmentations=(PixelNoise(),)), *rest)
        return replace(recipe, curriculum=replace(recipe.curriculum, phases=phases))

    with pytest.raises(ConfigError, match="made of them once, as they were logged"):
        train(logs, tmp_path / "run", recipe=augmented)
