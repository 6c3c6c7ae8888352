"""Searches with supposed latents: what they find where a slope has far to travel, with every kind of world model."""

import pytest
import torch

from telos.agent.actor import Collocation, GradientDescent, make_plan
from telos.agent.actor.candidates import CandidateEvaluator
from telos.agent.cost import ActionEffort, PathDistance
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import Problem
from telos.testing.planners import optimality
from telos.testing.true_point_mass import TruePointMass

MODELS = {
    "point mass": TruePointMass,
    "memoryless": lambda: _jepa(MLPPredictorConfig(width=16)),
    "recurrent": lambda: _jepa(RecurrentPredictorConfig(width=8)),
}
each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
COST = PathDistance() + 0.1 * ActionEffort()


def _jepa(predictor):
    torch.manual_seed(0)
    config = JEPAConfig(encoder=EncoderConfig(), latent_size=6, scenery_size=2, predictor=predictor)
    return config.build(Spaces(VectorSpace(4), VectorSpace(2, (-1, -1), (1, 1)))).eval()


def problem_of(model, num=3):
    start, goal = (torch.rand(num, 4, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    with torch.no_grad():
        return Problem(state=model.observe(None, None, start), goal=model.observe(None, None, goal))


def evaluator(model, problem):
    return CandidateEvaluator(world_model=model, cost=COST, problem=problem, action_space=model.spaces.action)


def draw(num=3, starts=4, horizon=5):
    return torch.rand(num, starts, horizon, 2, generator=torch.Generator().manual_seed(3)) * 2 - 1


@each_model
def test_what_a_rollout_shows_has_no_defect_and_the_energy_of_the_rollout(make):
    model = make()
    evaluate = evaluator(model, problem_of(model))
    energies, defects = evaluate.virtual(evaluate.latents(draw()), draw())
    torch.testing.assert_close(energies, evaluate(draw()), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(defects, torch.zeros_like(defects), atol=1e-9, rtol=0)


@each_model
def test_what_the_model_does_not_expect_has_a_defect_and_slopes_lead_out_of_it(make):
    model = make()
    evaluate = evaluator(model, problem_of(model))
    possible = evaluate.latents(draw())
    latents, actions = (
        (possible + 0.1 * torch.randn(possible.shape, generator=torch.Generator().manual_seed(4))).requires_grad_(),
        draw().requires_grad_(),
    )
    defects = evaluate.virtual(latents, actions)[1]
    assert (defects > 1e-3).all()
    slopes = torch.autograd.grad(defects.sum(), (latents, actions))
    assert all(slope.isfinite().all() and slope.abs().max() > 0 for slope in slopes)
    closer = evaluate.virtual(latents - 0.05 * slopes[0], actions)[1]
    assert (closer < defects).all()
    assert torch.autograd.grad(evaluate.virtual(latents, actions)[0].sum(), latents)[0].abs().max() > 0


@each_model
def test_plans_with_every_kind_of_world_model(make):
    model = make()
    problem = problem_of(model)
    made = make_plan(Collocation(horizon=5, num_rounds=3), world_model=model, cost=COST, problem=problem, generator=torch.Generator().manual_seed(0))
    rest = evaluator(model, problem)(torch.zeros(3, 1, 5, 2))[:, 0]
    assert (made.energy < rest).all()
    assert (torch.stack(made.trace.best).diff(dim=0) <= 0).all()


def test_goes_far_where_plain_gradient_descent_with_as_many_rollouts_does_not():
    """A hundred steps from places near the middle: most first rollouts drift into a wall, where the slope of what follows ends."""
    ratios = {}
    for planner in (Collocation(horizon=100), GradientDescent(horizon=100, num_starts=4, num_iterations=75)):
        ratios[type(planner)] = optimality(planner, effort_weight=0.05, num=8, seeds=(0,)).mean()
    print({kind.__name__: round(ratio.item(), 2) for kind, ratio in ratios.items()}, "times the least energy")  # noqa: T201 - pytest -rP shows it
    assert ratios[Collocation] < 0.2 * ratios[GradientDescent]


def test_reaches_the_known_optimum_of_short_problems_too():
    assert optimality(Collocation(horizon=10), effort_weight=0.1, num=12, seeds=(0, 1)).max() < 1.01


@pytest.mark.parametrize("name", ["num_rounds", "steps_per_round", "first_penalty", "last_penalty", "action_rate", "latent_rate"])
def test_refuses_settings_that_make_no_sense(name):
    with pytest.raises(ConfigError, match=name):
        Collocation(**{name: 0})
