"""The rule: inside the radius for `hold` steps in a row, within the time allowed."""

import numpy as np
import pytest
from plane import STRIDE, Plane

from telos.envs import Maze, PointMass, TwoRooms
from telos.evaluation import Pairs, Protocol, draw_pairs
from telos.evaluation.closed_loop import EXPERT_LIMIT, expert_steps, play
from telos.evaluation.contestants import AbstractContestant, ScriptedContestant, ZeroContestant

RULES = Protocol(name="anywhere", episodes=1)
IN, OUT = 0.0, 1.0
"""The goal itself, and a place far from it: no step is longer, see `Leap`."""


class Leap(Plane):
    """A plane on which a step may be of any length."""

    def advance(self, state, actions):
        return {"position": state["position"] + actions}


class Visits(AbstractContestant):
    """Is at the first coordinate that its script says, row by row and step by step; the last one for good."""

    name = "visits"

    def __init__(self, *scripts):
        self.scripts = scripts

    def begin(self, world, starts, goals):
        self.alive, self.time, self.seen = np.arange(len(self.scripts)), 0, []

    def act(self, states):
        wanted = np.array([self.scripts[row][min(self.time, len(self.scripts[row]) - 1)] for row in self.alive])
        self.time += 1
        self.seen.append(self.alive.tolist())
        return np.stack([wanted - states["position"][:, 0], -states["position"][:, 1]], axis=1)

    def keep(self, rows):
        self.alive = self.alive[rows]


def outcome_of(*scripts, limit=20, rules=RULES, contestant=None):
    num = len(scripts)
    starts, goals = {"position": np.tile([OUT, 0.0], (num, 1))}, {"position": np.tile([IN, 0.0], (num, 1))}
    return play(Leap(), Pairs(starts, goals, np.full(num, limit)), contestant or Visits(*scripts), rules)


CASES = {
    "never there": ([OUT], False, False, 20),
    "there at once, and stays": ([IN], True, True, 5),
    "there at last, and stays": ([OUT] * 15 + [IN], True, True, 20),
    "there one step too late": ([OUT] * 16 + [IN], False, True, 20),
    "four steps, then away": ([IN] * 4 + [OUT], False, True, 20),
    "four steps, away, four steps, away": ([IN] * 4 + [OUT] + [IN] * 4 + [OUT], False, True, 20),
    "four steps, away, then five": ([IN] * 4 + [OUT] + [IN] * 5 + [OUT], True, True, 10),
    "five steps, then away": ([OUT] * 2 + [IN] * 5 + [OUT], True, True, 7),
    "only in the last step allowed": ([OUT] * 19 + [IN], False, True, 20),
    "only after time was up": ([OUT] * 20 + [IN], False, False, 20),
    "just inside of it": ([RULES.radius - 1e-9], True, True, 5),
    "just outside of it": ([RULES.radius + 1e-9], False, False, 20),
}


@pytest.mark.parametrize("name", CASES)
def test_success_is_judged_by_the_rule(name):
    script, success, success_any, steps = CASES[name]
    outcome = outcome_of(script)
    assert (outcome.success.tolist(), outcome.success_any.tolist(), outcome.steps.tolist()) == ([success], [success_any], [steps])


def test_episodes_side_by_side_are_judged_as_each_alone():
    outcome = outcome_of(*(script for script, *_ in CASES.values()))
    assert outcome.success.tolist() == [success for _, success, _, _ in CASES.values()]
    assert outcome.success_any.tolist() == [any_step for _, _, any_step, _ in CASES.values()]
    assert outcome.steps.tolist() == [steps for _, _, _, steps in CASES.values()]


def test_each_episode_has_its_own_time():
    starts, goals = {"position": np.tile([OUT, 0.0], (3, 1))}, {"position": np.tile([IN, 0.0], (3, 1))}
    late = [OUT] * 3 + [IN]
    outcome = play(Leap(), Pairs(starts, goals, np.array([7, 8, 9])), Visits(late, late, late), RULES)
    assert outcome.success.tolist() == [False, True, True] and outcome.steps.tolist() == [7, 8, 8]


