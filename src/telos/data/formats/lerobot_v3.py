"""LeRobot v3.0: several episodes share a parquet file and a video, and are cut out of them by rows and by time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from telos.core.errors import DataError
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.json_files import whole
from telos.data.formats.lerobot import Clip, Episode, Info, read_info, says_version
from telos.data.formats.lerobot_source import LeRobotSource
from telos.data.formats.paths import fill, within
from telos.data.formats.tables import Table

VERSIONS = ("v3.0",)
EPISODES, TASKS = "meta/episodes", "meta/tasks.parquet"
ROWS = 1 << 12
"""Descriptions of episodes that are held at once."""


class LeRobotV3(AbstractFormat):
    """Source: huggingface/lerobot, `LeRobotDataset` v3.0."""

    name = "lerobot-v3"
    says = "LeRobot v3.0: meta/info.json, several episodes to a parquet file and to a video"

    def recognises(self, path: Path) -> bool:
        version = says_version(path)
        return version is not None and not version.startswith("v2")

    def open(self, path: Path) -> AbstractSource:
        info = read_info(path, VERSIONS)
        tasks = dict(_tasks(path))
        return LeRobotSource(path, self.name, info, sorted(_episodes(path, info), key=lambda episode: episode.number), tasks)


def _episodes(root: Path, info: Info) -> Iterator[Episode]:
    for file in sorted((root / EPISODES).glob("*/*.parquet")):
        with Table(within(root, str(file.relative_to(root)))) as table:
            for about in _rows(table):
                yield _episode(about, info, file)


def _episode(about: dict[str, Any], info: Info, file: Path) -> Episode:
    what = str(file)
    clips = {}
    for name in info.films:
        where = {key: whole(about, f"videos/{name}/{key}", what) for key in ("chunk_index", "file_index")}
        begins = about.get(f"videos/{name}/from_timestamp")
        if not isinstance(begins, int | float) or not 0 <= begins < 1e9:
            raise DataError(f"{what}: 'videos/{name}/from_timestamp' is {str(begins)[:40]!r}.", expected="seconds, zero or more")
        clips[name] = Clip(fill(info.content.get("video_path"), {**where, "video_key": name}, "'video_path'"), float(begins))
    where = {key: whole(about, f"data/{key}", what) for key in ("chunk_index", "file_index")}
    number, length = whole(about, "episode_index", what), whole(about, "length", what)
    first, last = about.get("dataset_from_index"), about.get("dataset_to_index")
    if type(first) is int and type(last) is int and last - first != length:
        raise DataError(f"{what}: episode {number} has {length} rows, and {last - first} by its indices.", fix="get the data set again")
    return Episode(number, length, fill(info.content.get("data_path"), where, "'data_path'"), clips)


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    """One description an episode; the statistics, which are much larger, are not read."""
    wanted = [name for name in table.names if not name.startswith("stats/") and name != "tasks"]
    for batch in table.batches(wanted, 0, table.num_rows, ROWS):
        yield from batch.to_pylist()


def _tasks(root: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts; the text is whatever column there is beside the number, since pandas names it as it likes."""
    file = within(root, TASKS)
    if not file.is_file():
        return
    with Table(file) as table:
        texts = [name for name in table.names if name != "task_index"]
        for batch in table.batches(table.names, 0, table.num_rows, ROWS):
            for about in batch.to_pylist():
                if texts and type(about.get("task_index")) is int:
                    yield about["task_index"], str(about[texts[0]])
