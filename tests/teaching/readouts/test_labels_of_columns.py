"""Columns of the logs as labels."""

import numpy as np
import pytest

from telos.core.errors import DataError, MissingColumnError
from telos.teaching.readouts.labels import ANGLE_UNIT, describe_columns, labels_of_column


def test_a_part_of_the_true_state_is_read_with_its_unit(point_logs):
    labels = labels_of_column(point_logs, "velocity")
    assert (labels.unit, labels.parts, labels.dense) == ("m/s", ("velocity[0]", "velocity[1]"), True)
    assert np.array_equal(labels.values[3], point_logs.info("velocity", 3)) and len(labels.known(3)) == len(labels.values[3])


def test_any_column_of_frames_may_be_read_and_some_of_its_numbers(point_logs):
    assert np.array_equal(labels_of_column(point_logs, "observation").values[0], point_logs.column("observation", 0))
    labels = labels_of_column(point_logs, "observation[1]", unit="m")
    assert np.array_equal(labels.values[5][:, 0], point_logs.column("observation", 5)[:, 1]) and labels.unit == "m"
    assert labels_of_column(point_logs, "position[0:2]").size == 2
    assert labels_of_column(point_logs, "clock").parts == ("clock",)


def test_an_angle_is_its_cosine_and_sine_so_that_whole_turns_do_not_count(point_logs):
    labels = labels_of_column(point_logs, "heading")
    where = point_logs.info("position", 2)
    assert labels.unit == ANGLE_UNIT and labels.size == 2
    assert np.allclose(labels.values[2], where / np.linalg.norm(where, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("positon", MissingColumnError, r"no column 'positon'(.|\n)*position(.|\n)*--labels"),
        ("action", DataError, "what was done"),
        ("reward", DataError, "what was done"),
        ("position[2]", DataError, r"has 2 numbers per frame, and position\[2\] is asked for"),
        ("position[1:1]", DataError, "numbers from 0 to 1"),
        ("position[1:9]", DataError, "numbers from 0 to 1"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can(point_logs, column, kind, said):
    with pytest.raises(kind, match=said):
        labels_of_column(point_logs, column)


def test_pictures_are_no_quantities(tmp_path):
    import tiny_runs

    from telos.data import Episodes

    logs = Episodes.open(tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", size=16, episodes=2))
    with pytest.raises(DataError, match="768 numbers per frame: that is no quantity"):
        labels_of_column(logs, "observation")
    assert set(describe_columns(logs)) == {"position", "wall", "door"}


def test_columns_are_offered_with_size_and_unit(point_logs):
    offered = describe_columns(point_logs)
    assert offered["velocity"] == {"size": 2, "unit": "m/s"} and offered["observation"]["size"] == 2
    assert next(iter(offered)) in point_logs.info_names and not {"action", "reward"} & set(offered)


def test_what_is_not_known_is_no_label(tmp_path):
    from telos.core.spaces import Spaces, VectorSpace
    from telos.data import Episodes, EpisodeWriter

    with EpisodeWriter(tmp_path / "logs", Spaces(VectorSpace(1), VectorSpace(1))) as writer:
        writer.add(np.zeros((4, 1), np.float32), np.zeros((3, 1), np.float32), info={"force": np.array([0.0, np.nan, 2.0, np.inf])})
    labels = labels_of_column(Episodes.open(tmp_path / "logs"), "force")
    assert labels.known(0).tolist() == [0, 2]
