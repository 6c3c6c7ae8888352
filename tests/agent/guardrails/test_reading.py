"""Guardrails as people write them down."""

import pytest

from telos.agent.guardrails import (
    Apart,
    Box,
    Brake,
    Calibration,
    Disc,
    Guardrail,
    Hold,
    Holds,
    Intersection,
    KeepOut,
    LastSafePlan,
    Limit,
    NotBefore,
    Outside,
    Polygon,
    StayInside,
    guardrail_from_mapping,
    load_guardrails,
    load_guardrails_file,
    save_guardrails,
)
from telos.core.errors import ConfigError, RunError, UnknownNameError

FILE = """
[[guardrail]]
name = "keep clear of the pillar"
keep_out = { quantity = "position", disc = { center = [0.25, 0.5], radius = 0.12 } }
alpha = 0.05
fallback = "hold"

[[guardrail]]
name = "stay in the lane"
stay_inside = { quantity = "position", box = { low = [0.1, -inf], high = [inf, 0.9] } }
margin = 0.01
fallback = { brake = { quantity = "velocity", gain = 10, steps = 8 } }

[[guardrail]]
name = "slowly"
limit = { quantity = "velocity", most = 0.5, of = "size" }
fallback = { last_safe_plan = { then = { hold = { steps = 2 } } } }

[[guardrail]]
name = "off the shelf"
apart = { first = "position", second = "shelf", least = 0.2 }
fallback = { hold = { action = [0.0, 1.0] } }

[[guardrail]]
name = "key before door"
fallback = "hold"
[guardrail.not_before]
quantity = "position"
forbidden = { polygon = { corners = [[0, 0], [1, 0], [1, 1]] } }
until = { all_of = [{ disc = { center = [0, 0], radius = 1 } }, { outside = { box = { low = [0.5, 0.5] } } }] }

[[guardrail]]
name = "left"
holds = { function = "rules.py:left", reads = ["position"] }
fallback = "hold"
"""


def test_a_file_says_all_there_is_to_say(tmp_path):
    (tmp_path / "rules.py").write_text("def left(position):\n    return position[..., 0] < 0.5\n")
    (tmp_path / "rules.toml").write_text(FILE)
    found = load_guardrails_file(tmp_path / "rules.toml")
    disc, box = Disc(center=(0.25, 0.5), radius=0.12), Box(low=(0.1, None), high=(None, 0.9))
    hold, brake = Hold(), Brake(quantity="velocity", gain=10, steps=8)
    until = Intersection(regions=(Disc(center=(0, 0), radius=1), Outside(region=Box(low=(0.5, 0.5), high=(None, None)))))
    triangle = Polygon(corners=((0, 0), (1, 0), (1, 1)))
    assert found == (
        Guardrail(name="keep clear of the pillar", requirement=KeepOut(quantity="position", region=disc), alpha=0.05, fallback=hold),
        Guardrail(name="stay in the lane", requirement=StayInside(quantity="position", region=box), margin=0.01, fallback=brake),
        Guardrail(name="slowly", requirement=Limit(quantity="velocity", most=0.5, of="size"), fallback=LastSafePlan(then=Hold(steps=2))),
        Guardrail(name="off the shelf", requirement=Apart(first="position", second="shelf", least=0.2), fallback=Hold(action=(0.0, 1.0))),
        Guardrail(name="key before door", requirement=NotBefore(quantity="position", forbidden=triangle, until=until), fallback=hold),
        Guardrail(name="left", requirement=Holds(function=f"{tmp_path / 'rules.py'}:left", reads=("position",)), fallback=hold),
    )
    save_guardrails(tmp_path / "guardrails.json", found)
    assert load_guardrails(tmp_path / "guardrails.json") == found


KEEP = {"quantity": "position", "disc": {"center": [0, 0], "radius": 1}}
GOOD = {"name": "a", "keep_out": KEEP, "fallback": "hold"}


