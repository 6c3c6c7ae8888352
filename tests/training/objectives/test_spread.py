import numpy as np
import pytest
import torch
from batches import random_latents, term_of
from hypothesis import given
from hypothesis import strategies as st

from telos.core.logs import Windows
from telos.core.types import State
from telos.training.objectives import Covariance, SIGReg, Variance
from telos.training.objectives.spread import latents_of_batch

EPISODES = torch.tensor([7, 3, 7, 3, 3, 7, 0, 0, 0, 3, 7, 0])
PLACE = {0: 0, 3: 1, 7: 2}
COUPLED = [Variance, Covariance, SIGReg]


def fresh_term(kind, latents, *, within_episode):
    objective = kind(within_episode=within_episode)
    return term_of(objective, latents, episodes=EPISODES, head=objective.head(None, latents.shape[-1])).item()


def test_within_an_episode_each_latent_loses_the_mean_of_its_episode_in_the_batch():
    latents = random_latents()
    windows = Windows(observations=latents, actions=torch.zeros(12, 3, 1), episodes=EPISODES)
    centred = latents_of_batch(windows, State(latent=latents, belief=latents), within_episode=True).numpy().reshape(latents.shape)
    for episode in (0, 3, 7):
        mine = latents[episode == EPISODES].numpy()
        np.testing.assert_allclose(centred[(episode == EPISODES).numpy()], mine - mine.mean((0, 1)), atol=1e-12)


@pytest.mark.parametrize("kind", COUPLED)
@given(offsets=st.lists(st.floats(-9, 9), min_size=3, max_size=3))
def test_within_an_episode_what_never_changes_there_makes_no_difference(kind, offsets):
    latents = random_latents()
    scenery = torch.tensor([offsets[PLACE[int(episode)]] for episode in EPISODES], dtype=torch.float64)
    moved = latents + scenery[:, None, None]
    assert fresh_term(kind, moved, within_episode=True) == pytest.approx(fresh_term(kind, latents, within_episode=True), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("kind", COUPLED)
def test_over_the_batch_scenery_alone_can_stand_for_variation(kind):
    """The slow-feature trap: latents that tell episodes apart and nothing else."""
    coded = torch.eye(3, dtype=torch.float64)[[PLACE[int(episode)] for episode in EPISODES]][:, None].expand(-1, 4, -1) * 3
    assert term_of(Variance(), coded, episodes=EPISODES) == 0
    assert fresh_term(Variance, coded, within_episode=True) == pytest.approx(0.99)
    assert fresh_term(kind, coded, within_episode=True) != pytest.approx(fresh_term(kind, coded, within_episode=False), rel=0.01)
