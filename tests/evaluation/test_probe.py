import json

import numpy as np
import pytest
import torch
from plane import Adds

from telos.data import Selection
from telos.evaluation import probe
from telos.evaluation.probe import true_states_of

NOISE = torch.Generator()


def noise(position):
    return torch.randn(*position.shape[:-1], 4, generator=NOISE.manual_seed(0))


def folded(position):
    """The place is in there, but along circles."""
    return torch.cat([torch.sin(2 * position), torch.cos(2 * position)], dim=-1)


def probe_of(walks, encode=lambda position: position, untrained=noise, true_states=None, **settings):
    return probe(Adds(encode=encode), Adds(encode=untrained), walks, true_states_of(walks) if true_states is None else true_states, **settings)


def test_what_is_in_the_latent_is_read_from_it_and_what_is_not_is_not(walks):
    (found,) = probe_of(walks)
    assert found.quantity == "position"
    assert found.latent > 0.999 and found.linear > 0.999
    assert found.untrained < 0.05


def test_an_encoder_that_sees_nothing_is_seen_through_while_the_floors_stand(walks):
    (found,) = probe_of(walks, encode=noise, untrained=lambda position: position @ torch.tensor([[3.0, 1.0], [-1.0, 2.0]]))
    assert found.latent < 0.05
    # The observation is the position: a random linear map of it, and its principal components, hold it too.
    assert found.untrained > 0.999 and found.pca > 0.999


def test_folded_latents_are_read_by_the_kernel_and_not_by_a_line(walks):
    (found,) = probe_of(walks, encode=folded)
    assert found.latent > 0.9 and found.linear < found.latent - 0.05


def test_a_quantity_that_never_changes_is_none(walks):
    assert set(true_states_of(walks)) == {"position", "radius"}
    assert [part.quantity for part in probe_of(walks)] == ["position"]


def test_frames_whose_true_state_is_not_known_are_left_out(walks):
    holes, all_unknown = (values.copy() for values in [true_states_of(walks)["position"]] * 2)
    holes[::7, 0], all_unknown[:, 1] = np.nan, np.nan
    (found,) = probe_of(walks, true_states={"position": holes, "unknown": all_unknown})
    assert found.quantity == "position" and found.linear > 0.999


def test_what_has_nothing_to_do_with_the_observation_cannot_be_read(walks):
    num = walks.num_steps + walks.num_episodes
    (found,) = probe_of(walks, true_states={"dice": np.random.default_rng(0).normal(size=num)})
    assert max(found.latent, found.untrained, found.pca, found.linear) < 0.05


def test_fit_and_judgement_are_on_different_episodes(walks):
    """A number drawn anew for each episode can be learned by heart, and then says nothing about others."""
    own = np.random.default_rng(0).normal(size=walks.num_episodes)
    (found,) = probe_of(walks, true_states={"own": np.repeat(own, walks.lengths + 1)})
    assert found.latent < 0.3


def test_the_same_seed_gives_the_same_numbers(walks):
    first, again, other = ([part.to_json() for part in probe_of(walks, folded, num_frames=300, seed=seed)] for seed in (0, 0, 1))
    assert first == again != other
    json.dumps(first, allow_nan=False)


def test_one_episode_cannot_be_both_fitted_and_judged(walks):
    alone = Selection(walks, [0])
    assert probe_of(alone) == []


@pytest.mark.parametrize("num_frames", [2, 16, 17, 30])
def test_so_few_frames_that_nothing_can_be_read_are_not_read(walks, num_frames):
    few, told = Selection(walks, [0, 1, 2]), []
    for seed in range(6):
        told += probe_of(few, num_frames=num_frames, seed=seed)
    assert all(np.isfinite(part.latent) for part in told)
    assert bool(told) == (num_frames > 16)
