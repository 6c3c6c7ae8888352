from itertools import pairwise

import pytest

from telos.agent.actor import CEM, MPPI, CategoricalCEM, ExhaustiveSearch, GradientDescent, Hybrid, RandomShooting, setting_of
from telos.cli.planners import PLANNERS
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.evaluation.planner_curves import ALL, LADDERS, choose_kinds, climb

BOUNDED, CHOICES = VectorSpace(2, (-1, -1), (1, 1)), DiscreteSpace(4)
OWN = """
from dataclasses import dataclass
from telos.agent.actor import RandomShooting

@dataclass(frozen=True, kw_only=True)
class Mine(RandomShooting):
    num_candidates: int = 7
"""


def test_every_planner_that_ships_with_us_has_a_ladder():
    assert set(LADDERS) == set(PLANNERS.values())


@pytest.mark.parametrize("kind", LADDERS, ids=lambda kind: kind.__name__)
def test_every_ladder_climbs(kind):
    settings = [kind(**budget) for budget in LADDERS[kind]]
    numbers = [[int(word) for word in setting_of(setting).split() if word.isdigit()] for setting in settings]
    assert len(set(settings)) == len(settings) >= 3
    assert all(all(a <= b for a, b in zip(low, high, strict=True)) for low, high in pairwise(numbers))


def test_all_are_those_that_can_search_the_actions():
    kinds = choose_kinds([ALL])
    assert {type(planner) for planner in climb(kinds, BOUNDED, MPPI())} >= {RandomShooting, CEM, MPPI, GradientDescent}
    assert {type(planner) for planner in climb(kinds, CHOICES, CategoricalCEM())} >= {RandomShooting, CategoricalCEM}
    for space, like in ((BOUNDED, MPPI()), (CHOICES, CategoricalCEM())):
        assert all(planner.supports(space) for planner in climb(kinds, space, like))


def test_searches_through_everything_stop_where_everything_is_too_much():
    def depths(num: int) -> list[int]:
        return [
            planner.depth for planner in climb([ExhaustiveSearch, CategoricalCEM], DiscreteSpace(num), CategoricalCEM()) if hasattr(planner, "depth")
        ]

    assert depths(4) == [1, 2, 3] and depths(100) == [1, 2]


def test_all_look_as_far_ahead_as_the_recipe_and_as_smoothly():
    like = MPPI(horizon=9, noise_exponent=2.0, temperature=0.3)
    for planner in climb(choose_kinds([ALL]), BOUNDED, like):
        assert planner.horizon == 9
        inner = planner.sampler if isinstance(planner, Hybrid) else planner
        assert getattr(inner, "noise_exponent", 2.0) == 2.0 and inner.horizon == 9
    assert all(planner.temperature == 0.3 for planner in climb([MPPI], BOUNDED, like))


def test_the_recipes_own_setting_is_tried_once():
    own = MPPI(horizon=9, num_candidates=77, num_iterations=2)
    assert climb([CEM], BOUNDED, own)[-1] == own
    usual = MPPI(horizon=9, **LADDERS[MPPI][0])
    assert list(climb([MPPI], BOUNDED, usual)).count(usual) == 1


def test_names_may_be_mixed_and_each_counts_once(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    kinds = choose_kinds(["mppi", " cem", "mppi", f"{tmp_path}/own.py:Mine"])
    assert [kind.__name__ for kind in kinds] == ["MPPI", "CEM", "Mine"]
    assert next(setting_of(planner) for planner in climb(kinds[2:], BOUNDED, MPPI())) == "mine 7 x 1"


def test_what_is_no_planner_is_refused():
    with pytest.raises(UnknownNameError, match="planner called 'mpi'"):
        choose_kinds(["mpi"])
    with pytest.raises(ConfigError, match="is not a planner"):
        choose_kinds(["telos.agent.loop:Agent"])
    with pytest.raises(ConfigError, match=r"None of these planners can search .*: categorical-cem"):
        climb([CategoricalCEM], BOUNDED, MPPI())


@pytest.mark.parametrize(
    ("planner", "words"),
    [
        (MPPI(num_candidates=64, num_iterations=3), "mppi 64 x 3"),
        (CEM(num_candidates=64, num_iterations=3, num_elites=8), "cem 64 x 3"),
        (GradientDescent(num_starts=4, num_iterations=20), "gradient-descent 4 x 20"),
        (Hybrid(sampler=MPPI(num_candidates=32, num_iterations=2), num_starts=2, num_iterations=4), "hybrid 2 x 4 after mppi 32 x 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_is_named_by_its_budget(planner, words):
    assert setting_of(planner) == words
