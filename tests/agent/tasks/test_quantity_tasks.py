"""Tasks in numbers: the machines that lead the agent, and that judge it."""

import itertools
import math

import numpy as np
import pytest
import torch

from telos.agent.cost import ActionEffort, LeastDistance
from telos.agent.tasks import FollowPath, Hold, Optimise, ReachAny, ReachBy, ReachRegion, ReachValue, VisitAll, VisitInOrder
from telos.agent.tasks.orders import best_first
from telos.agent.tasks.quantity import Reading
from telos.agent.tasks.reach import deepest
from telos.agent.tasks.shape import arrive
from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.core.regions import Box, Disc, Polygon
from telos.core.types import Rollout
from telos.testing import true_knowledge

LIKE = torch.zeros(1)
READING = {"position": Reading(size=2, scale=0.3, error=0.01)}
FAR = (5.0, 5.0)


def place(x: float, y: float, **rules) -> ReachValue:
    return ReachValue("position", (x, y), **rules)


def walk(task, points, readings=READING):
    """Who is through after each of the points `[time 2]`, one episode."""
    progress = task.begin(readings, 1, LIKE)
    through = []
    for point in points:
        progress = task.step(progress, {"position": torch.tensor([point])})
        through.append(bool(task.fulfilled(progress)))
    return through


def test_a_value_is_reached_after_enough_steps_in_a_row_within_its_tolerance():
    task = place(0.5, 0.5, within=0.1, hold=3)
    inside, outside = (0.55, 0.5), (0.65, 0.5)
    assert walk(task, [inside, inside, outside, inside, inside, inside, outside]) == [False] * 5 + [True, True]


def test_the_agent_stays_as_far_within_a_border_as_its_reading_is_off_and_the_judge_does_not():
    task, on_the_edge = place(0.5, 0.5, within=0.1, hold=1), [(0.595, 0.5)]
    assert walk(task, on_the_edge) == [False]
    assert walk(task, on_the_edge, {"position": Reading(size=2)}) == [True]


def test_a_reading_worse_than_the_tolerance_does_not_make_a_task_impossible():
    bad = {"position": Reading(size=2, error=10.0)}
    assert walk(place(0.5, 0.5, hold=1), [(0.5, 0.5)], bad) == [True]
    assert walk(ReachRegion("position", Disc(center=(0.5, 0.5), radius=0.1), hold=1), [(0.5, 0.5)], bad) == [True]


def test_values_for_each_episode_go_with_their_rows():
    task = ReachValue("position", [(0.1, 0.1), (0.9, 0.9)], hold=1)
    progress = task.begin(READING, 1, LIKE)
    here = torch.tensor([(0.1, 0.1), (0.1, 0.1)])
    assert task.fulfilled(task.step(progress, {"position": here})).tolist() == [True, False]
    second = progress.select(slice(1, 2))
    assert task.fulfilled(task.step(second, {"position": torch.tensor([(0.9, 0.9)])})).tolist() == [True]
    with pytest.raises(SpaceError, match="2 values of position, and there are 3"):
        task.step(progress, {"position": torch.zeros(3, 2)})


def test_any_of_several_is_enough_and_all_in_order_means_in_order():
    here, there = (0.1, 0.1), (0.9, 0.9)
    either = ReachAny(place(*here, hold=1), place(*there, hold=1))
    assert walk(either, [FAR, there]) == [False, True]
    both = VisitInOrder(place(*here, hold=1), place(*there, hold=1))
    assert walk(both, [there, here, FAR, there]) == [False, False, False, True]
    whole = VisitAll(place(*here, hold=1), place(*there, hold=1))
    assert walk(whole, [there, FAR, here]) == [False, False, True]


def test_one_target_twice_in_an_order_has_to_be_reached_twice():
    task = VisitInOrder(place(0.1, 0.1, hold=2), place(0.1, 0.1, hold=2))
    assert walk(task, [(0.1, 0.1)] * 4) == [False, False, False, True]


def test_holding_is_for_so_many_steps_in_a_row():
    task = Hold(place(0.5, 0.5), steps=4)
    assert walk(task, [(0.5, 0.5)] * 3 + [FAR] + [(0.5, 0.5)] * 4) == [False] * 7 + [True]


def test_who_arrives_after_the_deadline_is_late_for_good():
    task = ReachBy(place(0.5, 0.5, hold=2), deadline=2)
    # The first state is time 0: arriving at 2 is in time, and the second step of staying may come after it.
    assert walk(task, [FAR, FAR, (0.5, 0.5), (0.5, 0.5)])[-1]
    assert not any(walk(task, [FAR, FAR, FAR, *[(0.5, 0.5)] * 6]))


