"""Scripted experts under guardrails never break them, and arrive."""

import numpy as np
import pytest
from plane import Plane

from telos.agent.guardrails import Box, Disc, KeepOut, Limit, NotBefore, StayInside
from telos.envs import Maze, PointMass, Push, TwoRooms, make_world
from telos.evaluation import make_protocol
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import ScriptedContestant
from telos.evaluation.experts import CautiousExpert, DetourExpert, expert_under
from telos.evaluation.experts.choice import swing
from telos.evaluation.guarded import Judges
from telos.evaluation.guarded_pairs import draw_guarded_pairs

LADDER = "#######/#.....#/#.###.#/#.....#/#.###.#/#.....#/#######"
DISC = KeepOut(quantity="position", region=Disc(center=(0.25, 0.5), radius=0.12))
CORRIDOR = KeepOut(quantity="position", region=Box(low=(2 / 7, 3 / 7), high=(5 / 7, 4 / 7)))
SPEED = Limit(quantity="velocity", most=0.5, of="size")
INSIDE = StayInside(quantity="position", region=Box(low=(0.1, 0.1), high=(0.9, 0.9)))
SWING = Limit(quantity="velocity", most=6.0, of="size")
CASES = {
    "two-rooms": (TwoRooms(), (DISC,), 20, True),
    "ladder": (Maze(map=LADDER), (CORRIDOR,), 20, True),
    "point-mass": (PointMass(), (SPEED, INSIDE), 40, True),
    "pendulum": (make_world("gym:Pendulum-v1"), (SWING,), 4, False),
    "slow-rooms": (TwoRooms(), (Limit(quantity="position", most=0.05, of="rate"),), 10, False),
}


def played(name, contestant=None):
    world, requirements, episodes, conflicts = CASES[name]
    protocol = make_protocol(world, None, episodes=episodes, offset=None, seed=100)
    pairs = draw_guarded_pairs(world, protocol, requirements, conflicts=conflicts)
    contestant = contestant or expert_under(world, requirements, pairs.starts)
    judges = Judges(world, {str(number): part for number, part in enumerate(requirements)}, pairs.starts)
    return play(world, pairs, contestant, protocol, record=judges), judges.breaches


@pytest.mark.parametrize("name", CASES)
def test_the_expert_never_breaks_a_guardrail_and_arrives(name):
    outcome, breaches = played(name)
    assert outcome.success.all() and not any(part.broken.any() for part in breaches.values())


@pytest.mark.parametrize("name", ["two-rooms", "ladder", "point-mass"])
def test_where_only_conflicts_are_played_the_usual_way_is_always_forbidden(name):
    _, breaches = played(name, ScriptedContestant())
    assert np.any([part.broken for part in breaches.values()], axis=0).all()


def test_a_row_of_a_batch_goes_like_the_row_alone():
    world = TwoRooms()
    protocol = make_protocol(world, None, episodes=6, offset=None, seed=100)
    pairs = draw_guarded_pairs(world, protocol, (DISC,), conflicts=True)
    together, alone = DetourExpert((DISC,)), DetourExpert((DISC,))
    together.begin(world, pairs.starts, pairs.goals)
    one, goal = ({name: part[3:4] for name, part in states.items()} for states in (pairs.starts, pairs.goals))
    alone.begin(world, one, goal)
    np.testing.assert_array_equal(together.act(pairs.starts)[3:4], alone.act(one))


def test_the_equation_of_the_pendulum_is_that_of_gymnasium():
    world, rng = make_world("gym:Pendulum-v1"), np.random.default_rng(0)
    states = world.sample(rng, 50)
    actions = rng.uniform(-3, 3, (50, 1)).astype(np.float32)
    for _ in range(5):
        ours, theirs = swing(world, states, actions), world.advance(states, actions)
        for name in ("angle", "velocity"):
            np.testing.assert_allclose(ours[name], theirs[name], atol=1e-6)
        states = theirs


def test_each_world_has_the_expert_that_suits_it_or_none():
    def found(world, *requirements):
        starts, _ = world.sample_pairs(np.random.default_rng(0), 20, world.pair_kinds[0])
        return type(expert_under(world, requirements, starts))

    assert found(TwoRooms(), DISC) is DetourExpert and found(Plane(), DISC) is DetourExpert
    assert found(PointMass(), SPEED) is CautiousExpert
    nobody = type(None)
    assert found(TwoRooms(layout="random"), DISC) is nobody, "one layout at a time"
    assert found(Push(), DISC) is nobody, "its goals are about the block"
    until = NotBefore(quantity="position", forbidden=DISC.region, until=Disc(center=(0.9, 0.9), radius=0.1))
    assert found(TwoRooms(), until) is nobody, "it remembers nothing"
