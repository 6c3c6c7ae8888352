import numpy as np
from tiny_runs import DISCRETE, walk_logs

from telos.data import Episodes, EpisodeWriter
from telos.evaluation.report.latent_map import latent_map


def test_points_are_coloured_by_the_true_position_which_a_readout_finds_again(mass):
    sources = mass.sources
    found = latent_map(sources.agent.world_model, sources.held_out, seed=0)
    assert found is not None
    assert found.quantity == "position"
    assert found.true.shape == found.principal.shape == found.readout.shape
    assert np.square(found.readout - found.true).mean() < 0.2 * found.true.var()
    assert 0 < found.share <= 1


def test_the_points_are_frames_of_the_held_out_episodes(rooms):
    sources = rooms.sources
    found = latent_map(sources.agent.world_model, sources.held_out, seed=0)
    known = np.concatenate([sources.held_out.info("position", index) for index in range(sources.held_out.num_episodes)])
    assert found is not None
    assert {tuple(place) for place in found.true} <= {tuple(place) for place in known}


def test_a_quantity_of_one_number_is_enough(dial):
    sources = dial.sources
    found = latent_map(sources.agent.world_model, sources.held_out, seed=0)
    assert found is not None
    assert (found.quantity, found.true.shape[1]) == ("angle", 1)


def test_logs_without_a_true_state_have_no_map(tmp_path, mass):
    spaces = mass.sources.held_out.spaces
    with EpisodeWriter(tmp_path / "bare", spaces) as writer:
        for episode in range(4):
            walk = np.full((6, spaces.observation.size), episode, dtype=np.float32)
            writer.add(walk, np.zeros((5, spaces.action.size), dtype=np.float32))
    assert latent_map(mass.sources.agent.world_model, Episodes.open(tmp_path / "bare"), seed=0) is None


def test_one_episode_alone_has_no_map(tmp_path, mass):
    logs = Episodes.open(walk_logs(tmp_path / "one", DISCRETE, episodes=1))
    assert latent_map(mass.sources.agent.world_model, logs, seed=0) is None
