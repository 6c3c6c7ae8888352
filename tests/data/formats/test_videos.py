"""Folders of videos with tables of actions: which row belongs to which frame, and what is said where nobody knows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from layouts import happen
from robot_layouts import FPS, LOSSLESS, USUAL, write_csv, write_video, write_videos, write_videos_with_one_table

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.data import describe_source, import_logs


def pictures(num: int, first: int = 0) -> list[np.ndarray]:
    """Grey pictures that tell their number."""
    return [np.full((16, 16, 3), 4 * (first + number), np.uint8) for number in range(num)]


def numbers(rows: np.ndarray) -> list[int]:
    return [round(float(row.mean()) / 4) for row in rows]


def reasons(result) -> dict[str, str]:
    return {which: part.why for part in result.left_out if part.what == "episodes" for which in part.which}


def write(path: Path, num_frames: int, columns: dict, codec=LOSSLESS, **options) -> Path:
    write_video(path / "run.mp4", pictures(num_frames), codec, **options)
    write_csv(path / "run.csv", columns)
    return path


def test_with_as_many_rows_as_frames_the_last_action_leads_nowhere(tmp_path):
    result = import_logs(write(tmp_path / "in", 6, {"action": range(6)}), tmp_path / "store")
    assert result.store.lengths.tolist() == [5] and numbers(result.store.column("observation", 0)) == list(range(6))
    assert result.store.column("action", 0)[:-1, 0].tolist() == list(range(5))
    assert any("last action" in note for note in result.notes) and any("Row k belongs to frame k" in note for note in result.notes)


def test_with_a_frame_more_than_rows_no_action_is_lost(tmp_path):
    result = import_logs(write(tmp_path / "in", 6, {"time": np.arange(5) / FPS, "action": range(5)}), tmp_path / "store")
    assert result.store.lengths.tolist() == [5] and numbers(result.store.column("observation", 0)) == list(range(6))
    assert result.store.column("action", 0)[:-1, 0].tolist() == list(range(5))
    assert not any("last action" in note for note in result.notes)


@pytest.mark.parametrize("codec", [LOSSLESS, USUAL], ids=["lossless", "h264"])
@pytest.mark.parametrize("first", [0, 20], ids=["from zero", "from later"])
def test_rows_find_their_frames_by_time_where_there_are_others(codec, first, tmp_path):
    """Ten frames a second, and a row for every third of them, none of them exactly on time."""
    times = np.arange(0, 30, 3) / FPS + 0.03 * (-1) ** np.arange(10)
    source = write(tmp_path / "in", 30, {"time": np.abs(times), "action/x": range(10), "action/y": range(10)}, codec, first=first)
    result = import_logs(source, tmp_path / "store")
    assert numbers(result.store.column("observation", 0)) == list(range(0, 30, 3))
    assert any("by 'time' in 1 episodes" in note for note in result.notes)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"action": range(4)}, "has 9 frames, and run.csv 4 rows"),
        ({"action": range(4), "time": [0, 0.1, 0.3, 0.2]}, "times go back"),
        ({"action": range(4), "time": [0, 0.1, "nan", 0.3]}, "times go back, or are no numbers"),
        ({"action": range(4), "time": [0, 0.1, 0.2, 1700000000]}, "has no frame at"),
        ({"action": range(4), "time": [0, 0.1, 0.2, 0.951]}, "has no frame at"),
        ({"action": range(12)}, "has 9 frames, and run.csv 12 rows"),
    ],
)
def test_an_episode_whose_frames_and_rows_cannot_be_matched_is_left_out(columns, words, tmp_path):
    source = write(tmp_path / "in", 9, columns)
    write_video(source / "good.mp4", pictures(4))
    write_csv(source / "good.csv", {name: range(4) for name in columns})
    result = import_logs(source, tmp_path / "store", columns=("time=none",))
    assert result.episodes == 1 and words in reasons(result)["1"] and "run" in reasons(result)["1"]


def test_columns_of_one_vector_are_put_together(tmp_path):
    header = ("action_x", "action_y", "state/a", "state/b", "q1", "q2", "q[3]", "reward", "who", "")
    columns = {name: [f"{row}.5" if name not in ("who", "") else "me" for row in range(5)] for name in header}
    found = describe_source(write(tmp_path / "in", 5, columns))
    assert {column.name: (column.space, column.role, column.parts) for column in found.columns if column.name != "video"} == {
        "action": (VectorSpace(2), "action", ("action_x", "action_y")),
        "state": (VectorSpace(2), "info", ("state/a", "state/b")),
        "q": (VectorSpace(3), "extra", ("q1", "q2", "q[3]")),
        "reward": (VectorSpace(1), "extra", ()),
    }
    assert any("'who' holds no numbers" in note for note in found.notes)


def test_in_a_table_where_nothing_is_called_action_everything_is(tmp_path):
    found = describe_source(write(tmp_path / "in", 5, {"time": np.arange(5) / FPS, "left": range(5), "right": range(5)}))
    assert found.column("action").parts == ("left", "right") and found.column("time").role == "time"


def test_whole_numbers_are_choices_only_where_the_table_says_so(tmp_path):
    assert describe_source(write(tmp_path / "a", 5, {"action": [0, 1, 2, 1, 0]})).column("action").space == VectorSpace(1)
    assert describe_source(write(tmp_path / "b", 5, {"action:int": [0, 1, 2, 1, 0]})).column("action").space == DiscreteSpace(3)
    store = import_logs(tmp_path / "b", tmp_path / "store").store
    assert store.spaces.action == DiscreteSpace(3) and store.column("action", 0)[:-1, 0].tolist() == [0, 1, 2, 1]
    (tmp_path / "b/run.csv").unlink()
    pq.write_table(pa.table({"action": [0, 3, 2, 1, 0]}), tmp_path / "b/run.parquet")
    assert describe_source(tmp_path / "b").column("action").space == DiscreteSpace(4)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_of_the_usual_programs_are_read(mark, tmp_path):
    source = write(tmp_path / "in", 3, {"action": range(3)})
    text = "\ufeff" + "\r\n".join(mark.join(row) for row in (["", '"action/x"', "done"], *([str(n), f"{n}.5", "True"] for n in range(3)))) + "\r\n"
    (source / "run.csv").write_bytes(text.encode())
    store = import_logs(source, tmp_path / "store").store
    assert store.column("action", 0)[:-1, 0].tolist() == [0.5, 1.5] and store.column("done", 0)[:, 0].tolist() == [1, 1, 1]


def test_one_table_may_name_videos_with_and_without_their_ending(tmp_path):
    logs = happen((3, 4))
    source = write_videos_with_one_table(tmp_path / "in", logs)
    table = pq.read_table(source / "actions.parquet")
    names = [f"{name}.mkv" if name == "run_1" else name for name in table["episode"].to_pylist()]
    pq.write_table(table.set_column(0, "Video", pa.array(names)), source / "actions.parquet")
    write_video(source / "other.mp4", pictures(3))
    result = import_logs(source, tmp_path / "store")
    assert result.store.lengths.tolist() == [3, 4] and any("1 videos have no rows and are left out: other.mp4" in note for note in result.notes)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret.mp4", "x\0y"])
def test_videos_that_a_table_names_lie_in_the_folder(name, tmp_path):
    write_video(tmp_path / "secret.mp4", pictures(3))
    source = tmp_path / "in"
    write_video(source / "run.mp4", pictures(3))
    pq.write_table(pa.table({"episode": [name] * 3, "action": [0.0] * 3}), source / "actions.parquet")
    with pytest.raises(DataError, match="no path within the folder"):
        describe_source(source)


def test_a_damaged_episode_costs_itself_alone(tmp_path):
    logs = happen((5, 5, 5, 5, 5))
    source = write_videos(tmp_path / "in", logs)
    (source / "run_1.mp4").write_bytes(b"nothing")
    (source / "run_2.csv").write_text("action/x,action/y\n1\n")
    (source / "run_3.csv").write_bytes(b"\xff\xfe\0\0")
    result = import_logs(source, tmp_path / "store")
    assert result.store.lengths.tolist() == [5, 5]
    assert {
        number: next(word for word in why.split() if "run_" in word).rpartition("/")[2].strip(":") for number, why in reasons(result).items()
    } == {
        "1": "run_1.mp4",
        "2": "run_2.csv",
        "3": "run_3.csv",
    }


def test_a_video_that_is_cut_costs_itself_alone(tmp_path):
    source = write_videos(tmp_path / "in", happen((40, 5), (32, 32)), ending="mkv", codec=("ffv1", "bgr0", {}))
    film = source / "run_0.mkv"
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    result = import_logs(source, tmp_path / "store")
    assert result.store.lengths.tolist() == [5] and "run_0.mkv" in reasons(result)["0"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("actions.csv", "action\n1\n", "does not say which video"),
        ("run.csv", "action,action\n1,2\n", "two columns of the same name"),
        ("run.csv", "", "says of no column that it is the action"),
        ("run.csv", 'action\n"' + "x" * 200_000 + '"\n', "run.csv"),
    ],
)
def test_tables_that_cannot_be_are_refused(name, text, words, tmp_path):
    source = tmp_path / "in"
    write_video(source / "run.mp4", pictures(3))
    (source / name).write_text(text)
    with pytest.raises(DataError, match=words):
        import_logs(source, tmp_path / "store")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    source = write(tmp_path / "in", 5, {"action": range(5)})
    (source / "run.mp4").rename(tmp_path / "secret.mp4")
    (source / "run.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(DataError, match="is a link to somewhere else"):
        describe_source(source)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_containers_of_every_kind_are_read(ending, tmp_path):
    logs = happen((12, 3))
    store = import_logs(write_videos(tmp_path / "in", logs, ending=ending), tmp_path / "store").store
    np.testing.assert_array_equal(store.column("observation", 0), logs[0].pictures)
