"""The values that travel between the rooms."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.core.types import Plan, PlanTrace, Problem, Rollout, State
from telos.testing import TrueReadout

rows = st.integers(1, 5)


def state(num, *lead):
    latent = torch.arange(float(num)).view(-1, *[1] * (len(lead) + 1)).expand(num, *lead, 3).clone()
    return State(latent=latent, belief=torch.cat([latent, latent], dim=-1), memory={"hidden": 10 * latent})


def plan(num, horizon):
    actions = torch.arange(float(horizon))[None, :, None].expand(num, -1, 2)
    return Plan(actions=actions, energies=actions[..., 0], imagined=actions, trace=PlanTrace(num_candidates=7))


def numbers(value):
    return value.latent[:, 0].tolist()


@given(num=rows, times=st.integers(1, 4))
def test_repeated_rows_stand_side_by_side_in_every_part(num, times):
    problem = Problem(state=state(num), goal=state(num), previous_action=torch.arange(float(num))[:, None], budget_ms=5.0)
    repeated = problem.repeat(times)
    expected = [float(row) for row in range(num) for _ in range(times)]
    for part in (repeated.state, repeated.goal):
        assert numbers(part) == expected
        assert part.memory["hidden"][:, 0].tolist() == [10 * row for row in expected]
    assert repeated.previous_action[:, 0].tolist() == expected
    assert repeated.budget_ms == 5.0
    assert repeated.num_rows == num * times


@pytest.mark.parametrize("index", [torch.tensor([True, False, True]), torch.tensor([0, 2]), slice(0, 3, 2)], ids=["mask", "numbers", "slice"])
def test_rows_are_selected_in_every_part(index):
    selected = Problem(state=state(3), goal=state(3)).select(index)
    assert numbers(selected.state) == numbers(selected.goal) == [0, 2]
    assert selected.state.memory["hidden"][:, 0].tolist() == [0, 20]


def test_what_is_not_there_stays_away():
    problem = Problem(state=state(2)).repeat(3)
    assert problem.goal is None
    assert problem.previous_action is None


def test_what_was_repeated_once_is_the_thing_itself():
    value = state(2)
    assert value.repeat(1) is value


def test_a_window_has_a_state_for_every_time():
    window = state(2, 4)
    assert window.at(3).latent.shape == (2, 3)
    assert window.at(3).memory["hidden"].shape == (2, 3)
    assert numbers(window.at(0)) == [0, 1]


def test_a_state_moves_to_another_device_whole():
    moved = state(2).to("meta")
    assert {part.device.type for part in (moved.latent, moved.belief, *moved.memory.values())} == {"meta"}


@given(horizon=st.integers(1, 6), steps=st.integers(0, 9))
def test_the_rest_of_a_plan_holds_its_last_step(horizon, steps):
    rest = plan(2, horizon).shift(steps)
    expected = [min(time + min(steps, horizon), horizon - 1) for time in range(horizon)]
    assert rest.actions[0, :, 0].tolist() == expected
    assert rest.energies[1].tolist() == expected
    assert rest.imagined[1, :, 1].tolist() == expected
    assert rest.trace.num_candidates == 7


def test_the_energy_of_a_plan_is_the_sum_along_its_path():
    assert plan(2, 4).energy.tolist() == [6, 6]


def test_values_do_not_change():
    for value, name in ((state(1), "latent"), (plan(1, 2), "actions"), (Problem(state=state(1)), "goal")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)


def test_a_rollout_knows_its_horizon():
    rollout = Rollout(latent=torch.zeros(2, 5, 3), actions=torch.zeros(2, 5, 1))
    assert rollout.horizon == 5
    assert rollout.select(slice(0, 1)).latent.shape == (1, 5, 3)


@pytest.mark.parametrize("change", [lambda value: value.select(slice(0, 1)), lambda value: value.repeat(2)], ids=["select", "repeat"])
def test_what_is_read_of_a_state_is_not_found_by_some_of_its_rows(change):
    readout = TrueReadout("position")
    seen = State(latent=torch.rand(3, 2), belief=torch.rand(3, 4))
    imagined = Rollout(latent=torch.rand(3, 5, 2), actions=torch.rand(3, 5, 2), beyond=(torch.rand(3, 5, 2),))
    for whole in (seen, imagined):
        # Both ways round: whoever reads first may be the whole or the part.
        part = change(whole)
        whole.read(readout)
        torch.testing.assert_close(part.read(readout), readout(part.belief))
        torch.testing.assert_close(change(whole).read(readout), readout(part.belief))
