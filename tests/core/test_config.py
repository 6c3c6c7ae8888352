"""Configs: to JSON and back, and classes by name."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telos.agent.actor import CEM, MPPI
from telos.agent.cost import ActionEffort, LeastDistance
from telos.core.config import choose, class_path, from_json, load_class, short_name, to_json
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, UnknownNameError
from telos.envs import Maze, PointMass, TwoRooms

USER_FILE = """
from dataclasses import dataclass
from telos.agent.actor import CEM

@dataclass(frozen=True, kw_only=True)
class Bold(CEM):
    courage: float = 2.0

    def daring(self):
        return self.courage * HORIZON

HORIZON = 3
"""
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Anything, and a part that is a config itself."""

    value: Any = None
    part: AbstractCost = field(default_factory=LeastDistance)


@given(st.recursive(scalars, lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text().filter(lambda key: key != "class"), inner)))
def test_whatever_a_config_holds_comes_back_from_json(value):
    holder = Holder(value=value, part=0.3 * LeastDistance() + ActionEffort())
    assert from_json(json.loads(json.dumps(to_json(holder)))) == holder


@pytest.mark.parametrize(
    "value", [MPPI(horizon=3), TwoRooms(layout="random"), Maze(map="u-maze"), PointMass(dt=0.05)], ids=lambda value: type(value).__name__
)
def test_values_of_ours_name_their_class_and_come_back(value):
    data = to_json(value)
    assert data["class"] == f"{type(value).__module__}:{type(value).__name__}"
    assert from_json(data) == value


def test_fields_that_did_not_exist_when_it_was_saved_take_their_defaults():
    data = to_json(MPPI(horizon=3))
    del data["temperature"]
    assert from_json(data) == MPPI(horizon=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, Path()], ids=lambda value: type(value).__name__)
def test_what_json_cannot_carry_is_refused(value):
    with pytest.raises(ConfigError, match="cannot be saved"):
        to_json(Holder(value=value))


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"class": "telos.agent.actor:MPI"}, UnknownNameError, "did you mean 'MPPI'"),
        ({"class": "telos.agent.actress:MPPI"}, ConfigError, "cannot be imported"),
        ({"class": "MPPI"}, ConfigError, "module:Name"),
        ({"class": "pathlib:Path"}, ConfigError, "not a config"),
        ({"class": "no/such/file.py:Name"}, ConfigError, "There is no file"),
        ({"temprature": 1}, UnknownNameError, "did you mean 'temperature'"),
        ({"horizon": 0}, ConfigError, "horizon"),
    ],
    ids=str,
)
def test_a_saved_config_that_makes_no_sense_says_why(change, kind, says):
    with pytest.raises(kind, match=says):
        from_json({**to_json(MPPI()), **change})


def test_a_field_without_default_that_is_missing_is_named():
    data = to_json(0.5 * ActionEffort())
    del data["weights"]
    with pytest.raises(ConfigError, match="weights"):
        from_json(data)


def test_a_class_of_ones_own_is_saved_with_its_file_and_comes_back(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    kind = load_class(f"{file}:Bold")
    assert issubclass(kind, CEM)
    assert class_path(kind) == f"{file}:Bold"
    again = from_json(json.loads(json.dumps(to_json(kind(courage=5.0)))))
    assert again.courage == 5.0
    assert again.daring() == 15.0


def test_files_of_one_name_in_two_folders_are_two(tmp_path):
    kinds = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(USER_FILE)
        kinds.append(load_class(f"{tmp_path / folder / 'mine.py'}:Bold"))
    assert [class_path(kind) for kind in kinds] == [f"{tmp_path}/{folder}/mine.py:Bold" for folder in ("a", "b")]


def test_a_file_is_loaded_once_unless_it_was_edited(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    kind = load_class(f"{file}:Bold")
    assert from_json(to_json(kind())) == kind()
    monkeypatch.chdir(tmp_path)
    assert load_class("mine.py:Bold") is kind
    file.write_text(USER_FILE.replace("2.0", "20.0"))
    assert load_class(f"{file}:Bold")().courage == 20.0


@pytest.mark.parametrize(
    ("text", "says"), [("def broken(:", "SyntaxError"), ("import no_such_module", "ModuleNotFoundError"), ("1 / 0", "ZeroDivisionError")]
)
def test_a_file_that_cannot_be_loaded_says_why(text, says, tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_class(f"{file}:Anything")


def test_a_name_that_a_file_does_not_have_is_answered_with_the_closest(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    with pytest.raises(UnknownNameError, match="did you mean 'Bold'"):
        load_class(f"{file}:Bolt")


@pytest.mark.parametrize(
    ("kind", "name"), [(TwoRooms, "two-rooms"), (MPPI, "mppi"), (CEM, "cem"), (PointMass, "point-mass"), (LeastDistance, "least-distance")]
)
def test_short_names_are_kebab_case(kind, name):
    assert short_name(kind) == name


def test_a_component_is_chosen_by_short_name_by_path_or_by_file(tmp_path):
    exports = {"MPPI": MPPI, "CEM": CEM}
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    assert choose("planner", "cem", exports) is CEM
    assert choose("planner", "telos.agent.actor:MPPI", exports) is MPPI
    assert choose("planner", f"{file}:Bold", exports).__name__ == "Bold"
    with pytest.raises(UnknownNameError, match=r"no planner called 'mpi'(.|\n)*cem, mppi(.|\n)*did you mean 'mppi'"):
        choose("planner", "mpi", exports)