def test_a_path_is_followed_by_being_near_it_at_every_time_that_counts():
    task = FollowPath("position", [(0.0, 0.0), (1.0, 0.0)], steps=4, within=0.1, join=2)
    right = [FAR, FAR, (0.0, 0.0), (0.25, 0.05), (0.5, 0.0), (0.75, 0.0), (1.0, 0.0)]
    assert walk(task, right) == [False] * 6 + [True]
    assert not walk(task, [*right[:3], (0.4, 0.0), *right[4:]])[-1], "one step too far off, in the middle"
    assert walk(task, [*right, FAR])[-1], "what comes later does not matter"


def test_a_path_leads_through_its_points_at_even_times():
    task = FollowPath("position", [(0.0, 0.0), (1.0, 0.0), (1.0, 2.0)], steps=4, join=3)
    places = task.place(torch.tensor(task.points)[None], torch.tensor([[0, 3, 4, 5, 6, 7, 99]]))[0]
    assert places.tolist() == [[0, 0], [0, 0], [0.5, 0], [1, 0], [1, 1], [1, 2], [1, 2]]


def test_the_largest_and_the_smallest_pull_opposite_ways_and_end_only_if_something_is_enough():
    along = {"position": torch.linspace(0, 1, 6)[None, :, None].expand(1, 6, 2)}
    largest, smallest = Optimise("position", "largest"), Optimise("position", "smallest", index=1)
    start = largest.begin(READING, 1, LIKE)
    assert largest.energy(start, along, READING).sum() < 0 < smallest.energy(start, along, READING).sum() + 1
    assert not walk(largest, [FAR] * 9)[-1]
    assert largest.done(None) is None
    assert walk(Optimise("position", "largest", enough=0.9, hold=2), [(1.0, 0.0), (1.0, 0.0)]) == [False, True]


@pytest.mark.parametrize("num", [1, 2, 5])
def test_the_best_order_is_as_short_as_the_shortest_of_all_orders(num):
    generator = torch.Generator().manual_seed(num)
    here, points = torch.rand(4, 2, generator=generator), torch.rand(4, num, 2, generator=generator)
    visited = torch.zeros(4, num, dtype=torch.bool)
    visited[1, 0] = num > 1
    first, lengths = best_first(here, points, visited)
    for row in range(4):
        left = [point for point in range(num) if not visited[row, point]]
        ways = {}
        for order in itertools.permutations(left):
            stops = [here[row], *(points[row, point] for point in order)]
            ways[order] = sum(float((one - two).norm()) for one, two in itertools.pairwise(stops))
        best = min(ways, key=ways.__getitem__)
        assert int(first[row]) == best[0]
        assert float(lengths[row, best[0]]) == pytest.approx(ways[best], rel=1e-5)


def test_an_order_is_not_changed_for_a_hairs_breadth():
    task = VisitAll(place(0.0, 0.5, hold=1), place(1.0, 0.5, hold=1))
    progress = task.begin(READING, 1, LIKE)
    headed = []
    for x in (0.49, 0.51, 0.49, 0.8):
        progress = task.step(progress, {"position": torch.tensor([[x, 0.5]])})
        headed.append(int(progress.current))
    assert headed == [0, 0, 0, 1]


@pytest.mark.parametrize(
    "region",
    [
        Disc(center=(0.8, 0.2), radius=0.05),
        Box(low=(100, 100), high=(101, 103)),
        Box(low=(0.5, None), high=(None, None)),
        Polygon(corners=((0, 0), (1, 0), (0, 1))),
    ],
    ids=lambda region: type(region).__name__,
)
def test_a_point_deep_inside_of_any_region_is_found(region):
    point = deepest(region, LIKE, 0.3)
    assert region.distance(point) < -0.04
    assert point.isfinite().all()
    assert point.abs().max() < 1000


def test_a_region_without_an_inside_is_refused():
    class Nowhere(Disc):
        def distance(self, points):
            return points.square().sum(dim=-1) + 1

    with pytest.raises(ConfigError, match="seems to be empty"):
        ReachRegion("position", Nowhere(center=(0, 0), radius=1)).begin(READING, 1, LIKE)


def test_flying_through_is_not_arriving():
    away = torch.ones(1, 15)
    through, stays = away.clone(), away.clone()
    through[0, 4] = 0
    stays[0, 8:13] = 0
    assert arrive(stays, 5).sum() < arrive(through, 5).sum()
    assert arrive(through, 1).sum() < arrive(stays, 1).sum(), "where one step is enough, sooner is better"
    assert arrive(stays, 100).isfinite().all()


def test_energies_of_different_quantities_are_of_one_size():
    far = {"position": torch.full((1, 6, 2), 30.0)}
    metres = place(0.0, 0.0).begin({"position": Reading(size=2, scale=30.0)}, 1, LIKE)
    energy = place(0.0, 0.0).energy(metres, far, {"position": Reading(size=2, scale=30.0)}).sum()
    assert 0.5 < float(energy) < 3


