"""Who is let through by the arbiter, and what its calibration promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from telos.agent.actor.reactive import react
from telos.agent.cost import LeastDistance, PathDistance
from telos.agent.policies import ArbiterConfig, CalibratedArbiter, GoalPolicyConfig
from telos.agent.policies.arbiter import REASONS, conformal_threshold
from telos.core.acting import Prospect
from telos.core.errors import ConfigError
from telos.core.spaces import VectorSpace
from telos.core.taught import load_taught, save_taught
from telos.testing import TruePointMass, check_arbiter
from telos.testing.policies import problems_for

HORIZON = 5
MODEL = TruePointMass()
CONFIG = ArbiterConfig(belief_size=4, latent_size=2, horizon=HORIZON, cost=PathDistance(), tolerance=0.1)


def policy():
    torch.manual_seed(0)
    return GoalPolicyConfig(belief_size=4, latent_size=2, action=VectorSpace(2, (-1, -1), (1, 1)), width=16).build().eval()


def arbiter(threshold: float) -> CalibratedArbiter:
    torch.manual_seed(0)
    made = CONFIG.build().requires_grad_(False).eval()
    made.threshold.fill_(threshold)
    return made


def prospect(**changes) -> Prospect:
    problem, generator = problems_for(MODEL, 0), torch.Generator().manual_seed(0)
    reaction = react(policy(), world_model=MODEL, cost=PathDistance(), problem=problem, horizon=HORIZON, generator=generator)
    return replace(Prospect(problem=problem, cost=PathDistance(), reaction=reaction), **changes)


def why(made: CalibratedArbiter, **changes) -> list[str]:
    choice = made.decide(prospect(**changes))
    assert choice.reasons == REASONS
    assert torch.equal(choice.planned, choice.reason != 0)
    return [choice.reasons[place] for place in choice.reason]


def test_it_keeps_the_promises_of_an_arbiter():
    for threshold in (-math.inf, 0.0, math.inf):
        check_arbiter(arbiter(threshold), MODEL, policy(), PathDistance(), HORIZON)


def test_it_lets_through_up_to_its_threshold_and_no_farther():
    gaps = arbiter(0).gap(prospect().problem, prospect().reaction.energy).sort().values
    middle = float(gaps[1:3].mean())
    assert sorted(why(arbiter(middle)).count(text) for text in REASONS[:2]) == [2, 2]
    assert why(arbiter(-math.inf)) == [REASONS[1]] * 4
    assert why(arbiter(math.inf)) == [REASONS[0]] * 4


def test_surprise_disagreement_and_refusal_ask_for_a_plan_each_where_it_is():
    sure = arbiter(math.inf)
    sure.most_disagreement.fill_(0.5)
    first = torch.tensor([True, False, False, False])
    assert why(sure, refused=first) == ["a guardrail refuses what the policy would do", *[REASONS[0]] * 3]
    assert why(sure, surprise=torch.tensor([0.5, 0.001, 0.02, 1.0])) == [REASONS[0], "surprised", *[REASONS[0]] * 2]
    assert why(sure, disagreement=torch.tensor([0.1, 0.2, 0.6, torch.nan]))[:3] == [*[REASONS[0]] * 2, "the models disagree"]


def test_whatever_it_was_not_calibrated_for_is_planned():
    sure = arbiter(math.inf)
    assert why(sure, cost=LeastDistance()) == [REASONS[5]] * 4
    longer = react(policy(), world_model=MODEL, cost=PathDistance(), problem=prospect().problem, horizon=HORIZON + 1, generator=torch.Generator())
    assert why(sure, reaction=longer) == [REASONS[5]] * 4


def test_it_decides_the_same_after_being_saved_and_loaded(tmp_path):
    made = arbiter(0.3)
    save_taught(tmp_path / "arbiter", made.config, made, tie="a model")
    back = load_taught(tmp_path / "arbiter", CalibratedArbiter, tie="a model")
    assert why(back) == why(made) and back.config == made.config


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_share_that_is_let_through_wrongly_is_at_most_alpha(alpha):
    """Over many calibrations and fresh problems; scores tell something of what is bad, and not all."""
    rng, wrong, let_through = np.random.default_rng(0), [], []
    for _ in range(400):
        scores = rng.normal(size=160)
        bad = rng.random(160) < 1 / (1 + np.exp(-3 * scores))
        threshold = conformal_threshold(torch.tensor(scores[:60]), torch.tensor(bad[:60]), alpha)
        through = scores[60:] <= threshold
        wrong.append((through & bad[60:]).mean())
        let_through.append(through.mean())
    error = 3 * np.std(wrong) / np.sqrt(len(wrong))
    assert np.mean(wrong) <= alpha + error
    # It does not waste what it is allowed: letting nobody through would keep the promise as well.
    assert np.mean(wrong) >= alpha - 1.5 / 61 - error
    assert np.mean(let_through) > alpha


@settings(deadline=None, max_examples=60)
@given(values=some.lists(some.tuples(some.integers(0, 8), some.booleans()), min_size=1, max_size=40), alpha=some.floats(0.01, 0.9))
def test_the_threshold_is_the_highest_score_that_the_formula_allows(values, alpha):
    scores = torch.tensor([float(score) for score, _ in values])
    bad = torch.tensor([flag for _, flag in values])

    def allowed(threshold: float) -> bool:
        return (int((bad & (scores <= threshold)).sum()) + 1) / (len(values) + 1) <= alpha + 1e-9

    found = conformal_threshold(scores, bad, alpha)
    best = max((float(score) for score in scores if allowed(float(score))), default=-math.inf)
    assert found == best


def test_too_few_problems_let_nobody_through():
    assert conformal_threshold(torch.zeros(5), torch.zeros(5, dtype=torch.bool), 0.05) == -math.inf
    assert conformal_threshold(torch.zeros(0), torch.zeros(0, dtype=torch.bool), 0.5) == -math.inf


def test_settings_that_cannot_be_are_refused():
    for changes in ({"tolerance": -1.0}, {"alpha": 0.0}, {"horizon": 0}, {"surprise_level": 1.0}):
        with pytest.raises(ConfigError):
            replace(CONFIG, **changes)
