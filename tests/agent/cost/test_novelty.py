"""Promises of novelty as an objective."""

import pytest
import torch

from telos.agent.cost.novelty import Novelty
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout, State
from telos.testing.costs import LATENT, check_cost

PLACES = torch.tensor([[0.0, 0.0], [1.0, 0.0]])


def test_it_keeps_the_promises_of_a_cost():
    generator = torch.Generator().manual_seed(0)
    check_cost(Novelty(places=torch.randn(20, LATENT, generator=generator), visits=torch.arange(1, 21), reach=0.2))


def test_a_state_is_newer_where_fewer_have_been_and_newest_where_nobody_has():
    novelty = Novelty(places=PLACES, visits=torch.tensor([100, 4]), reach=0.01)
    crowded, rare, unseen = novelty(torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])).tolist()
    assert (crowded, rare, unseen) == pytest.approx((0.1, 0.5, 1.0))


def test_the_newest_state_of_a_path_is_what_counts():
    latent = torch.tensor([[[0.0, 0.0], [5.0, 5.0], [1.0, 0.0]]])
    rollout = Rollout(latent=latent, actions=torch.zeros(1, 3, 2))
    problem = Problem(state=State(latent=latent[:, 0], belief=latent[:, 0]))
    assert Novelty(places=PLACES, visits=torch.tensor([9, 9]), reach=0.01).energy(rollout, problem).tolist() == [[0.0, -1.0, 0.0]]


@pytest.mark.parametrize(("places", "visits", "reach"), [(PLACES[:0], [], 0.1), (PLACES, [1], 0.1), (PLACES, [1, 1], 0.0)])
def test_places_without_counts_are_refused(places, visits, reach):
    with pytest.raises(ConfigError, match="Novelty"):
        Novelty(places=places, visits=torch.tensor(visits), reach=reach)
