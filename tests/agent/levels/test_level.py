"""Promises of a level beyond those of every world model."""

import inspect

import pytest
import torch

from telos.agent import actor
from telos.agent.actor.plan import make_plan
from telos.agent.cost import LeastDistance
from telos.agent.levels import Level, LevelConfig
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.levels import climb
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.core.types import Problem, State

ACTS = VectorSpace(2, (-0.5, -0.5), (0.5, 0.5))
SIZES = {"latent_size": 5, "macro_size": 3, "stride": 4, "steps": 4, "width": 16, "num_landmarks": 20, "belief_size": 6}


def level(*, seed: int = 0, **changes) -> Level:
    torch.manual_seed(seed)
    return LevelConfig(**{"below": (6,), "acts": ACTS, **SIZES, **changes}).build().eval().requires_grad_(False)


PLANNERS = [
    value
    for value in vars(actor).values()
    if inspect.isclass(value) and issubclass(value, AbstractPlanner) and not inspect.isabstract(value) and value().supports(level().spaces.action)
]


@pytest.mark.parametrize("planner", PLANNERS, ids=lambda kind: kind.__name__)
def test_every_planner_finds_better_macro_actions_than_the_likeliest(planner):
    one = level()
    start, generator = State(torch.zeros(3, 5), torch.zeros(3, 5)), torch.Generator().manual_seed(0)
    there = one.rollout(start, 4 * torch.rand(3, 2, 3, generator=generator) - 2).latent[:, -1]
    problem = Problem(state=start, goal=State(there, there))
    plan = make_plan(planner(horizon=2), world_model=one, cost=LeastDistance(), problem=problem, generator=generator)
    likeliest = LeastDistance().energy(one.rollout(start, torch.zeros(3, 2, 3)), problem).sum(dim=1)
    assert (plan.energy < likeliest).all()
    assert (plan.actions.abs() <= 2).all()


def test_stands_on_the_levels_below_it():
    lower = level()
    upper = level(seed=1, below=(6, 5), acts=lower.spaces.action, stride=3, steps=12, latent_size=4)
    latents = torch.randn(7, 6)
    assert not torch.allclose(upper.lift(latents), climb((lower, upper), latents)[-1])
    upper.stand_on(lower)
    assert torch.equal(upper.lift(latents), climb((lower, upper), latents)[-1])


def test_in_training_macro_actions_are_noisy_and_the_noise_goes_on_where_it_stopped():
    one = level().train()
    states, done = one.encode_window(torch.randn(4, 3, 6), torch.zeros(4, 2, 8)), torch.rand(4, 2, 8) - 0.5
    kept = {name: value.clone() for name, value in one.state_dict().items()}
    first, second = (one.explain(states.at(0), states, done).actions for _ in range(2))
    assert not torch.equal(first, second)
    one.load_state_dict(kept)
    assert torch.equal(one.explain(states.at(0), states, done).actions, first)


def test_what_was_chosen_below_may_be_choices():
    one = level(acts=DiscreteSpace(4))
    macro = one.summarise(torch.randn(5, 2, 6), torch.randint(4, (5, 4)))
    assert macro.shape == (5, 3) and macro.isfinite().all()


def test_a_macro_action_depends_on_what_was_done_and_on_where_it_led():
    one, ends, done = level(), torch.randn(5, 2, 6), torch.rand(5, 8) - 0.5
    macro = one.summarise(ends, done)
    assert not torch.allclose(one.summarise(ends, -done), macro)
    assert not torch.allclose(one.summarise(ends.flip(1), done), macro)


@pytest.mark.parametrize(
    "changes", [{"stride": 0}, {"latent_size": 0}, {"bound": 0.0}, {"below": ()}, {"below": (6, 0)}, {"num_landmarks": 0}], ids=str
)
def test_sizes_out_of_range_are_refused(changes):
    with pytest.raises(ConfigError):
        LevelConfig(**{"below": (6,), "acts": ACTS, **SIZES, **changes})
