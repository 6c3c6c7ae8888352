"""Episodes that are videos, with rows of numbers beside their frames."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace, DiscreteSpace, PixelSpace, VectorSpace
from telos.data.formats.arrays import MOST_CHOICES, natural
from telos.data.formats.base import CHUNK_BYTES, AbstractSource, Description, SourceColumn
from telos.data.formats.flat import LAST_ACTIONS
from telos.data.formats.paths import fill, within
from telos.data.formats.roles import TIMES, guess_roles
from telos.data.formats.video_frames import ENDINGS, Film, is_film
from telos.data.formats.video_tables import Rows, group, is_table, read_table

PICTURES = "video"
TABLES_KEPT = 8
FPS_TOLERANCE = 0.05


@dataclass(frozen=True)
class Episode:
    """Where an episode is."""

    film: Path
    table: Path
    rows: Rows | None = None
    """Those of a table that is for all videos."""


@dataclass(frozen=True)
class _Seen:
    """What is known of an episode before it is decoded."""

    num_rows: int
    num_frames: int
    size: tuple[int, int]
    fps: float | None


def find_episodes(path: Path) -> tuple[list[Episode], list[str]]:
    """The videos of a folder that have rows, in the natural order of their names, and what is to be said of the rest.

    Raises:
        DataError: there are none, or a table names no videos.
    """
    files = sorted(path.iterdir(), key=lambda file: natural(file.name))
    films, tables = [file for file in files if is_film(file)], {file.stem: file for file in files if is_table(file)}
    beside = [Episode(film, tables[film.stem]) for film in films if film.stem in tables]
    if beside:
        alone = [film.name for film in films if film.stem not in tables]
        return beside, [f"{len(alone)} videos have no table and are left out: {', '.join(alone[:3])}."] if alone else []
    if len(tables) != 1:
        raise DataError(f"{path} has {len(films)} videos, and {len(tables)} tables of other names.", expected="NAME.csv for NAME.mp4, or one for all")
    table = next(iter(tables.values()))
    rows = read_table(table)
    if rows.videos is None:
        raise DataError(f"{table} does not say which video a row belongs to.", expected="a column 'episode' with the names of the videos")
    labels = np.array(rows.videos)
    order = sorted(dict.fromkeys(rows.videos), key=natural)
    found = [Episode(_film(path, label, films), table, rows.part(np.flatnonzero(labels == label))) for label in order]
    alone = [film.name for film in films if film not in {episode.film for episode in found}]
    return found, [f"{len(alone)} videos have no rows and are left out: {', '.join(alone[:3])}."] if alone else []


def _film(root: Path, label: str, films: Sequence[Path]) -> Path:
    """The video that a table names, with or without its ending; whether it is there is found out later."""
    known = {name: film for film in films for name in (film.name, film.stem)}
    return known.get(label) or within(root, fill(label if label.lower().endswith(ENDINGS) else f"{label}.mp4", {}, "a name of a video"))


class VideoSource(AbstractSource):
    """The columns are those of the tables, and `video`."""

    def __init__(self, path: Path, name: str, episodes: Sequence[Episode], notes: Sequence[str]) -> None:
        self.path, self.episodes = path, tuple(episodes)
        self._tables = lru_cache(TABLES_KEPT)(read_table)
        self.damaged: dict[int, DataError] = {}
        self.seen = {number: about for number in range(len(self.episodes)) if (about := self._look(number)) is not None}
        if not self.seen:
            raise next(iter(self.damaged.values()), DataError(f"{path} has no video with rows.", expected="NAME.mp4 and NAME.csv"))
        first = next(iter(self.seen))
        rows = self._rows(first)
        self.groups = group(tuple(rows.columns))
        self.size = PixelSpace(*self.seen[first].size)
        self.timed = next((parts[0] for name, parts in self.groups.items() if name.lower() in TIMES), None)
        self.one_more = all(about.num_frames == about.num_rows + 1 for about in self.seen.values())
        lengths = [max(0, self.seen[number].num_rows - (not self.one_more)) if number in self.seen else 0 for number in range(len(self.episodes))]
        self.description = Description(
            format=name,
            columns=self._columns(),
            lengths=tuple(lengths),
            fps=self._fps(rows, self.seen[first]),
            metadata={"files": [episode.film.name for episode in self.episodes]},
            notes=(*notes, *self._notes(rows)),
        )

    def _look(self, number: int) -> _Seen | None:
        try:
            num_rows = self._rows(number).num
            with Film(self.episodes[number].film) as film:
                return _Seen(num_rows, film.count(), (film.height, film.width), film.fps)
        except DataError as error:
            self.damaged[number] = error
            return None

    def _rows(self, number: int) -> Rows:
        episode = self.episodes[number]
        return self._tables(episode.table) if episode.rows is None else episode.rows

    def _columns(self) -> tuple[SourceColumn, ...]:
        spaces: dict[str, AbstractSpace] = {PICTURES: self.size, **{name: VectorSpace(len(parts)) for name, parts in self.groups.items()}}
        roles = guess_roles(spaces)
        columns = []
        for name, space in spaces.items():
            role, parts = roles[name], self.groups.get(name, ())
            per = "observation" if name == PICTURES or (role != "action" and not self.one_more) else "step"
            if role == "action" and len(parts) == 1 and (num := self._count_choices(parts[0])) is not None:
                space = DiscreteSpace(num)
            # Without a time for the last frame, times would cost it.
            role = "extra" if per == "step" and role in ("info", "time") else role
            columns.append(SourceColumn(name=name, space=space, role=role, per=per, parts=parts if len(parts) > 1 else ()))
        return tuple(columns)

    def _count_choices(self, name: str) -> int | None:
        found = [self._rows(number).columns.get(name, np.zeros(0)) for number in self.seen]
        if any(values.dtype.kind != "i" for values in found):
            return None
        low, high = min(int(values.min(initial=0)) for values in found), max(int(values.max(initial=0)) for values in found)
        return max(2, high + 1) if low >= 0 and high < MOST_CHOICES else None

    def _in_order(self, about: _Seen) -> bool:
        return about.num_frames - about.num_rows in (0, 1)

    def _fps(self, rows: Rows, about: _Seen) -> float | None:
        if self._in_order(about) or self.timed is None:
            return about.fps
        steps = np.diff(rows.columns[self.timed])
        return float(1 / np.median(steps)) if len(steps) and np.median(steps) > 0 else None

    def _notes(self, rows: Rows) -> Iterator[str]:
        yield "Frames of videos are close to what was recorded, and seldom equal."
        if ordered := sum(map(self._in_order, self.seen.values())):
            yield f"Row k belongs to frame k, by their numbers, in {ordered} episodes."
        if self.timed is not None and ordered < len(self.seen):
            yield f"Rows belong to frames by '{self.timed}' in {len(self.seen) - ordered} episodes."
        if not self.one_more:
            yield LAST_ACTIONS
        for name in rows.texts:
            yield f"'{name}' holds no numbers and is left out."
        if (rates := [about.fps for about in self.seen.values() if about.fps]) and max(rates) > (1 + FPS_TOLERANCE) * min(rates):
            yield f"The videos have {min(rates):g} to {max(rates):g} frames a second."

    def chunks(self, episode: int, names: Collection[str]) -> Iterator[Mapping[str, np.ndarray]]:
        if episode in self.damaged:
            raise self.damaged[episode]
        place, about, num = self.episodes[episode], self.seen[episode], self.description.lengths[episode] + 1
        columns = [column for column in self.description.columns if column.name in names]
        tables = {column.name: self._vectors(episode, column) for column in columns if column.name != PICTURES}
        rows = max(1, CHUNK_BYTES // (math.prod(self.size.shape) if PICTURES in names else 8 * len(names)))
        with Film(place.film) as film:
            times = None if self._in_order(about) or PICTURES not in names else self._times(episode, film)
            for start in range(0, num, rows):
                stop = min(num, start + rows)
                piece = {name: values[start : min(stop, len(values))] for name, values in tables.items()}
                if PICTURES in names:
                    piece[PICTURES] = self._pictures(film, times, start, stop)
                yield piece

    def _pictures(self, film: Film, times: np.ndarray | None, start: int, stop: int) -> np.ndarray:
        if times is not None:
            return film.at(times[start:stop], 0.5 / (film.fps or 1.0), self.size)
        pictures = film.next(stop - start, self.size)
        if len(pictures) < stop - start:
            raise DataError(f"{film.path} ends after {start + len(pictures)} frames.", expected=f"{stop} or more", fix="get the file again")
        return pictures

    def _times(self, episode: int, film: Film) -> np.ndarray:
        """Of the rows, in seconds since the video began. Raises DataError where nothing tells which frame a row belongs to."""
        about, place = self.seen[episode], self.episodes[episode]
        counts = f"{place.film} has {about.num_frames} frames, and {place.table.name} {about.num_rows} rows"
        if self.timed is None or self.timed not in self._rows(episode).columns:
            raise DataError(f"{counts}.", expected="as many, or a frame more, or a column 'time'", fix="add the time of each row in the video")
        times = self._rows(episode).columns[self.timed].astype(np.float64)
        if not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise DataError(f"{counts}, and its times go back, or are no numbers.", expected="seconds since the video began")
        return times + film.begins

    def _vectors(self, episode: int, column: SourceColumn) -> np.ndarray:
        """`[row size]`, as many as the column has in this episode."""
        found, parts = self._rows(episode).columns, self.groups[column.name]
        if missing := [part for part in parts if part not in found]:
            raise DataError(f"{self.episodes[episode].table} has no numbers in '{missing[0]}'.", expected="the columns of the first table")
        num = self.description.lengths[episode] + (column.per == "observation")
        return np.stack([found[part][:num] for part in parts], axis=1)