@pytest.mark.parametrize(
    ("changes", "close"),
    [
        ({"keepout": 1}, "keep_out"),
        ({"alfa": 0.1}, "alpha"),
        ({"keep_out": {**KEEP, "quantty": 1}}, "quantity"),
        ({"keep_out": {"quantity": "position", "disk": {"center": [0, 0], "radius": 1}}}, "disc"),
        ({"keep_out": {"quantity": "position", "disc": {"centre": [0, 0], "radius": 1}}}, "center"),
        ({"fallback": "hlod"}, "hold"),
        ({"fallback": {"brake": {"quantity": "v", "gian": 1, "steps": 1}}}, "gain"),
    ],
)
def test_a_slip_of_the_pen_answers_with_the_closest_name(changes, close):
    with pytest.raises(UnknownNameError, match=f"did you mean '{close}'"):
        guardrail_from_mapping({**GOOD, **changes})


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({**GOOD, "name": ""}, "no name"),
        ({"name": "a", "fallback": "hold"}, "0 requirements"),
        ({**GOOD, "limit": {"quantity": "v", "most": 1}}, "2 requirements"),
        ({"name": "a", "keep_out": KEEP}, "no fallback"),
        ({**GOOD, "keep_out": {"quantity": "position"}}, "no region"),
        ({**GOOD, "keep_out": {"disc": KEEP["disc"]}}, "lacks quantity"),
        ({**GOOD, "keep_out": {**KEEP, "box": {"low": [0, 0]}}}, "2 regions"),
        ({**GOOD, "keep_out": {"quantity": "position", "disc": {"center": [0, 0]}}}, "lacks radius"),
        ({**GOOD, "keep_out": {"quantity": "position", "disc": {"center": [0, 0], "radius": "big"}}}, "cannot be read"),
        ({**GOOD, "alpha": "small"}, "'alpha'"),
        ({**GOOD, "alpha": 2}, "alpha = 2"),
        ({**GOOD, "margin": -1}, "margin"),
        ({**GOOD, "keep_out": 3}, "a table"),
        ({**GOOD, "fallback": 3}, "fallback"),
        ("pillar", "a table"),
    ],
)
def test_what_is_missing_or_out_of_range_is_named(mapping, words):
    with pytest.raises(ConfigError, match=words):
        guardrail_from_mapping(mapping)


@pytest.mark.parametrize("content", ["guardrail = 3", "", "[[guardrial]]\nname = 'a'", "name = ["])
def test_a_file_without_guardrails_is_told(tmp_path, content):
    (tmp_path / "rules.toml").write_text(content)
    with pytest.raises((ConfigError, UnknownNameError)):
        load_guardrails_file(tmp_path / "rules.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_guardrails_file(tmp_path / "nothing.toml")


def test_a_calibration_is_kept_with_its_guardrail(tmp_path):
    found = Calibration(alpha=0.01, confidence=0.95, episodes=300, violations=0, closed_loop=True, tried=(0.1, 0.05), tie="model=a", source="here")
    rail = Guardrail(name="a", requirement=Limit(quantity="v", most=1.0), fallback=Hold(), margin=0.05, calibration=found)
    save_guardrails(tmp_path / "guardrails.json", (rail,))
    assert load_guardrails(tmp_path / "guardrails.json") == (rail,)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"format": 1, "guardrails": [{"class": "nowhere:A"}]}', '{"format": 1, "guardrails": [3]}']
)
def test_a_damaged_file_is_never_read_as_no_guardrails(tmp_path, content):
    (tmp_path / "guardrails.json").write_text(content)
    with pytest.raises(RunError):
        load_guardrails(tmp_path / "guardrails.json")


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    (tmp_path / "guardrails.json").write_text('{"format": 99, "guardrails": []}')
    with pytest.raises(RunError, match="newer"):
        load_guardrails(tmp_path / "guardrails.json")


def test_a_function_that_has_no_name_cannot_be_saved(tmp_path):
    rail = Guardrail(name="a", requirement=Holds(function=lambda position: position[..., 0] < 1, reads=("position",)), fallback=Hold())
    with pytest.raises(ConfigError, match="cannot be saved"):
        save_guardrails(tmp_path / "guardrails.json", (rail,))