def test_the_agents_own_drives_stay_in_force_and_its_goal_distance_does_not():
    knowledge = true_knowledge()
    task = place(0.5, 0.5)
    state = knowledge.world_model.observe(None, None, torch.rand(2, 4))
    actions = torch.rand(2, 6, 2)
    rollout: Rollout = knowledge.world_model.rollout(state, actions)
    problem = task.problem(state, task.advance(task.start(knowledge, 2), state))
    plain = task.cost(LeastDistance(), knowledge).energy(rollout, problem)
    driven = task.cost(LeastDistance() + 2 * ActionEffort(), knowledge).energy(rollout, problem)
    torch.testing.assert_close(driven - plain, 2 * ActionEffort().energy(rollout, problem))


def test_nearer_paths_have_less_energy_for_every_kind_of_task():
    near = {"position": torch.full((1, 12, 2), 0.52)}
    far = {"position": torch.full((1, 12, 2), 0.9)}
    target = place(0.5, 0.5)
    path = FollowPath("position", [(0.5, 0.5), (0.5, 0.5)], steps=9)
    for task in (
        target,
        ReachAny(target, place(0, 0)),
        VisitInOrder(target, place(0, 0)),
        Hold(target),
        ReachBy(target, 5),
        ReachBy(target, 50),
        path,
    ):
        progress = task.step(task.begin(READING, 1, LIKE), {"position": torch.tensor([[0.7, 0.7]])})
        assert task.energy(progress, near, READING).sum() < task.energy(progress, far, READING).sum(), type(task).__name__


def test_far_from_the_deadline_an_even_pace_is_fast_enough():
    task = ReachBy(place(1.0, 0.0, within=0.01), deadline=40)
    progress = task.step(task.begin(READING, 1, LIKE), {"position": torch.tensor([[0.0, 0.0]])})
    horizon = torch.arange(1, 11)[None, :, None] * torch.tensor([1.0, 0.0])
    even, hasty, lazy = (task.energy(progress, {"position": pace * horizon}, READING).sum() for pace in (1 / 38, 1 / 10, 1 / 80))
    assert float(even) < 0.05
    assert float(hasty) < 0.05, "to be early costs effort, and nothing else"
    assert lazy > even + 0.05


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ReachValue("position", []), "The value of 'position'"),
        (lambda: ReachValue("position", "here"), "The value of 'position'"),
        (lambda: ReachValue("position", (0.1, math.nan)), "The value of 'position'"),
        (lambda: ReachValue("position", (0.1, 0.2), within=0), "within = 0"),
        (lambda: ReachValue("position", (0.1, 0.2), hold=0), "hold = 0"),
        (lambda: ReachValue(3, (0.1, 0.2)), "quantity"),
        (lambda: ReachRegion("position", "disc"), "no region"),
        (lambda: ReachAny(), "is given nothing"),
        (lambda: VisitInOrder(place(0, 0), "there"), "is given ReachValue, str"),
        (lambda: VisitAll(*[place(0, 0)] * 9), "9 targets"),
        (lambda: VisitAll(place(0, 0), ReachValue("velocity", (0, 0))), "no way from one to the other"),
        (lambda: Hold(Optimise("position")), "Hold is given"),
        (lambda: Hold(place(0, 0), steps=2.5), "steps = 2.5"),
        (lambda: ReachBy(place(0, 0), deadline=0), "deadline = 0"),
        (lambda: ReachBy(place(0, 0), deadline=5, effort=-1), "effort = -1"),
        (lambda: FollowPath("position", [(0, 0)], steps=5), "1 points"),
        (lambda: FollowPath("position", [0, 1], steps=5), "The path of 'position'"),
        (lambda: Optimise("position", "best"), "cannot be made 'best'"),
        (lambda: Optimise("position", enough="a lot"), "enough = 'a lot'"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_what_the_agent_cannot_read_is_named_when_the_task_is_given():
    knowledge = true_knowledge()
    with pytest.raises(UnknownNameError, match="did you mean 'position'"):
        ReachValue("postion", (0, 0)).start(knowledge, 1)
    with pytest.raises(SpaceError, match="gives 3 numbers for 'position'"):
        ReachValue("position", (0, 0, 0)).start(knowledge, 1)
    with pytest.raises(SpaceError, match="has no number 2"):
        Optimise("position", index=2).start(knowledge, 1)


def test_values_may_be_arrays_and_tasks_can_be_compared():
    assert ReachValue("position", np.array([0.5, 0.5])) == ReachValue("position", (0.5, 0.5))
    assert ReachValue("speed", 1.0) == ReachValue("speed", [1])
