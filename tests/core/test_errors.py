"""Errors: one sentence each, with a way out."""

import inspect
import pickle

import pytest

from telos.core import errors
from telos.core.errors import CollapseError, MissingExtraError, RunError, TelosError, UnknownNameError

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, TelosError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_says_what_is_wrong_what_was_expected_and_what_to_type(kind):
    error = kind("This is wrong.", expected="that", fix="do this")
    assert str(error) == "This is wrong.\n  Expected: that\n  Fix: do this"
    assert (error.what, error.expected, error.fix) == ("This is wrong.", "that", "do this")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_travels_between_processes_whole(kind):
    error = kind("This is wrong.", expected="that", fix="do this")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.fix == "do this"


def test_says_no_more_than_it_knows():
    assert str(TelosError("This is wrong.")) == "This is wrong."
    assert str(TelosError("This is wrong.", fix="do this")) == "This is wrong.\n  Fix: do this"


def test_is_a_mistake_of_value_for_those_who_do_not_know_telos():
    assert issubclass(TelosError, ValueError)
    assert issubclass(CollapseError, RunError)


def test_a_name_that_stands_for_nothing_is_answered_with_the_closest():
    error = UnknownNameError.of("planner", "mpi", ["cem", "mppi"])
    assert str(error) == "There is no planner called 'mpi'.\n  Expected: one of cem, mppi\n  Fix: did you mean 'mppi'?"


def test_a_name_like_no_other_is_answered_with_all():
    assert UnknownNameError.of("planner", "zzz", ["mppi", "cem"]).fix == ""
    assert UnknownNameError.of("planner", "zzz", ["mppi", "cem"]).expected == "one of cem, mppi"


def test_a_missing_extra_names_itself():
    assert "pip install 'telos-jepa[report]'" in str(MissingExtraError.of("matplotlib", extra="report", purpose="The report"))
