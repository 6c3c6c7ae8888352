"""The world model: scenery, memory, actions. What every world model promises stands in the conformance tests."""

import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.action_features import ActionFeatures
from telos.core.logs import Moments
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace

SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1, -2), (1, 4)))
NUM, STEPS = 4, 5


def build(**settings):
    torch.manual_seed(0)
    settings = {"latent_size": 6, "encoder": EncoderConfig(), **settings}
    return JEPAConfig(**settings).build(SPACES).eval()


def windows():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(NUM, STEPS + 1, 3, generator=generator), torch.rand(NUM, STEPS, 2, generator=generator)


@torch.no_grad()
def test_scenery_is_that_of_the_first_frame():
    model, (frames, actions) = build(scenery_size=3), windows()
    scenery = model.encode_window(frames, actions).memory["scenery"]
    torch.testing.assert_close(scenery, model.scenery_encoder(frames[:, 0])[:, None].expand(-1, STEPS + 1, -1))
    later = frames.clone()
    later[:, 1:] += 1
    torch.testing.assert_close(model.encode_window(later, actions).memory["scenery"], scenery)
    rollout = model.rollout(model.encode_window(frames, actions).at(0), actions)
    torch.testing.assert_close(rollout.belief[..., -3:], scenery[:, 1:])


@torch.no_grad()
def test_what_happens_depends_on_the_scenery():
    model, (frames, actions) = build(scenery_size=3), windows()
    state = model.observe(None, None, frames[:, 0])
    elsewhere = model.observe(None, None, frames[:, 1])
    moved = model.step(state, actions[:, 0]).latent
    other = model.step(type(state)(state.latent, state.belief, {**state.memory, "scenery": elsewhere.memory["scenery"]}), actions[:, 0]).latent
    assert not torch.allclose(moved, other)


@torch.no_grad()
def test_a_recurrent_predictor_remembers_and_a_memoryless_one_does_not():
    frames, actions = windows()
    for predictor, remembers in ((RecurrentPredictorConfig(width=5), True), (MLPPredictorConfig(), False)):
        model = build(predictor=predictor)
        start = model.observe(None, None, frames[:, 0])
        seen = model.observe(start, actions[:, 0], frames[:, 1])
        fresh = model.observe(None, None, frames[:, 1])
        torch.testing.assert_close(seen.latent, fresh.latent)
        same_future = torch.allclose(model.step(seen, actions[:, 1]).latent, model.step(fresh, actions[:, 1]).latent)
        assert same_future != remembers
        assert seen.memory["hidden"].shape == (NUM, 5 if remembers else 0)


@torch.no_grad()
def test_the_latent_is_what_one_frame_shows_whatever_happened_before():
    model, (frames, actions) = build(predictor=RecurrentPredictorConfig()), windows()
    torch.testing.assert_close(model.encode_window(frames, actions).latent, model.encoder(frames.flatten(0, 1)).unflatten(0, (NUM, STEPS + 1)))


@torch.no_grad()
def test_the_belief_holds_latent_memory_and_scenery():
    model, (frames, actions) = build(predictor=RecurrentPredictorConfig(width=5), scenery_size=3), windows()
    states = model.encode_window(frames, actions)
    expected = torch.cat([states.latent, states.memory["hidden"], states.memory["scenery"]], dim=-1)
    torch.testing.assert_close(states.belief, expected)
    assert states.belief.shape[-1] == 6 + 5 + 3


def test_frozen_perception_leaves_the_dynamics_to_train():
    model, (frames, actions) = build(scenery_size=3), windows()
    model.perception.requires_grad_(False)
    states = model.encode_window(frames, actions)
    model.rollout(states.at(0), actions).latent.square().sum().backward()
    trained = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert trained == {"predictor", "scenery_encoder"}


@torch.no_grad()
def test_scenery_can_be_read_from_any_frame_of_the_episode_beside_cached_codes():
    model, (frames, actions) = build(scenery_size=3), windows()
    assert model.reads_scenery
    assert not build().reads_scenery
    codes = model.encode_frames(frames.flatten(0, 1)).unflatten(0, (NUM, STEPS + 1))
    later = model.assemble(codes, actions, frames[:, -1])
    torch.testing.assert_close(later.memory["scenery"], model.scenery_encoder(frames[:, -1])[:, None].expand(-1, STEPS + 1, -1))
    torch.testing.assert_close(later.latent, codes[..., :6])


@pytest.mark.parametrize(
    ("space", "moments", "action", "expected"),
    [
        (SPACES.action, None, [[-1.0, -2.0], [1.0, 4.0], [0.0, 1.0]], [[-1, -1], [1, 1], [0, 0]]),
        (VectorSpace(1), Moments((10.0,), (2.0,)), [[10.0], [12.0]], [[0], [1]]),
        (VectorSpace(1), None, [[3.0]], [[3]]),
        (DiscreteSpace(3), None, [[0], [2]], [[1, 0, 0], [0, 0, 1]]),
    ],
    ids=["bounded", "unbounded, with moments", "unbounded, without", "discrete"],
)
def test_actions_come_to_the_predictor_in_its_own_units(space, moments, action, expected):
    features = ActionFeatures(space=space, moments=moments)(torch.tensor(action))
    torch.testing.assert_close(features, torch.tensor(expected, dtype=torch.float32))
    assert features.shape[-1] == ActionFeatures(space=space).size


def test_moments_of_the_logs_reach_encoder_and_actions():
    moments = {"observation": Moments((1.0, 2.0, 3.0), (1.0,) * 3), "action": Moments((5.0, 5.0), (1.0, 1.0))}
    model = JEPAConfig(encoder=EncoderConfig()).build(Spaces(VectorSpace(3), VectorSpace(2)), moments)
    assert model.encoder.normalization.mean.tolist() == [1, 2, 3]
    assert model.actions.normalization.mean.tolist() == [5, 5]
