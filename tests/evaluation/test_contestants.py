import numpy as np
import pytest
import torch
from plane import STRIDE, Adds, Plane, agent_of

from telos.core.errors import SpaceError
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.envs import TwoRooms
from telos.evaluation.contestants import AgentContestant, RandomContestant, ScriptedContestant, ZeroContestant, floors_of

STARTS, GOALS = {"position": np.full((6, 2), 0.2)}, {"position": np.random.default_rng(0).random((6, 2))}


def actions_of(contestant, steps: int, leaves=lambda time: None) -> list[dict[int, np.ndarray]]:
    """Actions by row; after step `time`, the rows `leaves(time)` leave."""
    contestant.begin(Plane(), STARTS, GOALS)
    alive, states, found = np.arange(6), STARTS, []
    for time in range(steps):
        actions = contestant.act(states)
        found.append(dict(zip(alive.tolist(), actions, strict=True)))
        stay = ~np.isin(alive, leaves(time) or [])
        alive, states = alive[stay], {"position": states["position"][stay] + actions[stay]}
        if not stay.all():
            contestant.keep(stay)
    return found


def test_the_random_contestants_luck_does_not_hang_on_how_others_fare():
    whole, thinned = (actions_of(RandomContestant(3), 12, leaves) for leaves in (lambda time: None, {2: [0, 4], 7: [5]}.get))
    for time, actions in enumerate(thinned):
        for row, action in actions.items():
            np.testing.assert_array_equal(action, whole[time][row])
    assert set(thinned[-1]) == {1, 2, 3}


def test_the_random_contestant_is_the_same_under_a_seed_and_wanders_within_bounds():
    first, again, other = (actions_of(RandomContestant(seed), 5) for seed in (1, 1, 2))
    assert all(np.array_equal(first[4][row], again[4][row]) for row in range(6))
    assert any(not np.array_equal(first[4][row], other[4][row]) for row in range(6))
    assert all((np.abs(action) <= STRIDE).all() for actions in first for action in actions.values())


def test_the_experts_rows_stay_with_their_goals_when_others_leave():
    for time, actions in enumerate(actions_of(ScriptedContestant(), 4, {0: [0, 3]}.get)):
        for row, action in actions.items():
            place = 0.2 + np.clip(GOALS["position"][row] - 0.2, -time * STRIDE, time * STRIDE)
            np.testing.assert_allclose(action, np.clip(GOALS["position"][row] - place, -STRIDE, STRIDE), atol=1e-12)


def test_the_agents_rows_stay_with_their_goals_when_others_leave():
    found = actions_of(AgentContestant(agent_of(Adds())), 3, {0: [0, 3]}.get)
    ahead = GOALS["position"] - 0.2
    for row, action in found[2].items():
        far = np.abs(ahead[row]) > 4 * STRIDE
        assert np.array_equal(np.sign(action[far]), np.sign(ahead[row][far]))


def test_the_agent_sees_observations_and_never_a_true_state():
    seen = []

    class Watched(Plane):
        def observe(self, state):
            seen.append(set(state))
            return super().observe(state)

    contestant = AgentContestant(agent_of(Adds()))
    contestant.begin(Watched(), STARTS, GOALS)
    contestant.act(STARTS)
    assert seen == [{"position"}, {"position"}]
    assert not hasattr(contestant, "goals") and not hasattr(contestant, "states")


def test_plans_and_their_cost_are_counted():
    contestant = AgentContestant(agent_of(Adds()))
    actions_of(contestant, 3)
    assert contestant.conduct.decisions == contestant.conduct.searches == contestant.conduct.steps == 18 and contestant.seconds_per_plan > 0


def test_doing_nothing_is_zero_in_the_spaces_own_kind():
    contestant = ZeroContestant()
    contestant.begin(Plane(), STARTS, GOALS)
    action = contestant.act(STARTS)
    assert action.shape == (6, 2) and action.dtype == np.float32 and not action.any()


def test_who_plays_beside_the_agent_hangs_on_what_the_world_offers():
    class Choices(Plane):
        @property
        def spaces(self):
            return Spaces(VectorSpace(2), DiscreteSpace(4))

    class Unknown(Plane):
        has_expert = False

    class Drifting(Plane):
        def idle(self, state):
            return np.full((len(state["position"]), 2), 0.5, np.float32)

    def names(world):
        return [floor.name for floor in floors_of(world, STARTS, 0)]

    assert names(Plane()) == ["random", "scripted", "zero"]
    assert names(Choices()) == ["random", "scripted"]
    assert names(Unknown()) == ["random", "zero"]
    contestant = floors_of(Drifting(), STARTS, 0)[-1]
    contestant.begin(Drifting(), STARTS, GOALS)
    assert (contestant.act(STARTS) == 0.5).all()


def test_an_agent_of_another_world_is_refused():
    contestant = AgentContestant(agent_of(Adds()))
    with pytest.raises(SpaceError, match="The goal"):
        contestant.begin(TwoRooms(size=16), TwoRooms().sample(np.random.default_rng(0), 2), TwoRooms().sample(np.random.default_rng(0), 2))
    assert torch.is_grad_enabled()
