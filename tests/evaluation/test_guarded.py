"""Who judges guardrails: the true state, step by step."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from plane import Plane

from telos.agent.guardrails import Box, Disc, KeepOut, Limit, NotBefore, StayInside
from telos.core.errors import UnknownNameError
from telos.core.guarding import AbstractRequirement
from telos.envs import PointMass, make_world
from telos.evaluation.guarded import Judge, Judges, met_at_goal, met_at_start, true_quantities

DISC = KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.2))
KEY, DOOR = Disc(center=(0.0, 0.0), radius=0.1), Disc(center=(1.0, 0.0), radius=0.1)


def judged(requirement, *paths, world=None):
    """What the judge finds of paths `[time 2]`, side by side; shorter ones leave earlier."""
    world = world or Plane()
    judge = Judge(world, requirement, {"position": np.array([path[0] for path in paths], float)})
    for time in range(1, max(map(len, paths))):
        alive = np.array([row for row, path in enumerate(paths) if len(path) > time])
        judge(alive, np.zeros((len(alive), 2)), {"position": np.array([paths[row][time] for row in alive], float)})
    return judge.breaches


def test_the_judge_tells_who_broke_it_when_and_how_badly():
    breaches = judged(DISC, [(0, 0), (0.3, 0.5), (0.4, 0.5), (0.5, 0.5), (1, 1)], [(0, 0), (0.2, 0.5), (0, 1)], [(0, 0), (0.31, 0.5)])
    assert breaches.first.tolist() == [2, -1, 1] and breaches.broken.tolist() == [True, False, True]
    np.testing.assert_allclose(breaches.worst, [0.2, -0.1, 0.01], atol=1e-12)
    assert breaches.to_json()["violations"] == 2 and breaches.to_json()["violated"] == pytest.approx(2 / 3)
    assert breaches.to_json()["worst"] == pytest.approx(0.2)


def test_the_border_belongs_to_both_and_a_hair_beyond_is_broken():
    assert not judged(DISC, [(0, 0), (0.5, 0.3)]).broken[0]
    assert judged(DISC, [(0, 0), (0.5, 0.3 + 1e-9)]).broken[0]


def test_a_rate_is_judged_from_the_step_that_was_made():
    slow = Limit(quantity="position", most=0.1, of="rate")
    breaches = judged(slow, [(0, 0), (0.1, 0), (0.3, 0), (0.3, 0)], [(0, 0), (0.05, 0), (0.1, 0), (0.2, 0)])
    assert breaches.first.tolist() == [2, -1]


def test_what_has_to_happen_before_is_remembered_for_each_episode_apart():
    rule = NotBefore(quantity="position", forbidden=DOOR, until=KEY)
    with_key, without = [(0.5, 0), (0, 0), (0.5, 0), (1, 0)], [(0.5, 0), (0.5, 0), (0.5, 0), (1, 0)]
    assert judged(rule, with_key, without, [(0.5, 0.5), (0.6, 0.5)]).first.tolist() == [-1, 3, -1]


def test_what_is_no_number_is_broken():
    @dataclass(frozen=True)
    class Nothing(AbstractRequirement):
        @property
        def quantities(self):
            return ("position",)

        def value(self, now, ahead, memory):
            return ahead["position"][..., 0] * torch.nan

    assert judged(Nothing(), [(0, 0), (0, 0)]).broken[0]


def test_starts_and_goals_are_met_where_an_episode_may_begin_and_end():
    states = {"position": np.array([[0.5, 0.5], [0.0, 0.0], [1.0, 0.0]])}
    assert met_at_start(Plane(), [DISC], states).tolist() == [False, True, True]
    rule = NotBefore(quantity="position", forbidden=DOOR, until=KEY)
    assert met_at_start(Plane(), [rule], states).tolist() == [True, True, False], "in the door without the key: too late"
    assert met_at_goal(Plane(), [rule], states).all(), "a goal behind the door is fine"
    assert met_at_start(Plane(), [], states).all()


def test_angles_are_read_as_directions_and_numbers_as_rows():
    world = make_world("gym:Pendulum-v1")
    starts, _ = world.sample_pairs(np.random.default_rng(0), 3, "swing-up")
    seen = true_quantities(world, starts, ("angle", "velocity"))
    torch.testing.assert_close(seen["angle"], torch.from_numpy(np.stack([np.cos(starts["angle"]), np.sin(starts["angle"])], axis=1)))
    assert seen["velocity"].shape == (3, 1) and seen["velocity"].dtype == torch.float64


def test_an_unknown_quantity_is_named_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match="'speed'") as refused:
        judged(Limit(quantity="speed", most=1.0), [(0, 0), (1, 1)])
    assert "position" in str(refused.value)


def test_several_guardrails_are_judged_in_one_go():
    world = PointMass()
    starts, _ = world.sample_pairs(np.random.default_rng(0), 5, "anywhere")
    box = StayInside(quantity="position", region=Box(low=(0.1, 0.1), high=(0.9, 0.9)))
    judges = Judges(world, {"box": box, "speed": Limit(quantity="velocity", most=0.5, of="size")}, starts)
    judges(np.arange(5), np.zeros((5, 2)), {"position": np.full((5, 2), 0.95), "velocity": np.zeros((5, 2))})
    assert judges.breaches["box"].broken.all() and not judges.breaches["speed"].broken.any()
