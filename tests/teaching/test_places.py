"""Promises of the map that an explorer keeps."""

import numpy as np

from telos.teaching.exploration.places import UNREACHABLE, Places


def line(*positions: float) -> np.ndarray:
    return np.array([[position, 0.0] for position in positions], np.float32)


def walked(*walks: tuple[float, ...]) -> Places:
    """The map after some walks along a line, in steps of 1."""
    places = Places(size=2, reach=0.1)
    for walk in walks:
        found, _ = places.visit(line(*walk))
        places.link(found[:-1], found[1:])
    return places


def test_what_is_near_is_one_place_and_what_is_far_is_a_new_one():
    places = Places(size=2, reach=0.1)
    found, new = places.visit(line(0, 0.1, 5, 5.1, 0))
    assert found.tolist() == [0, 0, 1, 1, 0]
    assert new.tolist() == [True, False, True, False, False]
    assert places.visits.tolist() == [3, 2]
    assert places.locate(line(4.9, -3)).tolist() == [1, 0]
    assert places.visits.tolist() == [3, 2], "looking is no visit"


def test_a_full_map_gives_the_nearest_place_however_far():
    places = Places(size=2, reach=0.1, capacity=2)
    assert places.visit(line(0, 5, 9))[0].tolist() == [0, 1, 1]
    assert len(places) == 2


def test_a_batch_maps_what_its_rows_would_one_after_another():
    latents = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    together, apart = Places(size=3, reach=0.5), Places(size=3, reach=0.5)
    found = together.visit(latents)[0]
    assert found.tolist() == [int(apart.visit(latents[row : row + 1])[0][0]) for row in range(len(latents))]


def test_ways_are_stitched_together_from_walks_that_share_a_place():
    places = walked((0, 1, 2), (2, 3, 4))
    start, end = places.locate(line(0, 4)).tolist()
    assert places.steps_to(end)[start] == 4
    assert places.steps_from(start)[end] == 4
    assert places.steps_to(start)[end] == UNREACHABLE, "nobody ever walked back"


def test_ahead_follows_the_way_and_stops_at_its_end():
    places = walked((0, 1, 2, 3, 4))
    start, middle, end = places.locate(line(0, 2, 4)).tolist()
    left = places.steps_to(end)
    assert places.ahead(start, left, 2) == middle
    assert places.ahead(start, left, 99) == end
    assert places.ahead(end, left, 3) == end


def test_a_place_that_was_found_after_the_way_had_been_looked_up_leads_onto_it():
    places = walked((0, 1, 2))
    end = int(places.locate(line(2))[0])
    left = places.steps_to(end)
    fresh, _ = places.visit(line(-1))
    places.link(fresh, places.locate(line(0)))
    assert places.ahead(int(fresh[0]), left, 3) == end


def test_a_place_is_crowded_by_its_neighbours():
    places = walked((0, 1, 2, 3), *[(0, 1)] * 50)
    crowd = places.crowding(spread=1)
    beside_the_crowd, alone = places.locate(line(2, 3)).tolist()
    assert places.visits[beside_the_crowd] == places.visits[alone] == 1
    assert crowd[beside_the_crowd] > 5 * crowd[alone]
