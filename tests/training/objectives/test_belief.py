"""What a belief is asked for, and what a picture counts for the spread that is seen again and again."""

import pytest
import torch

from telos.core.errors import ConfigError
from telos.core.logs import Windows
from telos.core.types import Rollout, State
from telos.training.objectives import Belief, Covariance, InverseDynamics, OfFrames, Variance
from telos.training.objectives.of_frames import _distinct

NUM, STEPS, SIZE = 8, 10, 4


def batch(blank: float = 0.0):
    torch.manual_seed(0)
    seen = torch.randn(NUM, STEPS + 1, SIZE)
    seen[torch.rand(NUM, STEPS + 1) < blank] = 0.5
    states = State(latent=seen, belief=seen, memory={"seen": seen, "expected": seen.clone(), "alone": seen.clone()})
    actions = torch.rand(NUM, STEPS, 2)
    return Windows(seen, actions, torch.arange(NUM)), states, Rollout(latent=seen[:, 1:].clone(), actions=actions)


def test_a_belief_that_foresees_everything_has_nothing_to_learn():
    windows, states, rollout = batch()
    assert Belief().term(windows, states, rollout, torch.nn.Identity()).item() == 0


@pytest.mark.parametrize("wrong", ["expected", "alone", "imagined", "latent"])
def test_each_error_counts(wrong):
    windows, states, rollout = batch()
    if wrong == "imagined":
        rollout = Rollout(latent=rollout.latent + 1, actions=rollout.actions)
    elif wrong == "latent":
        states = State(latent=states.latent + 1, belief=states.belief, memory=states.memory)
    else:
        states = State(latent=states.latent, belief=states.belief, memory=states.memory | {wrong: states.memory[wrong] + 1})
    term = Belief().term(windows, states, rollout, torch.nn.Identity()).item()
    assert term == pytest.approx(3.0 if wrong == "expected" else 1.0, rel=1e-5)


def test_a_picture_counts_once_for_the_spread_however_often_it_is_seen():
    _, states, _ = batch(blank=0.6)
    flat = states.latent.flatten(0, 1)
    rows = _distinct(flat)
    assert len(rows) == len(flat)
    kinds = flat.unique(dim=0)
    assert (flat[rows] == 0.5).all(dim=-1).float().mean() < 2 / len(kinds)
    assert len(flat[rows].unique(dim=0)) == len(kinds)


def test_without_recurring_pictures_it_is_the_sum_of_its_terms():
    windows, states, rollout = batch()
    torch.manual_seed(1)
    terms = (Variance(), Covariance())
    term = OfFrames(along=()).term(windows, states, rollout, torch.nn.ModuleList([torch.nn.Identity()] * 2))
    expected = sum(part.weight * part.term(windows, states, rollout, torch.nn.Identity()) for part in terms)
    assert term.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_belief_that_varies_does_not_hide_frames_that_do_not():
    windows, states, rollout = batch()
    dead = State(latent=states.latent, belief=states.belief, memory=states.memory | {"seen": torch.zeros_like(states.latent)})
    head = torch.nn.ModuleList([torch.nn.Identity()] * 2)
    assert OfFrames(along=()).term(windows, dead, rollout, head) > OfFrames(along=()).term(windows, states, rollout, head) + 1


def test_nothing_of_spread_is_refused():
    with pytest.raises(ConfigError, match="die out"):
        OfFrames(spread=(), along=(InverseDynamics(),))
