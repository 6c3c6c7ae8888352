"""Promises of surprise over several horizons."""

import time
from dataclasses import replace

import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.surprise import Surprise, SurpriseConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig, TransformerPredictorConfig
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace
from telos.testing import ConformanceError, TruePointMass, check_surprise

SMALL = TransformerPredictorConfig(history=3, depth=1, num_heads=2, head_size=4, hidden=8, output_hidden=0)
PREDICTORS = {"memoryless": MLPPredictorConfig(width=16), "recurrent": RecurrentPredictorConfig(width=12), "transformer": SMALL}
CONFIG = SurpriseConfig(latent_size=6, horizons=(1, 2, 4), num_ranks=64)


def model(predictor) -> torch.nn.Module:
    torch.manual_seed(0)
    spaces = Spaces(VectorSpace(5), VectorSpace(2, (-1, -1), (1, 1)))
    return JEPAConfig(encoder=EncoderConfig(), latent_size=6, predictor=predictor).build(spaces).eval()


def calibrated(config: SurpriseConfig = CONFIG) -> Surprise:
    """With tables of some size, so that p-values are of all sizes too."""
    sense = config.build().eval()
    sense.error_ranks.copy_(torch.linspace(0, 6, config.num_ranks).expand_as(sense.error_ranks))
    sense.energy_ranks.copy_(torch.linspace(0, 12, config.num_ranks).expand_as(sense.energy_ranks))
    return sense


def point_mass(num: int) -> tuple[TruePointMass, Surprise, torch.Tensor]:
    """A model that is always right, and a sense that knows small errors only."""
    config = SurpriseConfig(latent_size=2, horizons=(1, 2, 4), num_ranks=64)
    sense = calibrated(config)
    sense.whitening.div_(0.002)
    return TruePointMass(), sense, torch.rand(num, 4, generator=torch.Generator().manual_seed(0)) * 0.5


def follow(sense, model, observations, actions):
    """P-values `[steps batch]` along what is seen."""
    state = model.observe(None, None, observations[0])
    expected, found = sense.begin(model, state), []
    for action, seen in zip(actions, observations[1:], strict=True):
        expected = sense.expect(model, expected, state, action)
        state = model.observe(state, action, seen)
        found.append((sense.p_value(expected, state), sense.by_horizon(expected, state)))
    return found


def wander(world, start, steps, *, share=1.0):
    """What is seen where actions do a share of what they should."""
    state = {"position": start[:, :2].double().numpy(), "velocity": start[:, 2:].double().numpy() * 0.2}
    seen, actions = [torch.from_numpy(world.observe(state))], []
    for _ in range(steps):
        actions.append(torch.full((len(start), 2), 0.5))
        state = world.advance(state, actions[-1].numpy() * share)
        seen.append(torch.from_numpy(world.observe(state)))
    return seen, actions


@pytest.mark.parametrize("predictor", PREDICTORS.values(), ids=PREDICTORS.keys())
def test_it_keeps_its_promises_whatever_the_model_remembers(predictor):
    check_surprise(calibrated(), model(predictor), description=CONFIG)


def test_a_sense_that_looks_at_the_whole_batch_is_found_out():
    class Crowd(Surprise):
        def p_value(self, expected, state):
            return super().p_value(expected, state).mean().expand(len(state.latent)).clone()

    crowd = Crowd(CONFIG)
    crowd.load_state_dict(calibrated().state_dict())
    with pytest.raises(ConformanceError, match="like the row alone"):
        check_surprise(crowd, model(PREDICTORS["memoryless"]))


def test_what_happens_as_imagined_surprises_nobody():
    world_model, sense, start = point_mass(5)
    found = follow(sense, world_model, *wander(world_model.world, start, 8))
    assert all((p_value > 0.9).all() for p_value, _ in found)


def test_what_happens_otherwise_does_and_far_horizons_see_a_slight_drift_first():
    world_model, sense, start = point_mass(5)
    seen, actions = wander(world_model.world, start, 8, share=0.0)
    p_value, by_horizon = follow(sense, world_model, seen, actions)[-1]
    assert (p_value < 0.05).all()
    assert (by_horizon[:, 2] < by_horizon[:, 0]).all()


def test_a_horizon_counts_as_soon_as_an_episode_is_old_enough():
    world_model, sense, start = point_mass(3)
    found = follow(sense, world_model, *wander(world_model.world, start, 5))
    known = [(~by_horizon.isnan()).sum(dim=1).tolist() for _, by_horizon in found]
    assert known == [[1] * 3, [2] * 3, [2] * 3, [3] * 3, [3] * 3]


def test_what_is_imagined_at_once_is_what_would_have_been_imagined_at_the_time():
    predicted, sense = model(PREDICTORS["recurrent"]), calibrated()
    generator = torch.Generator().manual_seed(3)
    observations, actions = torch.randn(7, 2, 5, generator=generator), torch.rand(6, 2, 2, generator=generator)
    states = [predicted.observe(None, None, observations[0])]
    expected = sense.begin(predicted, states[0])
    for action, seen in zip(actions, observations[1:], strict=True):
        expected = sense.expect(predicted, expected, states[-1], action)
        states.append(predicted.observe(states[-1], action, seen))
    for horizon in CONFIG.horizons:
        rollout = predicted.rollout(states[6 - horizon], actions[6 - horizon :].transpose(0, 1))
        torch.testing.assert_close(expected.states.latent[:, horizon - 1], rollout.latent[:, -1], rtol=1e-4, atol=1e-5)


def test_beyond_all_that_was_held_out_more_is_still_more():
    world_model, sense, start = point_mass(1)
    state = world_model.observe(None, None, start)
    expected = sense.expect(world_model, sense.begin(world_model, state), state, torch.zeros(1, 2))
    energies = [sense.energy(expected, replace(state, latent=state.latent + away)) for away in (1.0, 2.0, 4.0)]
    assert energies[0] < energies[1] < energies[2]


def test_one_step_takes_a_few_milliseconds_for_a_hundred_episodes():
    predicted, sense = model(PREDICTORS["memoryless"]), SurpriseConfig(latent_size=6).build()
    state = predicted.observe(None, None, torch.randn(100, 5))
    expected, took = sense.begin(predicted, state), []
    with torch.no_grad():
        for _ in range(20):
            started = time.process_time()
            expected = sense.expect(predicted, expected, state, torch.zeros(100, 2))
            sense.p_value(expected, state)
            took.append(time.process_time() - started)
    assert min(took) < 0.02


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"horizons": ()}, "horizons"), ({"horizons": (2, 1)}, "horizons"), ({"horizons": (0, 1)}, "horizons"), ({"num_ranks": 5}, "20 ranks")],
)
def test_sizes_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        SurpriseConfig(latent_size=4, **wrong)
