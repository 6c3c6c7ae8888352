"""LeRobot v2.1 and v2.0: a parquet file for each episode, and a video for each of its cameras."""

from collections.abc import Iterator
from pathlib import Path

from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.json_files import read_lines, whole
from telos.data.formats.lerobot import Clip, Episode, Info, read_info, says_version
from telos.data.formats.lerobot_source import LeRobotSource
from telos.data.formats.paths import fill, within

VERSIONS = ("v2.1", "v2.0")
EPISODES, TASKS = "meta/episodes.jsonl", "meta/tasks.jsonl"


class LeRobotV2(AbstractFormat):
    """v2.0 differs in its statistics only, which are not read.

    Source: huggingface/lerobot, `LeRobotDataset` v2.1.
    """

    name = "lerobot-v2"
    says = "LeRobot v2.1 and v2.0: meta/info.json, a parquet file and videos for each episode"

    def recognises(self, path: Path) -> bool:
        version = says_version(path)
        return version is not None and version.startswith("v2")

    def open(self, path: Path) -> AbstractSource:
        info = read_info(path, VERSIONS)
        tasks = dict(_tasks(path))
        return LeRobotSource(path, self.name, info, sorted(_episodes(path, info), key=lambda episode: episode.number), tasks)


def _episodes(root: Path, info: Info) -> Iterator[Episode]:
    file = within(root, EPISODES)
    chunk_size = whole(dict(info.content), "chunks_size", f"{root}/meta/info.json", least=1)
    for about in read_lines(file):
        number = whole(about, "episode_index", str(file))
        where = {"episode_chunk": number // chunk_size, "episode_index": number}
        clips = {name: Clip(fill(info.content.get("video_path"), {**where, "video_key": name}, "'video_path'")) for name in info.films}
        yield Episode(number, whole(about, "length", str(file)), fill(info.content.get("data_path"), where, "'data_path'"), clips)


def _tasks(root: Path) -> Iterator[tuple[int, str]]:
    file = within(root, TASKS)
    if file.is_file():
        for about in read_lines(file):
            yield whole(about, "task_index", str(file)), str(about.get("task"))
