"""Levels that break a promise are found out, each by the promise that it breaks."""

import pytest
import torch

from telos.agent.levels import Level, LevelConfig
from telos.core.spaces import VectorSpace
from telos.core.types import State
from telos.testing import ConformanceError, check_level

ACTS = VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))


def made(kind: type[Level]) -> Level:
    config = LevelConfig(below=(6,), acts=ACTS, latent_size=5, macro_size=3, stride=4, steps=4, width=16, num_landmarks=20, belief_size=8)
    torch.manual_seed(0)
    level = kind(config, {})
    with torch.no_grad():
        level.landmarks.beliefs.copy_(torch.randn(20, 8))
        level.landmarks.latents.copy_(Level.lift(level, level.landmarks.beliefs[:, :6]))
    return level


def _seen(latent):
    return State(latent=latent, belief=latent)


class Unbounded(Level):
    def summarise(self, below, actions):
        return 10 + super().summarise(below, actions)


class Blind(Level):
    def raised(self, latents):
        return super().raised(latents).detach()

    def encode_frames(self, observations):
        return Level.raised(self, observations)

    def encode_window(self, observations, actions):
        return _seen(Level.raised(self, observations))

    def observe(self, previous, action, observation):
        return _seen(Level.raised(self, observation))


class Crowded(Level):
    def raised(self, latents):
        seen = super().raised(latents)
        return seen - seen.mean(dim=0, keepdim=True)


class Elsewhere(Level):
    def lift(self, latents):
        return 1 + super().lift(latents)


class Generous(Level):
    def explain(self, start, states, actions):
        told = super().explain(start, states, actions)
        return type(told)(told.latent, told.actions, information=-told.information)


def test_a_level_that_keeps_them_all_is_found_to():
    check_level(made(Level), ACTS)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Unbounded, "within bounds"),
        (Blind, "gradient reaches"),
        (Crowded, "a code begins with the latent"),
        (Elsewhere, "one level after the other"),
        (Generous, "never negative"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_promise_is_named(kind, promise):
    with pytest.raises(ConformanceError, match=promise):
        check_level(made(kind), ACTS)


def test_landmarks_that_are_no_real_states_are_found_out():
    level = made(Level)
    level.landmarks.latents.add_(0.5)
    with pytest.raises(ConformanceError, match="real states"):
        check_level(level, ACTS)
