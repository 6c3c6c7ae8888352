"""A folder of videos, and tables that say what was done in each frame of them."""

from pathlib import Path

from telos.data.formats.arrays import check_links
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.video_frames import is_film
from telos.data.formats.video_source import VideoSource, find_episodes
from telos.data.formats.video_tables import is_table


class Videos(AbstractFormat):
    """Each video is an episode. Its rows are in `NAME.csv` beside `NAME.mp4`, or in one table whose column `episode` names the video.

    **Columns.** Those of one vector are called `action/x`, `action/y`, or `action_0`, `action_1`; the same goes for `state` and
    others. If none is called action, all of them are the action. Numbers are numbers: a column of choices says so by its name,
    `action:int`, or in parquet by its type.

    **Frames and rows.** If there are as many rows as frames, row `k` holds what was done in frame `k`, and the last action leads nowhere;
    if every video has one frame more, no action is lost. Otherwise a column `time`, in seconds since the beginning of the
    video, has to say which frame a row belongs to: the nearest, at most half a frame away. An episode of which neither is
    true is left out.
    """

    name = "videos"
    says = "a folder of videos with tables: NAME.mp4 and NAME.csv, or one table with a column 'episode'"

    def recognises(self, path: Path) -> bool:
        try:
            files = list(path.iterdir()) if path.is_dir() else []
            return any(map(is_film, files)) and any(map(is_table, files))
        except OSError:
            return False

    def open(self, path: Path) -> AbstractSource:
        check_links(path)
        episodes, notes = find_episodes(path)
        return VideoSource(path, self.name, episodes, notes)
