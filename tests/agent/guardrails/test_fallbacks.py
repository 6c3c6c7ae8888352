"""What is done when no plan is safe."""

import pytest
import torch

from telos.agent.guardrails import Brake, Hold, LastSafePlan
from telos.core.config import from_json, to_json
from telos.core.errors import ConfigError, SpaceError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.testing import true_knowledge

SPACE = VectorSpace(2, (-1, -1), (1, 1))
SIZES = {"velocity": 2, "position": 2}
KNOWLEDGE = true_knowledge()


def state(*rows):
    return KNOWLEDGE.world_model.observe(None, None, torch.tensor(rows))


def test_hold_does_nothing_or_what_comes_nearest():
    assert Hold().act(state([0.5, 0.5, 1, 1]), {}, SPACE).tolist() == [[0, 0]]
    lopsided = VectorSpace(2, (-0.3, 0.1), (0.2, 0.9))
    assert Hold().act(state([0.5, 0.5, 1, 1]), {}, lopsided)[0].tolist() == pytest.approx([0, 0.1])
    assert Hold(action=(0.5, -1)).act(state([0.5, 0.5, 1, 1], [0, 0, 0, 0]), {}, SPACE).tolist() == [[0.5, -1], [0.5, -1]]


def test_hold_keeps_to_a_choice():
    found = Hold(action=3).act(state([0.5, 0.5, 1, 1]), {}, DiscreteSpace(4))
    assert found.tolist() == [[3]] and found.dtype == torch.int64


@pytest.mark.parametrize(
    ("fallback", "space"), [(Hold(), DiscreteSpace(4)), (Hold(action=4), DiscreteSpace(4)), (Hold(action=1.5), DiscreteSpace(4))]
)
def test_a_choice_that_there_is_not_is_refused(fallback, space):
    with pytest.raises((ConfigError, SpaceError)):
        fallback.check(SIZES, space)


@pytest.mark.parametrize("action", [(0.5,), (0.5, 2.0), 0.5])
def test_an_action_out_of_bounds_or_of_another_size_is_refused(action):
    with pytest.raises((ConfigError, SpaceError)):
        Hold(action=action).check(SIZES, SPACE)


def test_brake_acts_against_the_quantity_within_bounds():
    found = Brake(quantity="velocity", gain=2.0, steps=4).act(state([0.5, 0.5, 0.2, -3.0]), KNOWLEDGE.readouts, SPACE)
    assert found[0].tolist() == pytest.approx([-0.4, 1.0])


def test_brake_brings_a_point_mass_to_rest():
    now, brake = state([0.5, 0.5, 0.4, -0.3]), Brake(quantity="velocity", gain=10.0, steps=6)
    for _ in range(brake.steps):
        now = KNOWLEDGE.world_model.step(now, brake.act(now, KNOWLEDGE.readouts, SPACE))
    assert now.memory["velocity"].abs().max() < 1e-6


@pytest.mark.parametrize(("sizes", "space"), [({"velocity": 1}, SPACE), (SIZES, DiscreteSpace(3))])
def test_brake_needs_a_number_for_each_of_the_actions(sizes, space):
    with pytest.raises(ConfigError):
        Brake(quantity="velocity", gain=1.0, steps=4).check(sizes, space)


@pytest.mark.parametrize("make", [lambda: Hold(steps=0), lambda: Brake(quantity="v", gain=0.0, steps=1), lambda: LastSafePlan(then=LastSafePlan())])
def test_what_never_comes_to_rest_is_refused(make):
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize("fallback", [Hold(action=(0.5, 0.0), steps=3), Brake(quantity="v", gain=1.0, steps=2), LastSafePlan(then=Hold(steps=2))])
def test_it_survives_being_saved(fallback):
    assert from_json(to_json(fallback)) == fallback
