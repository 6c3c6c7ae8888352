import pytest

from telos.agent.guardrails import Disc, Hold, Holds, KeepOut, Limit
from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail
from telos.teaching.calibration import MULTIPLES, margins_from, margins_given

ZONE = Guardrail(name="zone", requirement=KeepOut(quantity="position", region=Disc(center=(0.0, 0.0), radius=1.0)), fallback=Hold())
SPEED = Guardrail(name="speed", requirement=Limit(quantity="velocity", most=1.0), fallback=Hold())


def always(position):
    return position[..., 0] < 1


YES_OR_NO = Guardrail(name="rule", requirement=Holds(function=always, reads=("position",)), fallback=Hold())


def test_margins_are_multiples_of_what_the_logs_suggest_the_widest_first():
    assert margins_from({"zone": 0.04, "speed": 0.1}, (2.0, 0.5)) == [{"zone": 0.08, "speed": 0.2}, {"zone": 0.02, "speed": 0.05}]
    assert len(margins_from({"zone": 0.04})) == len(MULTIPLES) and list(MULTIPLES) == sorted(MULTIPLES, reverse=True)


def test_a_rule_that_only_says_yes_or_no_is_tested_as_it_is():
    assert margins_from({"rule": 0.0}) == [{"rule": 0.0}]


def test_margins_of_ones_own_are_for_a_single_guardrail_with_a_unit():
    assert margins_given([ZONE, YES_OR_NO], (0.1, 0.0)) == [{"zone": 0.1, "rule": 0.0}, {"zone": 0.0, "rule": 0.0}]
    with pytest.raises(ConfigError, match="2 guardrails can have one"):
        margins_given([ZONE, SPEED], (0.1,))


@pytest.mark.parametrize("numbers", [(), (-0.1,), (0.1, 0.1), (0.1, 0.2), (float("nan"),)])
def test_an_order_that_is_not_from_wide_to_narrow_is_refused(numbers):
    with pytest.raises(ConfigError, match="cannot be tested in this order"):
        margins_given([ZONE], numbers)
    with pytest.raises(ConfigError, match="cannot be tested in this order"):
        margins_from({"zone": 0.1}, numbers)