def test_who_is_through_leaves_and_nobody_plays_on_after_all_are():
    contestant = Visits([IN], [OUT, OUT, IN], [OUT])
    outcome_of(*contestant.scripts, limit=12, contestant=contestant)
    assert contestant.seen == [[0, 1, 2]] * 5 + [[1, 2]] * 2 + [[2]] * 5


@pytest.mark.parametrize("hold", [1, 3])
def test_the_protocol_says_how_long_and_how_near(hold):
    wide = Protocol(name="anywhere", episodes=1, hold=hold, radius=0.5)
    assert outcome_of([OUT, 0.4], rules=wide).steps.tolist() == [1 + hold]


AT_END = {
    "there at once, and stays": ([IN], True),
    "there for the last five steps": ([OUT] * 15 + [IN], True),
    "there for the last four steps": ([OUT] * 16 + [IN], False),
    "there for long, then away": ([IN] * 15 + [OUT], False),
    "away in the last step only": ([IN] * 19 + [OUT], False),
}


@pytest.mark.parametrize("name", AT_END)
def test_where_the_end_counts_nobody_is_through_before(name):
    script, success = AT_END[name]
    outcome = outcome_of(script, rules=Protocol(name="anywhere", at_end=True))
    assert outcome.success.tolist() == [success] and outcome.steps.tolist() == [20]


class Cliff(Leap):
    """Whoever gets beyond 2 has fallen."""

    def over(self, state):
        return state["position"][:, 0] > 2


def test_who_has_fallen_is_out_unless_the_goal_lies_there():
    starts, goals = {"position": np.tile([1.0, 0.0], (3, 1))}, {"position": np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 0.0]])}
    visits = Visits([2.5, 0.0], [3.0], [0.0])
    outcome = play(Cliff(), Pairs(starts, goals, np.full(3, 20)), visits, RULES)
    assert outcome.success.tolist() == [False, True, True]
    assert visits.seen[:2] == [[0, 1, 2], [1, 2]]


def test_progress_counts_the_episodes_that_are_through():
    told = []
    starts, goals = {"position": np.tile([OUT, 0.0], (2, 1))}, {"position": np.tile([IN, 0.0], (2, 1))}
    play(Leap(), Pairs(starts, goals, np.full(2, 8)), Visits([IN], [OUT]), RULES, lambda done, total: told.append((done, total)))
    assert told == [(0, 2)] * 4 + [(1, 2)] * 3 + [(2, 2)]


def test_an_outcome_tells_shares_with_intervals_and_the_median_steps_of_those_who_made_it():
    told = outcome_of([IN], [OUT, IN], [OUT] * 4 + [IN], [IN] * 4 + [OUT], [OUT]).to_json()
    assert (told["success"], told["success_any"], told["steps"]) == (0.6, 0.8, 6.0)
    assert 0 < told["success_low"] < 0.6 < told["success_high"] < 1


def test_without_a_success_there_are_no_steps():
    assert outcome_of([OUT]).to_json()["steps"] is None


def test_the_expert_of_the_plane_needs_a_step_per_stride_and_four_to_hold():
    starts, goals = {"position": np.zeros((3, 2))}, {"position": np.array([[0.5, 0.0], [1.0, 0.2], [0.06, 0.0]])}
    assert expert_steps(Plane(), RULES, starts, goals).tolist() == [0.5 / STRIDE + 4, 1.0 / STRIDE + 4, 5]


def test_an_expert_that_gets_nowhere_is_given_up():
    starts, goals = {"position": np.zeros((2, 2))}, {"position": np.ones((2, 2))}
    assert expert_steps(Plane(lazy_expert=True), RULES, starts, goals).tolist() == [EXPERT_LIMIT] * 2


@pytest.mark.parametrize(
    "world", [TwoRooms(size=16), TwoRooms(size=16, layout="random"), Maze(size=16), PointMass(), Plane()], ids=lambda world: type(world).__name__
)
def test_experts_reach_about_every_goal_in_time_and_doing_nothing_reaches_none(world):
    protocol = Protocol(name=world.pair_kinds[0], episodes=50)
    pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, protocol, starts, goals))
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value >= 0.98
    assert play(world, pairs, ZeroContestant(), protocol).rate.value == 0
