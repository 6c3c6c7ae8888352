"""The checks of encoders, predictors, world models and objectives find what is wrong, and say it."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from telos.agent.perception import EncoderConfig, VectorEncoder
from telos.agent.world_model import JEPA, JEPAConfig, MLPPredictor, MLPPredictorConfig
from telos.core.contracts import AbstractEncoderConfig, AbstractPredictorConfig, AbstractWorldModel
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import State
from telos.testing import ConformanceError, check_encoder, check_objective, check_predictor, check_world_model
from telos.training.objectives import Prediction, Smoothness

SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1, -1), (1, 1)))


class Plain(VectorEncoder):
    def __init__(self, space, latent_size, **settings):
        super().__init__(space=space, latent_size=latent_size, width=8, depth=1, **settings)


class MixesRows(Plain):
    def forward(self, observation):
        latent = super().forward(observation)
        return latent - latent.mean(dim=0)


class WorksOnItsInput(Plain):
    def forward(self, observation):
        return super().forward(observation.mul_(0.5))


class HasOneLatentTooMany(Plain):
    def forward(self, observation):
        latent = super().forward(observation)
        return torch.cat([latent, latent[:, :1]], dim=1)


class KeepsAWeightToItself(Plain):
    def __init__(self, space, latent_size, **settings):
        super().__init__(space, latent_size, **settings)
        self.scale = torch.rand(latent_size)

    def forward(self, observation):
        return super().forward(observation) * self.scale


class DrawsElsewhere(Plain):
    drawn = 0

    def __init__(self, space, latent_size, **settings):
        super().__init__(space, latent_size, **settings)
        type(self).drawn += 1
        with torch.no_grad():
            self.straight.weight.fill_(self.drawn)


class CutsTheGradient(Plain):
    def forward(self, observation):
        value = self.normalization(observation)
        return self.straight(value) + self.bent(value).detach()


class LooksAtNumbers(Plain):
    def forward(self, observation):
        latent = super().forward(observation)
        return latent if latent.sum().item() > 0 else latent * 1


@dataclass(frozen=True, kw_only=True)
class EncoderOf(AbstractEncoderConfig):
    kind: str

    def build(self, space, latent_size, moments=None, name="observation"):
        return globals()[self.kind](space, latent_size, moments=(moments or {}).get(name))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (MixesRows, "row of a batch gives what the row alone gives"),
        (WorksOnItsInput, "no input is altered"),
        (HasOneLatentTooMany, r"\[batch latent\]"),
        (KeepsAWeightToItself, "state_dict holds all"),
        (DrawsElsewhere, "seed of torch decides its first weights"),
        (CutsTheGradient, "none reaches bent"),
        (LooksAtNumbers, "captured by torch.compile"),
    ],
)
def test_a_broken_encoder_is_told_which_promise_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_encoder(EncoderOf(kind=kind.__name__), VectorSpace(3))


class GrowsHidden(MLPPredictor):
    def forward(self, latent, hidden, scenery, action):
        latent, hidden = super().forward(latent, hidden, scenery, action)
        return latent, torch.cat([hidden, latent[:, :1]], dim=1)


@dataclass(frozen=True, kw_only=True)
class GrowingConfig(AbstractPredictorConfig):
    def build(self, *, latent_size, scenery_size, action_size):
        return GrowsHidden(latent_size=latent_size, scenery_size=scenery_size, action_size=action_size, width=8, depth=1)


def test_a_predictor_whose_hidden_state_grows_is_told_so():
    with pytest.raises(ConformanceError, match="next hidden state"):
        check_predictor(GrowingConfig())


class SeesTheFuture(JEPA):
    def encode_window(self, observations, actions):
        states = super().encode_window(observations, actions)
        return replace(states, latent=states.latent - states.latent.mean(dim=1, keepdim=True))


class ImaginesOtherwise(JEPA):
    def rollout(self, state, actions):
        rollout = super().rollout(state, actions)
        return replace(rollout, latent=rollout.latent.cumsum(dim=1))


class ForgetsActions(JEPA):
    def rollout(self, state, actions):
        rollout = super().rollout(state, actions)
        return replace(rollout, actions=torch.zeros_like(actions))


class AssemblesOtherwise(JEPA):
    def assemble(self, codes, actions, frames=None):
        return super().assemble(codes * 2, actions, frames)


class ObservesInPlace(JEPA):
    def observe(self, previous, action, observation):
        return super().observe(previous, action, observation.clamp_(-0.5, 0.5))


class StepByStep(JEPA):
    """What is done to `step` shows in whole rollouts."""

    rollout, foresee = AbstractWorldModel.rollout, AbstractWorldModel.foresee


class ComparesRows(StepByStep):
    def step(self, state, action):
        after = super().step(state, action)
        latent = after.latent - after.latent.mean(dim=0)
        return State(latent=latent, belief=torch.cat([latent, after.belief[:, latent.shape[1] :]], dim=1), memory=after.memory)


class HidesPerception(JEPA):
    @property
    def perception(self):
        return nn.Identity()


class IgnoresActions(StepByStep):
    def step(self, state, action):
        return super().step(state, torch.zeros_like(action))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (SeesTheFuture, "a code begins with the latent"),
        (AssemblesOtherwise, "assemble makes of cached codes"),
        (ImaginesOtherwise, "one step after the other"),
        (ForgetsActions, "carries its actions"),
        (ObservesInPlace, "no observation and no action is altered"),
        (ComparesRows, "row of a batch is imagined like the row alone"),
        (HidesPerception, "all that makes latents belongs to perception"),
        (IgnoresActions, "gradient reaches the actions"),
    ],
)
def test_a_broken_world_model_is_told_which_promise_it_breaks(kind, says):
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4, predictor=MLPPredictorConfig(width=8)).build(SPACES)
    model.__class__ = kind
    with pytest.raises(ConformanceError, match=says):
        check_world_model(model)


def test_a_world_model_is_left_as_it_was():
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4).build(SPACES).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    check_world_model(model)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@dataclass(frozen=True, kw_only=True)
class GivesNoScalar(Smoothness):
    def term(self, windows, states, predictions, head):
        return super().term(windows, states, predictions, head)[None]


@dataclass(frozen=True, kw_only=True)
class BreaksDownWithTheLatents(Smoothness):
    def term(self, windows, states, predictions, head):
        return -states.latent.flatten(0, 1).var(dim=0).sqrt().sum()


@dataclass(frozen=True, kw_only=True)
class GamblesWithTorch(Prediction):
    def term(self, windows, states, predictions, head):
        return super().term(windows, states, predictions, head) + torch.randn(())


@dataclass(frozen=True, kw_only=True)
class LearnsNothing(Prediction):
    def term(self, windows, states, predictions, head):
        return super().term(windows, states, predictions, head).detach()


@dataclass(frozen=True, kw_only=True)
class WorksOnWindows(Prediction):
    def term(self, windows, states, predictions, head):
        windows.observations.mul_(0.5)
        return super().term(windows, states, predictions, head)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (GivesNoScalar(), "it is a scalar"),
        (BreaksDownWithTheLatents(), "all latents are equal"),
        (GamblesWithTorch(), "global generator"),
        (LearnsNothing(), "a gradient reaches"),
        (WorksOnWindows(), "altered in place"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_objective_is_told_which_promise_it_breaks(objective, says):
    with pytest.raises(ConformanceError, match=says):
        check_objective(objective)
