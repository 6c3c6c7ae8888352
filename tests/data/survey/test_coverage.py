import numpy as np
from data_worlds import PIXELS, TREE, VECTOR, write_store
from flawed_logs import wander

from telos.data.survey.coverage import coverage


def test_every_number_of_actions_readings_and_true_state_has_a_histogram_of_all_rows(tmp_path):
    logs = write_store(tmp_path / "store", TREE, lengths=(30, 20))
    found = coverage(logs)
    assert [(part.column, part.number) for part in found.histograms] == [
        ("action", 0), ("action", 1), ("info/row", 0), ("observation/proprio", 0), ("observation/proprio", 1)
    ]  # fmt: skip
    assert [sum(part.counts) for part in found.histograms] == [50, 50, 52, 52, 52]


def test_choices_are_counted_and_pictures_are_not(tmp_path):
    found = coverage(write_store(tmp_path / "numbers", VECTOR, lengths=(30, 20)))
    assert found.histograms[0].choices and len(found.histograms[0].counts) == 4
    assert all(part.column != "observation" for part in coverage(write_store(tmp_path / "pixels", PIXELS)).histograms)


def test_the_bounds_of_actions_are_the_ends_of_their_histograms(tmp_path):
    def half(index, episode):
        episode["pushes"] *= 0.4

    first = coverage(wander(tmp_path / "logs", flaw=half)).histograms[0]
    assert (first.low, first.high) == (-1, 1) and not any(first.counts[:8])


def test_places_that_were_never_visited_stay_empty(tmp_path):
    def left(index, episode):
        # Two points far to the right keep the map as wide as it is.
        episode["places"][:, 0] = -np.abs(episode["places"][:, 0])
        if index == 0:
            episode["places"][0, 0] = 1

    (position,) = (part for part in coverage(wander(tmp_path / "logs", flaw=left)).maps if part.column == "info/position")
    assert position.visited < 0.6 and position.counts[:, 14:-1].sum() == 0
    assert position.counts.sum() == 30 * 21
