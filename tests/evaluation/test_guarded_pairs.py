"""Episodes under guardrails are those that can be played without breaking one."""

import numpy as np
import pytest
from plane import Plane

from telos.agent.guardrails import Box, Disc, KeepOut, StayInside
from telos.core.errors import ConfigError
from telos.envs import PointMass, TwoRooms
from telos.evaluation import make_protocol
from telos.evaluation.closed_loop import play
from telos.evaluation.experts import DetourExpert
from telos.evaluation.guarded import met_at_goal, met_at_start
from telos.evaluation.guarded_pairs import draw_guarded_pairs

DISC = KeepOut(quantity="position", region=Disc(center=(0.25, 0.5), radius=0.12))


def drawn(world, *requirements, episodes=30, seed=100, **rest):
    protocol = make_protocol(world, None, episodes=episodes, offset=None, seed=seed)
    return protocol, draw_guarded_pairs(world, protocol, requirements, **rest)


@pytest.mark.parametrize("conflicts", [False, True])
def test_neither_starts_nor_goals_are_forbidden_already(conflicts):
    world = TwoRooms()
    protocol, pairs = drawn(world, DISC, conflicts=conflicts)
    assert met_at_start(world, [DISC], pairs.starts).all() and met_at_goal(world, [DISC], pairs.goals).all()
    assert len(pairs) == 30 and (world.distance(pairs.starts, pairs.goals) > protocol.radius).all()


def test_starts_from_which_there_is_no_way_are_left_out():
    wall = KeepOut(quantity="position", region=Box(low=(0.45, None), high=(0.55, None)))
    world = TwoRooms()
    with pytest.raises(ConfigError, match="starts and goals 0 are left under the guardrails, and 1 were asked for"):
        drawn(world, wall, episodes=1)


def test_the_time_allowed_is_a_multiple_of_what_the_guarded_expert_takes():
    world = TwoRooms()
    protocol, pairs = drawn(world, DISC, conflicts=True, episodes=10)
    steps = play(world, pairs, DetourExpert((DISC,)), protocol).steps
    np.testing.assert_array_equal(pairs.limits, 3 * steps)


def test_the_same_seed_draws_the_same_and_another_one_others():
    one, again, other = (
        drawn(PointMass(), StayInside(quantity="position", region=Box(low=(0.1,) * 2, high=(0.9,) * 2)), seed=seed)[1] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.starts["position"], again.starts["position"])
    assert not np.array_equal(one.starts["position"], other.starts["position"])


def test_conflicts_are_told_by_an_expert():
    class Nobody(Plane):
        has_expert = False

    protocol = make_protocol(Nobody(), None, episodes=3, offset=None, seed=0, steps=20)
    with pytest.raises(ConfigError, match="Nobody wrote a scripted expert"):
        draw_guarded_pairs(Nobody(), protocol, [DISC], conflicts=True)
