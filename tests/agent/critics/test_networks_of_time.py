"""Promises of the critics of time that are networks."""

import pytest
import torch

from telos.agent.critics import PairNetworkConfig, QuasimetricConfig
from telos.core.errors import ConfigError
from telos.core.seeding import torch_generator


def quasimetric():
    torch.manual_seed(0)
    return QuasimetricConfig(latent_size=4, width=32, depth=2, num_parts=4, part_size=6).build().eval()


def states(num: int = 64) -> torch.Tensor:
    return torch.randn(num, 4, generator=torch_generator(0, "states"))


def test_no_way_is_longer_than_a_detour_by_a_quasimetric():
    critic, here, over, there = quasimetric(), states()[:20], states()[20:40], states()[40:60]
    with torch.no_grad():
        assert bool((critic(here, there) <= critic(here, over) + critic(over, there) + 1e-4).all())


def test_a_quasimetric_tells_the_way_there_from_the_way_back():
    critic, here, there = quasimetric(), states()[:20], states()[20:40]
    with torch.no_grad():
        assert float((critic(here, there) - critic(there, here)).abs().max()) > 0.1


@pytest.mark.parametrize("config", [PairNetworkConfig(latent_size=4, width=32, depth=2), QuasimetricConfig(latent_size=4, width=32, depth=2)])
def test_nothing_is_away_from_itself(config):
    critic = config.build().eval()
    with torch.no_grad():
        assert float(critic(states(), states()).max()) < 1e-3


def test_networks_know_of_no_states_in_between():
    critic = PairNetworkConfig(latent_size=4).build()
    assert critic.waypoint(states()[:3], states()[3:6], 5.0) is None
    assert critic.avoiding(lambda beliefs: beliefs[:, 0] > 0) is None


@pytest.mark.parametrize("wrong", [{"latent_size": 0}, {"width": 0}, {"scale": 0.0}, {"part_size": 3}, {"num_parts": 0}])
def test_sizes_of_which_no_quasimetric_can_be_made_are_refused(wrong):
    with pytest.raises(ConfigError, match="quasimetric cannot have"):
        QuasimetricConfig(**{"latent_size": 4, **wrong})


def test_sizes_of_which_no_pair_network_can_be_made_are_refused():
    with pytest.raises(ConfigError, match="network over pairs cannot have"):
        PairNetworkConfig(latent_size=4, depth=0)
