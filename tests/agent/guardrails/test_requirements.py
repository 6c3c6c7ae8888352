"""What must hold at every step."""

import pytest
import torch

from telos.agent.guardrails import Apart, Box, Disc, Guardrail, Hold, Holds, KeepOut, Limit, NotBefore, StayInside
from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.testing import check_requirement

DISC = Disc(center=(0.5, 0.5), radius=0.2)


def left(position):
    return position[..., 0] < 0.5


EVERY = {
    "keep out": KeepOut(quantity="position", region=DISC),
    "stay inside": StayInside(quantity="position", region=DISC),
    "value": Limit(quantity="position", least=0.2, most=0.7),
    "one number": Limit(quantity="position", most=0.7, index=1),
    "size": Limit(quantity="position", most=0.7, of="size"),
    "rate": Limit(quantity="position", most=0.1, of="rate"),
    "apart": Apart(first="position", second="shelf", least=0.3),
    "not before": NotBefore(quantity="position", forbidden=DISC, until=Box(low=(0.8, None), high=(None, None))),
    "not before another": NotBefore(quantity="position", forbidden=DISC, until=DISC, until_quantity="shelf"),
    "holds": Holds(function=left, reads=("position",)),
}


@pytest.mark.parametrize("requirement", EVERY.values(), ids=EVERY.keys())
def test_requirement_keeps_its_promises(requirement):
    check_requirement(requirement, {"position": 2, "shelf": 2})


def value(requirement, now, ahead, memory=None):
    now = {name: torch.tensor([part]) for name, part in now.items()}
    ahead = {name: torch.tensor([part]) for name, part in ahead.items()}
    return requirement.value(now, ahead, requirement.begin(now) if memory is None else memory)[0].tolist()


def test_the_value_is_in_the_unit_of_the_quantity():
    way = {"position": [[0.5, 0.5], [0.5, 0.6], [0.5, 0.8]]}
    assert value(EVERY["keep out"], {"position": [0.0, 0.0]}, way) == pytest.approx([0.2, 0.1, -0.1], abs=1e-6)
    assert value(EVERY["stay inside"], {"position": [0.0, 0.0]}, way) == pytest.approx([-0.2, -0.1, 0.1], abs=1e-6)


def test_limits_take_the_nearer_one():
    way = {"position": [[0.5, 0.5], [0.1, 0.5], [0.5, 0.9]]}
    assert value(EVERY["value"], {"position": [0.0, 0.0]}, way) == pytest.approx([-0.2, 0.1, 0.2], abs=1e-6)
    assert value(EVERY["one number"], {"position": [0.0, 0.0]}, way) == pytest.approx([-0.2, -0.2, 0.2], abs=1e-6)


def test_a_rate_counts_from_the_present_on_and_per_second_if_asked():
    way = {"position": [[0.3, 0.4], [0.3, 0.4]]}
    assert value(EVERY["rate"], {"position": [0.0, 0.0]}, way) == pytest.approx([0.4, -0.1], abs=1e-6)
    second = Limit(quantity="position", most=1.0, of="rate", seconds_per_step=0.1)
    assert value(second, {"position": [0.0, 0.0]}, way) == pytest.approx([4.0, -1.0], abs=1e-5)


def test_apart_from_what_moves_as_well():
    way = {"position": [[0.0, 0.0], [1.0, 0.0]], "shelf": [[0.1, 0.0], [0.1, 0.0]]}
    assert value(EVERY["apart"], {"position": [0.0, 0.0], "shelf": [0.5, 0.0]}, way) == pytest.approx([0.2, -0.6], abs=1e-6)


def test_never_before_remembers_the_episode_and_the_imagined_way():
    rule = NotBefore(quantity="position", forbidden=Disc(center=(0.0, 0.0), radius=0.2), until=Disc(center=(1.0, 0.0), radius=0.2))
    forbidden, fetched, between = [0.0, 0.0], [1.0, 0.0], [0.5, 0.0]
    assert value(rule, {"position": between}, {"position": [forbidden]})[0] > 0
    assert value(rule, {"position": between}, {"position": [fetched, forbidden]})[1] <= 0
    assert value(rule, {"position": between}, {"position": [forbidden, fetched]})[0] > 0
    memory = rule.begin({"position": torch.tensor([between])})
    memory = rule.remember(memory, {"position": torch.tensor([fetched])})
    memory = rule.remember(memory, {"position": torch.tensor([between])})
    assert value(rule, {"position": between}, {"position": [forbidden]}, memory)[0] <= 0


def test_what_was_barely_reached_does_not_count_within_a_margin():
    rule = NotBefore(quantity="position", forbidden=Disc(center=(0.0, 0.0), radius=0.2), until=Disc(center=(1.0, 0.0), radius=0.2))
    barely = value(rule, {"position": [0.81, 0.0]}, {"position": [[0.0, 0.0]]})[0]
    assert -0.011 < barely <= 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Limit(quantity="speed"),
        lambda: Limit(quantity="speed", least=2.0, most=1.0),
        lambda: Limit(quantity="speed", most=1.0, seconds_per_step=0.1),
        lambda: Limit(quantity="speed", most=1.0, of="rate", seconds_per_step=0.0),
        lambda: Apart(first="position", second="position", least=1.0),
        lambda: Apart(first="position", second="shelf", least=0.0),
        lambda: Holds(function=left, reads=()),
        lambda: Guardrail(name="a", requirement=Holds(function=left, reads="position"), fallback=Hold(), margin=0.1),
    ],
)
def test_what_says_nothing_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_an_unknown_part_of_a_quantity_answers_with_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean 'rate'"):
        Limit(quantity="speed", most=1.0, of="rat")


def test_a_number_that_a_quantity_does_not_have_is_told():
    with pytest.raises(ConfigError, match="0 to 1"):
        value(Limit(quantity="position", most=1.0, index=2), {"position": [0.0, 0.0]}, {"position": [[0.0, 0.0]]})


@pytest.mark.parametrize("function", [lambda position: position[0] < 1, lambda position: position[..., 0]])
def test_a_rule_that_gives_something_else_than_a_yes_for_each_step_is_told(function):
    with pytest.raises(SpaceError, match=r"position\[\.\.\., 0\]"):
        value(Holds(function=function, reads=("position",)), {"position": [0.0, 0.0]}, {"position": [[0.0, 0.0]]})


def test_a_rule_may_answer_in_numpy():
    rule = Holds(function=lambda position: position.numpy()[..., 0] < 0.5, reads=("position",))
    assert value(rule, {"position": [0.0, 0.0]}, {"position": [[0.0, 0.0], [1.0, 0.0]]}) == [-1, 1]
