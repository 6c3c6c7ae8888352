import numpy as np
import pytest
import tiny_runs
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig
from telos.core.errors import EpisodeTooShortError
from telos.core.logs import map_tree
from telos.data import Episodes
from telos.training.codes import CodeWindows


def model_of(spaces, scenery_size: int = 0):
    torch.manual_seed(0)
    return JEPAConfig(encoder=EncoderConfig(), latent_size=4, scenery_size=scenery_size).build(spaces).eval()


@pytest.fixture(params=["vector", "tree", "choices"])
def store(request, logs, tmp_path) -> Episodes:
    match request.param:
        case "vector":
            return Episodes.open(logs)
        case "tree":
            return Episodes.open(tiny_runs.walk_logs(tmp_path / "tree", tiny_runs.TREE))
        case _:
            return Episodes.open(tiny_runs.walk_logs(tmp_path / "choices", tiny_runs.DISCRETE))


@torch.no_grad()
@pytest.mark.parametrize("per_episode", [1, 4])
@pytest.mark.parametrize("scenery_size", [0, 3])
def test_windows_of_codes_are_the_codes_of_the_same_windows(store, scenery_size, per_episode):
    model = model_of(store.spaces, scenery_size)
    ours = CodeWindows(model, store).windows(np.random.default_rng(5), 32, 3, per_episode=per_episode)
    theirs = store.windows(np.random.default_rng(5), 32, 3, per_episode=per_episode)
    frames = map_tree(lambda leaf: torch.from_numpy(leaf).flatten(0, 1), theirs.observations)
    torch.testing.assert_close(ours.observations, model.encode_frames(frames).unflatten(0, (32, 4)))
    np.testing.assert_array_equal(ours.actions.numpy(), theirs.actions)
    np.testing.assert_array_equal(ours.episodes.numpy(), theirs.episodes)


@torch.no_grad()
def test_states_from_codes_are_the_states_from_frames(store):
    model = model_of(store.spaces, scenery_size=3)
    codes = CodeWindows(model, store).windows(np.random.default_rng(1), 16, 3)
    windows = store.windows(np.random.default_rng(1), 16, 3)
    actions = torch.from_numpy(windows.actions)
    ours = model.assemble(codes.observations, codes.actions)
    theirs = model.encode_window(map_tree(torch.from_numpy, windows.observations), actions)
    torch.testing.assert_close(ours.belief, theirs.belief)


def test_no_window_is_longer_than_an_episode(logs):
    store = Episodes.open(logs)
    with pytest.raises(EpisodeTooShortError, match="15 steps"):
        CodeWindows(model_of(store.spaces), store).windows(np.random.default_rng(0), 4, 15)
