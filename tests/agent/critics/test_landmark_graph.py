"""Promises of a map of landmarks, on maps that a reader can draw: corridors, walls, ways round."""

import numpy as np
import pytest
import torch

from telos.agent.critics import LandmarkGraph, LandmarkGraphConfig
from telos.agent.critics.shortest_paths import mainland, shortest_paths, within
from telos.core.errors import ConfigError

SIDE = 7


def grid_map(walls: tuple[tuple[int, int], ...] = (), *, one_way: bool = False) -> LandmarkGraph:
    """A floor of 7 x 7 places, one step apart; their latents are where they are, their beliefs hold one number more."""
    places = [(x, y) for x in range(SIDE) for y in range(SIDE) if (x, y) not in walls]
    number = {place: row for row, place in enumerate(places)}
    ways = [(0, 1), (1, 0)] if one_way else [(0, 1), (1, 0), (0, -1), (-1, 0)]
    moves = [(number[x, y], number[x + a, y + b]) for x, y in places for a, b in ways if (x + a, y + b) in number]
    edges = np.array(moves, np.int32).T
    beliefs = torch.tensor([[x, y, 0.5] for x, y in places], dtype=torch.float32)
    sizes = {"latent_size": 2, "belief_size": 3, "num_landmarks": len(places), "num_edges": edges.shape[1]}
    return LandmarkGraphConfig(**sizes).build().draw(beliefs, edges, np.ones(edges.shape[1], np.float32))


def at(*places: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(places, dtype=torch.float32)


WALL = tuple((3, y) for y in range(SIDE - 1))
"""With a way round at one end."""


def test_time_over_an_open_floor_is_the_number_of_steps():
    times = grid_map()(at((0, 0), (2, 3)), at((6, 6), (2, 4)))
    assert times.tolist() == pytest.approx([12, 1], abs=0.2)


def test_a_thin_wall_is_gone_round_however_near_its_two_sides_look():
    across = grid_map(WALL)(at((2, 0)), at((4, 0)))
    assert float(across) == pytest.approx(14, abs=0.5)


def test_what_lies_between_landmarks_takes_a_time_between_theirs():
    graph = grid_map()
    times = graph(at((0.5, 0)).expand(3, 2), at((4, 0), (4.5, 0), (5, 0)))
    assert bool((times.diff() > 0.1).all())
    assert 3.0 < float(times[0]) < 4.5


def test_times_need_not_be_the_same_both_ways():
    graph = grid_map(one_way=True)
    there, back = graph(at((1, 1)), at((2, 2))), graph(at((2, 2)), at((1, 1)))
    assert float(there) < 4 < float(back)


def test_who_may_not_come_through_a_gap_goes_round_or_nowhere():
    graph = grid_map(tuple(place for place in WALL if place != (3, 0)))
    gap = graph.avoiding(lambda beliefs: (beliefs[:, 0] == 3) & (beliefs[:, 1] == 0))
    start, goal = at((2, 0)), at((4, 0))
    assert float(graph(start, goal)) == pytest.approx(2, abs=0.5)
    assert float(gap(start, goal)) == pytest.approx(14, abs=0.5)
    nowhere = graph.avoiding(lambda beliefs: beliefs[:, 0] == 3)
    assert not nowhere.reaches(start, goal).any()
    assert nowhere.reaches(start, at((0, 6))).all()
    assert float(nowhere(start, goal)) > float(nowhere(start, at((0, 6))))


def test_a_waypoint_lies_on_the_way_and_so_many_steps_ahead():
    graph, start, goal = grid_map(WALL), at((2, 0), (2, 0)), at((4, 0), (4, 0))
    for steps in (2.0, 5.0, 8.0):
        waypoint = graph.waypoint(start, goal, steps)[:, :2]
        out, left = graph(start, waypoint), graph(waypoint, goal)
        assert out.tolist() == pytest.approx([steps, steps], abs=0.6)
        assert (out + left).tolist() == pytest.approx([14, 14], abs=1.2)


def test_the_last_waypoint_is_the_goals_own_landmark():
    assert grid_map().waypoint(at((0, 0)), at((2, 0)), 9.0)[0].tolist() == [2, 0, 0.5]


def test_waypoints_of_a_critic_that_avoids_are_allowed_states():
    graph = grid_map(tuple(place for place in WALL if place != (3, 0)))
    gap = graph.avoiding(lambda beliefs: (beliefs[:, 0] == 3) & (beliefs[:, 1] == 0))
    for steps in range(1, 12):
        assert gap.waypoint(at((2, 0)), at((4, 0)), float(steps))[0, :2].tolist() != [3, 0]


def test_shortest_paths_add_up_along_ways_that_nobody_went_in_one_piece():
    edges = np.array([[0, 1, 2], [1, 2, 3]], np.int32)
    times = shortest_paths(edges, np.array([2.0, 3.0, 4.0], np.float32), 5)
    assert times[0].tolist() == [0, 2, 5, 9, np.inf]
    assert within(times)[0, 4] == 18
    assert within(times, 99.0)[0, 4] == 99


def test_islets_are_left_out_and_rooms_that_nobody_went_between_stay():
    ring = np.arange(60)
    rooms = [np.stack([ring, np.roll(ring, 1)]), np.stack([ring + 60, np.roll(ring, 1) + 60])]
    kept = mainland(np.concatenate([*rooms, np.array([[3], [120]])], axis=1), 122)
    assert kept[:120].all()
    assert not kept[120:].any()


def test_between_rooms_that_nobody_went_between_the_map_has_no_opinion():
    rooms = grid_map(tuple((3, y) for y in range(SIDE)))
    inside, across = rooms(at((0, 0), (0, 0)), at((2, 6), (6, 6))).tolist()
    assert inside < rooms.longest_known < across
    for whole in (grid_map(WALL), grid_map(one_way=True), rooms.avoiding(lambda beliefs: beliefs[:, 0] == 1)):
        assert whole.longest_known == float("inf")


def test_the_slope_leads_to_the_goal():
    graph = grid_map()
    here = at((2.4, 3.2)).requires_grad_()
    graph(here, at((6, 3))).sum().backward()
    assert float(here.grad[0, 0]) < 0


@pytest.mark.parametrize("wrong", [{"belief_size": 1}, {"num_landmarks": 0}, {"neighbours": 9}, {"num_edges": -1}])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match="A map cannot hold"):
        LandmarkGraphConfig(**{"latent_size": 2, "belief_size": 3, "num_landmarks": 8, "num_edges": 4, **wrong})
