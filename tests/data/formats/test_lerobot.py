"""Data sets of LeRobot: every frame beside its row, and nothing believed that leads astray."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from layouts import Logged, happen
from robot_layouts import AV1, FPS, KEYS, LOSSLESS, USUAL, write_lerobot_v2, write_lerobot_v3, write_video

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, PixelSpace, VectorSpace
from telos.data import describe_source, import_logs

WRITERS = {"v2.1": write_lerobot_v2, "v3.0": write_lerobot_v3}
BITS = 10


def numbered(number: int) -> np.ndarray:
    """A picture that carries its number in squares too large for any codec to lose."""
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    return np.repeat(np.kron(np.array(bits, np.uint8), np.ones((16, 8), np.uint8))[..., None], 3, axis=2)


def number_of(picture: np.ndarray) -> int:
    squares = picture.reshape(16, BITS, 8, 3).mean(axis=(0, 2, 3)) > 127
    return int((squares * 2 ** np.arange(BITS)).sum())


def counting(lengths=(7, 3, 31, 12, 5)) -> list[Logged]:
    """Episodes whose frames are numbered throughout, and whose actions say the same number."""
    logs, first = [], 0
    for log in happen(lengths):
        numbers = first + np.arange(log.num_steps + 1)
        actions = np.stack([numbers[:-1], -numbers[:-1]], axis=1).astype(np.float32)
        logs.append(Logged(np.stack([numbered(number) for number in numbers]), log.joints, actions, log.state, log.rewards))
        first += len(numbers)
    return logs


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def change_info(source: Path, **changes) -> None:
    file = source / "meta/info.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def reasons(result) -> dict[str, str]:
    return {which: part.why for part in result.left_out if part.what == "episodes" for which in part.which}


@pytest.mark.parametrize("codec", [USUAL, AV1], ids=["h264", "av1"])
def test_every_frame_is_beside_the_row_of_its_time(write, codec, tmp_path, monkeypatch):
    monkeypatch.setattr("telos.data.formats.lerobot_source.CHUNK_BYTES", 5 * 16 * 80 * 3 * 2)
    source = write(tmp_path / "robot", counting(), codec=codec)
    store = import_logs(source, tmp_path / "store", threads=3).store
    for number in range(store.num_episodes):
        seen = [number_of(picture) for picture in store.column("observation/front", number)]
        assert seen[:-1] == store.column("action", number)[:-1, 0].tolist() and seen == list(range(seen[0], seen[0] + len(seen)))
        assert [number_of(picture[::-1]) for picture in store.column("observation/wrist", number)] == seen


def test_pictures_from_a_lossy_codec_are_close_to_what_was_seen(write, tmp_path):
    """Within 4 of 255 on average: what h264 at quality 18 leaves of smooth pictures."""
    waves = np.sin(np.linspace(0, 3, 64)[:, None, None] + np.linspace(0, 2, 64)[None, :, None] + np.arange(3))
    pictures = (127 + 120 * np.stack([waves] * 9)).astype(np.uint8)
    logs = [replace(log, pictures=pictures) for log in happen((8, 8))]
    store = import_logs(write(tmp_path / "robot", logs, codec=USUAL), tmp_path / "store").store
    errors = np.abs(store.column("observation/front", 1).astype(int) - logs[1].pictures)
    assert errors.mean() < 4 and errors.max() < 40


def test_what_the_files_say_is_kept(write, tmp_path):
    found = describe_source(write(tmp_path / "robot", happen()))
    assert found.fps == FPS and found.metadata["tasks"] == {"0": "push it", "1": "pull it"} and found.metadata["robot_type"] == "arm"
    assert found.column(KEYS[0]).space == found.column(KEYS[1]).space == PixelSpace(10, 12)
    assert found.column("action").parts == ("x", "y") and found.column("observation.state").parts == ("a", "b", "c", "d")
    assert {column.name: column.role for column in found.columns if column.role not in ("observation", "action")} == {
        "next.reward": "extra",
        "timestamp": "time",
        "task_index": "extra",
    }
    assert any("frames of videos" in note for note in found.notes) and any("last action" in note for note in found.notes)
    assert any("'note' holds string" in note for note in found.notes)


@pytest.mark.parametrize("shift", [0.4, 0.6])
def test_time_stamps_may_be_off_by_less_than_half_a_frame(shift, tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", counting((6, 4)))
    change_column(source / "data/chunk-000/episode_000000.parquet", "timestamp", lambda times: (times + shift / FPS).astype(np.float32))
    result = import_logs(source, tmp_path / "store")
    assert result.episodes == (2 if shift < 0.5 else 1)
    assert shift < 0.5 or "has no frame at" in reasons(result)["0"]
    assert number_of(result.store.column("observation/front", 0)[0]) == (0 if shift < 0.5 else 7)


def change_column(file: Path, name: str, change) -> None:
    table = pq.read_table(file)
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, pa.array(change(table[name].to_numpy()))), file)


@pytest.mark.parametrize("change", [lambda times: times[::-1].copy(), lambda times: np.full_like(times, np.nan), lambda times: times - 1e30])
def test_impossible_times_cost_the_episode(change, tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    change_column(source / "data/chunk-000/episode_000001.parquet", "timestamp", change)
    result = import_logs(source, tmp_path / "store")
    assert result.episodes == 3 and set(reasons(result)) == {"1"}


def test_a_video_that_is_missing_or_cut_costs_its_episode_alone(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", counting())
    films = [source / f"videos/chunk-000/{KEYS[0]}/episode_{number:06d}.mp4" for number in range(2)]
    films[0].unlink()
    films[1].write_bytes(films[1].read_bytes()[:700])
    result = import_logs(source, tmp_path / "store")
    lost = reasons(result)
    assert result.store.lengths.tolist() == [31, 12, 5] and set(lost) == {"0", "1"}
    assert all(films[number].name in lost[str(number)] for number in range(2)) and "is missing" in lost["0"]


def test_of_a_shared_video_that_is_cut_the_first_episodes_are_read(tmp_path):
    logs = counting((20, 20, 20))
    source = write_lerobot_v3(tmp_path / "robot", logs)
    film = source / f"videos/{KEYS[0]}/chunk-000/file-000.mp4"
    frames = np.concatenate([log.pictures for log in logs])
    write_video(film, frames, LOSSLESS, index_first=True)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    result = import_logs(source, tmp_path / "store")
    assert result.store.lengths.tolist() == [20] and set(reasons(result)) == {"1", "2"}
    assert all(film.name in why for why in reasons(result).values())
    np.testing.assert_array_equal(result.store.column("observation/front", 0), logs[0].pictures)


@pytest.mark.parametrize("damage", [lambda content: content[:-300], lambda content: content[:100], lambda content: bytes(len(content))])
def test_a_damaged_table_costs_its_episodes_alone(write, damage, tmp_path):
    logs = happen((7, 3, 12, 5, 4, 4))
    source = write(tmp_path / "robot", logs)
    file = sorted(source.glob("data/*/*.parquet"))[1]
    file.write_bytes(damage(file.read_bytes()))
    result = import_logs(source, tmp_path / "store")
    lost = reasons(result)
    assert set(lost) == ({"1"} if write is write_lerobot_v2 else {"2", "3"})
    assert all(file.name in why for why in lost.values())
    np.testing.assert_array_equal(result.store.column("observation/front", 0), logs[0].pictures)


def test_lengths_that_do_not_fit_cost_the_episode(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    file = source / "meta/episodes.jsonl"
    lines = file.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "length": 2**39})
    file.write_text("\n".join(lines))
    result = import_logs(source, tmp_path / "store")
    assert result.episodes == 3 and "has 4 rows of episode 1" in reasons(result)["1"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codebase_version": "v1.6"}, "version 'v1.6'"),
        ({"codebase_version": "v9.0"}, "version 'v9.0'"),
        ({"codebase_version": None}, "version"),
        ({"storage_format": "lance"}, "stored as 'lance'"),
        ({"fps": 0}, "'fps' is"),
        ({"fps": "ten"}, "'fps' is"),
        ({"features": {}}, "describes no features"),
        ({"features": {"action": {"dtype": "float32", "shape": [-1]}}}, "impossible shape"),
        ({"features": {"action": {"dtype": "float32", "shape": [2**30, 2**30]}}}, "a row would have"),
        ({"features": {"x": {"dtype": "video", "shape": [2**15, 2**15, 3], "names": None}}}, "a row would have"),
        ({"features": {"x": {"dtype": "video", "shape": [8, 8], "names": None}}}, "pictures of"),
        ({"features": {"x": {"dtype": "video", "shape": [8, 8, 3]}}}, "no 'timestamp'"),
        ({"features": "[" * 5000}, "describes no features"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(write, changes, words, tmp_path):
    source = write(tmp_path / "robot", happen((2, 2)))
    change_info(source, **changes)
    with pytest.raises(DataError, match=words) as error:
        describe_source(source, "lerobot-v2" if write is write_lerobot_v2 else "lerobot-v3")
    assert "info.json" in str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        "../{episode_index}.parquet",
        "data/../../x",
        "/etc/passwd",
        "C:\\x",
        "data\\..\\x",
        "{episode_index.__class__}",
        "{episode_index:099999999d}",
        "{other}",
        "{episode_index!r}",
        "",
        7,
        None,
        "x\0y",
    ],
)
@pytest.mark.parametrize("key", ["data_path", "video_path"])
def test_templates_that_lead_out_of_the_folder_are_refused(write, key, path, tmp_path):
    source = write(tmp_path / "robot", happen((2, 2)))
    change_info(source, **{key: path})
    with pytest.raises(DataError, match=key):
        describe_source(source)


def test_features_whose_names_lead_out_of_the_folder_are_refused(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen((2, 2)))
    features = json.loads((source / "meta/info.json").read_text())["features"]
    change_info(source, features={**features, "../../../videos": features[KEYS[0]]})
    with pytest.raises(DataError, match="no path within the folder"):
        describe_source(source)


def test_links_out_of_the_folder_are_not_followed(write, tmp_path):
    source = write(tmp_path / "robot", happen((6, 4)))
    for file in (next(source.rglob("*.mp4")), next(source.glob("data/*/*.parquet"))):
        file.rename(tmp_path / file.name)
        file.symlink_to(tmp_path / file.name)
        with pytest.raises(DataError, match="is a link to somewhere else"):
            import_logs(source, tmp_path / "store", bad="refuse")
        file.unlink()
        (tmp_path / file.name).rename(file)
    (source / "meta/info.json").rename(tmp_path / "info.json")
    (source / "meta/info.json").symlink_to(tmp_path / "info.json")
    with pytest.raises(DataError, match="in no layout"):
        describe_source(source)
    with pytest.raises(DataError, match="is a link to somewhere else"):
        describe_source(source, "lerobot-v2" if write is write_lerobot_v2 else "lerobot-v3")


def test_a_snapshot_in_the_hugging_face_cache_is_read(write, tmp_path):
    """Where every file is a link to a blob beside the snapshots."""
    home = tmp_path / "hub/datasets--me--robot"
    source = write(home / "snapshots/abc", happen((6, 4)))
    (home / "blobs").mkdir()
    for number, file in enumerate(sorted(file for file in source.rglob("*") if file.is_file())):
        file.rename(home / f"blobs/{number}")
        file.symlink_to(home / f"blobs/{number}")
    assert import_logs(source, tmp_path / "store").episodes == 2


def test_a_video_of_another_size_is_refused(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    film = source / f"videos/chunk-000/{KEYS[0]}/episode_000001.mp4"
    write_video(film, [np.zeros((64, 64, 3), np.uint8)] * 4)
    result = import_logs(source, tmp_path / "store")
    assert "frames of 64 x 64" in reasons(result)["1"] and film.name in reasons(result)["1"]


def test_a_playlist_that_calls_itself_a_video_opens_nothing_else(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    film = source / f"videos/chunk-000/{KEYS[0]}/episode_000001.mp4"
    other = film.rename(tmp_path / "secret.mp4")
    for number, text in enumerate(
        (f"ffconcat version 1.0\nfile {other}\n", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n")
    ):
        film.write_text(text)
        result = import_logs(source, tmp_path / f"store-{number}")
        assert set(reasons(result)) == {"1"} and film.name in reasons(result)["1"]


def test_nan_actions_cost_the_episode(tmp_path):
    logs = happen()
    logs[2].actions[3] = np.nan
    result = import_logs(write_lerobot_v2(tmp_path / "robot", logs), tmp_path / "store")
    assert result.episodes == 3 and "NaN" in reasons(result)["2"]


def test_whole_numbers_as_actions_are_choices(write, tmp_path):
    logs = happen()
    source = write(tmp_path / "robot", logs)
    choices = {}
    for file in sorted(source.glob("data/*/*.parquet")):
        change_column(file, "action", lambda actions, file=file: choices.setdefault(file, np.arange(len(actions)) % 5))
    features = json.loads((source / "meta/info.json").read_text())["features"]
    change_info(source, features={**features, "action": {"dtype": "int64", "shape": [1], "names": None}})
    store = import_logs(source, tmp_path / "store").store
    assert store.spaces.action == DiscreteSpace(5)
    assert store.column("action", 0)[:-1, 0].tolist() == next(iter(choices.values()))[:7].tolist()


def test_features_of_several_axes_are_read(tmp_path):
    logs = happen()
    source = write_lerobot_v2(tmp_path / "robot", logs)
    for number, file in enumerate(sorted(source.glob("data/*/*.parquet"))):
        rows = logs[number].joints.reshape(-1, 2, 2).tolist()
        pq.write_table(pq.read_table(file).append_column("observation.grid", pa.array(rows, pa.list_(pa.list_(pa.float32())))), file)
    features = json.loads((source / "meta/info.json").read_text())["features"]
    change_info(source, features={**features, "observation.grid": {"dtype": "float32", "shape": [2, 2], "names": None}})
    store = import_logs(source, tmp_path / "store").store
    np.testing.assert_array_equal(store.column("observation/grid", 1), logs[1].joints)


def test_pictures_that_are_only_named_are_read_from_the_folder_alone(tmp_path):
    logs = happen((3, 2))
    source = write_lerobot_v2(tmp_path / "robot", logs, kind="image")
    file = source / "data/chunk-000/episode_000001.parquet"
    table = pq.read_table(file)
    (source / "images").mkdir()
    (tmp_path / "secret.png").write_bytes(table[KEYS[0]][0].as_py()["bytes"])
    for where, words in (
        ("images/{}.png", None),
        ("../secret.png", "no path within"),
        (str(tmp_path / "secret.png"), "no path within"),
        ("x.png", "x.png"),
    ):
        named = [{"bytes": None, "path": where.format(row)} for row in range(3)]
        for row, picture in enumerate(table[KEYS[0]].to_pylist()):
            (source / f"images/{row}.png").write_bytes(picture["bytes"])
        kind = table.schema.field(KEYS[0]).type
        pq.write_table(table.set_column(table.column_names.index(KEYS[0]), KEYS[0], pa.array(named, kind)), file)
        result = import_logs(source, tmp_path / f"store-{where[:3].strip('./')}-{words is None}")
        assert (reasons(result) == {}) if words is None else (words in reasons(result)["1"])


def test_damaged_pictures_cost_the_episode(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen(), kind="image")
    file = source / "data/chunk-000/episode_000001.parquet"
    table = pq.read_table(file)
    pictures = table[KEYS[0]].to_pylist()
    whole = pictures[2]["bytes"]
    for number, content in enumerate((whole[:60], b"", b"GIF89a" + whole, None, whole.replace(b"IHDR\0\0\0\x0c\0\0\0\x0a", b"IHDR\0\1\0\0\0\1\0\0"))):
        pictures[2] = {"bytes": content, "path": None}
        pq.write_table(table.set_column(table.column_names.index(KEYS[0]), KEYS[0], pa.array(pictures, table.schema.field(KEYS[0]).type)), file)
        result = import_logs(source, tmp_path / f"store-{number}")
        assert "a picture" in reasons(result)["1"] and result.episodes == 3


def test_an_episode_whose_rows_are_torn_apart_is_left_out(tmp_path):
    source = write_lerobot_v3(tmp_path / "robot", happen((4, 4)))
    change_column(source / "data/chunk-000/file-000.parquet", "episode_index", lambda values: np.roll(values, 2))
    result = import_logs(write_lerobot_v3(tmp_path / "good", happen((4, 4))), tmp_path / "store")
    assert result.episodes == 2
    with pytest.raises(DataError, match="rows of episode"):
        import_logs(source, tmp_path / "other")


@pytest.mark.parametrize("odd", [None, 0.5, 2**63 - 1])
@pytest.mark.parametrize("name", ["episode_index", "action"])
def test_numbers_that_are_missing_or_none_cost_the_episode(name, odd, tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    features = json.loads((source / "meta/info.json").read_text())["features"]
    change_info(source, features={**features, "action": {"dtype": "int64", "shape": [1], "names": None}})
    for number, file in enumerate(sorted(source.glob("data/*/*.parquet"))):
        change_column(file, "action", lambda actions: np.arange(len(actions)) % 3)
        if number == 1:
            change_column(file, name, lambda values: [odd, *values.tolist()[1:]])
    result = import_logs(source, tmp_path / "store", columns=("action=action",))
    assert set(reasons(result)) == {"1"} or (name == "action" and result.store.spaces.action == VectorSpace(1, (0,), (float(odd),)))


def test_version_2_0_is_read_too(tmp_path):
    source = write_lerobot_v2(tmp_path / "robot", happen())
    change_info(source, codebase_version="v2.0")
    assert import_logs(source, tmp_path / "store").episodes == 4


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    video, image = write_lerobot_v3(tmp_path / "video", happen((2,))), write_lerobot_v3(tmp_path / "image", happen((2,)), kind="image")
    for package, source in (("pyarrow", video), ("av", video), ("pillow", image)):
        with monkeypatch.context() as patch:
            module = {"pillow": "PIL"}.get(package, package)
            for name in [name for name in sys.modules if name.split(".")[0] == module]:
                patch.setitem(sys.modules, name, None)
            with pytest.raises(ValueError, match=f"'{package}', which is not installed.*\n.*telos-jepa.formats"):
                import_logs(source, tmp_path / "store")
