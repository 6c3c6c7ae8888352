"""Promises of energies in time: far goals by the clock, near ones by distance, and nothing that is too good to be true."""

import pytest
import torch

from telos.agent.cost import ActionEffort, LeastDistance
from telos.agent.cost.time_to_go import TimeToGo, TooGoodToBeTrue, with_time_to_go
from telos.core.levels import AbstractTimeToGo
from telos.core.tasks import EnergyTogether
from telos.core.types import Problem, Rollout, State

HORIZON = 4


class RoundTheWall(AbstractTimeToGo):
    """Time on a line with a wall at 0, which takes 30 steps to go round."""

    def __init__(self, slack: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("slack", torch.tensor(slack))

    def forward(self, here, there):
        (x, y) = (here[..., 0], there[..., 0])
        return (x - y).abs() + 30.0 * ((x > 0) != (y > 0))


def state(*places: float) -> State:
    latent = torch.tensor(places)[:, None]
    return State(latent, latent)


def future(*ways: list[float]) -> Rollout:
    latent = torch.tensor(ways)[..., None]
    return Rollout(latent=latent, actions=torch.ones(len(ways), latent.shape[1], 1))


def energy(cost, rollout, problem) -> list[float]:
    return cost.energy(rollout, problem).sum(dim=1).tolist()


def test_a_far_goal_pulls_along_the_way_that_leads_there():
    cost = TimeToGo(critic=RoundTheWall(), near=LeastDistance())
    problem = Problem(state=state(5.0, 5.0), goal=state(50.0, 50.0))
    nearer, farther = energy(cost, future([6.0, 7.0, 8.0, 9.0], [4.0, 3.0, 2.0, 1.0]), problem)
    assert nearer == pytest.approx(41 / HORIZON)
    assert farther == pytest.approx(49 / HORIZON)


def test_within_reach_of_the_plan_the_tasks_own_cost_judges():
    problem, rollout = Problem(state=state(5.0), goal=state(8.0)), future([6.0, 7.0, 7.5, 7.5])
    assert energy(TimeToGo(critic=RoundTheWall(), near=LeastDistance()), rollout, problem) == pytest.approx(energy(LeastDistance(), rollout, problem))


def test_a_goal_right_behind_a_wall_is_far_however_near_it_looks():
    cost = TimeToGo(critic=RoundTheWall(), near=LeastDistance())
    problem = Problem(state=state(1.0), goal=state(-1.0))
    assert energy(cost, future([1.0, 1.0, 1.0, 1.0]), problem) == pytest.approx([32 / HORIZON])


def test_a_tunnel_costs_more_than_it_gains():
    cost = TimeToGo(critic=RoundTheWall(), near=LeastDistance())
    problem = Problem(state=state(1.0, 1.0), goal=state(-20.0, -20.0))
    through, waiting = energy(cost, future([0.5, -0.5, -1.0, -2.0], [1.0, 1.0, 1.0, 1.0]), problem)
    assert through > waiting
    alone = energy(TimeToGo(critic=RoundTheWall(), near=LeastDistance(), veto=0.0), future([0.5, -0.5, -1.0, -2.0]), problem.select(slice(0, 1)))
    assert alone[0] < waiting


def test_where_nobody_was_seen_to_go_distance_judges_and_nothing_is_vetoed():
    class NeverThrough(RoundTheWall):
        @property
        def longest_known(self) -> float:
            return 25.0

    problem, through = Problem(state=state(1.0), goal=state(-1.0)), future([0.5, -0.5, -1.0, -1.0])
    assert energy(TimeToGo(critic=NeverThrough(), near=LeastDistance()), through, problem) == energy(LeastDistance(), through, problem) == [0.0]
    assert energy(TooGoodToBeTrue(critic=NeverThrough()), through, problem) == [0.0]
    # Within what is known the veto stands.
    assert energy(TooGoodToBeTrue(critic=NeverThrough()), future([5.0, 9.0, 13.0, 17.0]), problem)[0] > 0


def test_what_is_possible_is_not_vetoed_and_slack_lets_a_little_more_pass():
    problem = Problem(state=state(1.0))
    assert energy(TooGoodToBeTrue(critic=RoundTheWall()), future([2.0, 3.0, 4.0, 5.0]), problem) == [0.0]
    fast = future([3.0, 5.0, 7.0, 9.0])
    assert energy(TooGoodToBeTrue(critic=RoundTheWall()), fast, problem) == pytest.approx([(4 - 2.4 + 8 - 4.8) / HORIZON])
    assert energy(TooGoodToBeTrue(critic=RoundTheWall(slack=2.0)), fast, problem) == pytest.approx([(8 - 4.8 - 2) / HORIZON])


def test_steps_of_an_upper_level_count_as_many_of_the_world():
    cost = TooGoodToBeTrue(critic=RoundTheWall(), steps=2)
    assert energy(cost, future([3.0, 5.0, 7.0, 9.0]), Problem(state=state(1.0))) == [0.0]


def test_without_a_goal_the_veto_is_left():
    cost = TimeToGo(critic=RoundTheWall(), near=ActionEffort(), veto=10.0)
    problem = Problem(state=state(1.0))
    with_veto, plain = (energy(part, future([0.5, -0.5, -1.0, -2.0]), problem)[0] for part in (cost, ActionEffort()))
    assert with_veto > plain + 10


def test_what_is_asked_of_the_way_counts_as_before():
    cost = with_time_to_go(2 * LeastDistance() + 0.5 * ActionEffort(), RoundTheWall())
    problem, rollout = Problem(state=state(5.0), goal=state(50.0)), future([6.0, 7.0, 8.0, 9.0])
    effort = energy(0.5 * ActionEffort(), rollout, problem)[0]
    assert energy(cost, rollout, problem)[0] == pytest.approx(41 / HORIZON + effort)


def test_each_of_several_tasks_is_measured_in_time():
    together = with_time_to_go(EnergyTogether(costs=(LeastDistance(), ActionEffort()), weights=(1.0, 1.0)), RoundTheWall())
    assert isinstance(together, EnergyTogether)
    assert [type(part) for part in together.costs] == [TimeToGo, ActionEffort]


def test_rows_of_a_batch_are_judged_like_rows_alone_and_share_their_start():
    cost = TimeToGo(critic=RoundTheWall(), near=LeastDistance())
    problem = Problem(state=state(5.0, 1.0), goal=state(8.0, -9.0)).repeat(3)
    rollout = future(*([float(i), i + 1.0, i - 1.0, i * 2.0] for i in range(6)))
    whole = cost.energy(rollout, problem)
    for row in range(6):
        some = slice(row, row + 1)
        assert torch.allclose(cost.energy(rollout.select(some), problem.select(some)), whole[some])
