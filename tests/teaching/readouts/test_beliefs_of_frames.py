"""Readouts learn from what an agent would believe, not from single frames."""

import numpy as np
import pytest
import tiny_runs
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig, TransformerPredictorConfig
from telos.core.logs import map_tree
from telos.data import Episodes
from telos.teaching.readouts.beliefs import Places, actions_after, imagine, states_at

PREDICTORS = {
    "memoryless": MLPPredictorConfig(width=16),
    "recurrent": RecurrentPredictorConfig(),
    "transformer": TransformerPredictorConfig(depth=1, num_heads=2, head_size=4, hidden=8, output_hidden=8),
}
PLACES = Places(np.array([0, 0, 0, 2, 5, 5]), np.array([0, 3, 9, 4, 1, 2]))


@pytest.fixture(scope="module", params=["vector", "tree"])
def logs(request, tmp_path_factory) -> Episodes:
    folder = tmp_path_factory.mktemp("logs") / "logs"
    path = tiny_runs.collect_logs(folder, episodes=6) if request.param == "vector" else tiny_runs.walk_logs(folder, tiny_runs.TREE, episodes=6)
    return Episodes.open(path)


def lived_through(world_model, logs, episode: int, frame: int):
    """The state of an agent that sees the episode frame by frame."""
    trajectory, state = logs.episode(episode), None
    for time in range(frame + 1):
        action = None if state is None else torch.from_numpy(trajectory.actions[time - 1 : time].copy())
        state = world_model.observe(state, action, map_tree(lambda leaf, time=time: torch.tensor(leaf[time : time + 1]), trajectory.observations))
    return state


@pytest.mark.parametrize("scenery", [0, 3])
@pytest.mark.parametrize("kind", PREDICTORS)
def test_a_frame_is_believed_as_by_an_agent_that_came_there(logs, kind, scenery):
    config = JEPAConfig(encoder=EncoderConfig(), latent_size=6, predictor=PREDICTORS[kind], scenery_size=scenery)
    world_model = config.build(logs.spaces).eval().requires_grad_(False)
    states = states_at(world_model, logs, PLACES)
    actions = actions_after(logs, Places(PLACES.episodes[:1], PLACES.frames[:1]), 4)
    for row, (episode, frame) in enumerate(zip(PLACES.episodes, PLACES.frames)):
        expected = lived_through(world_model, logs, int(episode), int(frame))
        assert torch.allclose(states.belief[row], expected.belief[0], atol=1e-5)
        # And so is all that it imagines from there.
        ours, theirs = imagine(world_model, states.select(torch.tensor([row])), actions), world_model.rollout(expected, torch.from_numpy(actions))
        assert torch.allclose(ours, theirs.belief, atol=1e-5)


def test_actions_are_those_that_followed_each_frame(logs):
    places = Places(np.array([1, 4]), np.array([2, 5]))
    expected = np.stack([logs.episode(1).actions[2:5], logs.episode(4).actions[5:8]])
    assert np.array_equal(actions_after(logs, places, 3), expected)
