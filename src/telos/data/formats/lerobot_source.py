"""Episodes of LeRobot data sets: rows in parquet files, beside frames in videos that are found by their time.

Row `t` holds the observation and the action that is taken in it. Neither the lerobot package nor torch is needed.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, PixelSpace
from telos.data.formats.arrays import MOST_CHOICES
from telos.data.formats.base import CHUNK_BYTES, AbstractSource, Description, SourceColumn
from telos.data.formats.encoded_pictures import decode_pictures, stored_bytes
from telos.data.formats.flat import LAST_ACTIONS
from telos.data.formats.lerobot import EPISODE, INFO, TIME, Episode, Info
from telos.data.formats.lerobot_features import Feature
from telos.data.formats.paths import within
from telos.data.formats.roles import guess_roles
from telos.data.formats.tables import Table, numbers, whole_numbers
from telos.data.formats.video_frames import Film

TABLES_KEPT = 64


class LeRobotSource(AbstractSource):
    """Episodes of one data set.

    Args:
        root: The folder that holds `meta`.
        tasks: Text by number.
    """

    def __init__(self, root: Path, name: str, info: Info, episodes: Sequence[Episode], tasks: Mapping[int, str]) -> None:
        self.root, self.info, self.episodes = root, info, tuple(episodes)
        self.features = {feature.name: feature for feature in info.features}
        self._places = lru_cache(TABLES_KEPT)(_places)
        if not self.episodes:
            raise DataError(f"{root / INFO}: the data set has no episodes.", expected="at least one")
        lengths = tuple(max(0, episode.num_rows - 1) for episode in self.episodes)
        about = {key: info.content[key] for key in ("codebase_version", "robot_type", "splits") if info.content.get(key) is not None}
        numbers_ = [episode.number for episode in self.episodes]
        self.description = Description(
            format=name,
            columns=self._columns(),
            lengths=lengths,
            fps=info.fps,
            metadata={
                **about,
                **({"tasks": {str(number): text for number, text in tasks.items()}} if tasks else {}),
                **({"episodes": numbers_} if numbers_ != list(range(len(numbers_))) else {}),
            },
            notes=(*self._notes(), *info.notes, LAST_ACTIONS),
        )

    def _columns(self) -> tuple[SourceColumn, ...]:
        roles = guess_roles({name: feature.space for name, feature in self.features.items()})
        columns = []
        for name, feature in self.features.items():
            space, role = feature.space, roles[name]
            if role == "action" and feature.whole and (num := self._count_choices(name)) is not None:
                space = DiscreteSpace(num)
            per = "step" if role == "action" else "observation"
            columns.append(SourceColumn(name=name, space=space, role=role, per=per, parts=feature.parts, unit="s" if role == "time" else ""))
        return tuple(columns)

    def _notes(self) -> Iterator[str]:
        total = self.info.content.get("total_episodes")
        if type(total) is int and total != len(self.episodes):
            yield f"{INFO} speaks of {total:,} episodes, {len(self.episodes):,} are listed."
        if self.info.films:
            yield f"{', '.join(map(repr, self.info.films))}: frames of videos, which are close to what was recorded, and seldom equal."

    def _count_choices(self, name: str) -> int | None:
        """How many choices single whole numbers tell apart, over all files that can be read; None if these are no choices."""
        low, high = 0, 0
        for file in dict.fromkeys(episode.file for episode in self.episodes):
            with contextlib.suppress(DataError), Table(within(self.root, file)) as table:
                for piece in table.column(name):
                    found = whole_numbers(piece, f"{self.root / file}: '{name}'")
                    low, high = min(low, int(found.min(initial=0))), max(high, int(found.max(initial=0)))
        return max(2, high + 1) if low >= 0 and high < MOST_CHOICES else None

    def chunks(self, episode: int, names: Collection[str]) -> Iterator[Mapping[str, np.ndarray]]:
        place, wanted = self.episodes[episode], [feature for name, feature in self.features.items() if name in names]
        listed = [feature.name for feature in wanted if feature.kind != "video"]
        if TIME not in listed and len(listed) < len(wanted):
            listed.append(TIME)
        path, done = within(self.root, place.file), 0
        rows = max(1, CHUNK_BYTES // max(1, sum(feature.row_bytes for feature in wanted)))
        first = self._first_row(path, place)
        with contextlib.ExitStack() as stack:
            table, films = stack.enter_context(Table(path)), Films(self.root, place, self.info.fps)
            stack.callback(films.close)
            for batch in table.batches(listed, first, place.num_rows, rows):
                done += batch.num_rows
                piece = {name: self._listed(batch.column(name), self.features[name], path) for name in listed}
                for feature in wanted:
                    if feature.kind == "video":
                        piece[feature.name] = films.read(feature, piece[TIME])
                ends = done == place.num_rows
                yield {column.name: _cut(piece[column.name], ends and column.per == "step") for column in self._chosen(wanted)}

    def _chosen(self, wanted: Sequence[Feature]) -> list[SourceColumn]:
        return [self.description.column(feature.name) for feature in wanted]

    def _first_row(self, path: Path, place: Episode) -> int:
        """Where the episode's rows begin in its file, which has to hold all of them, side by side."""
        found = self._places(path)
        first, num = found.get(place.number, (0, 0))
        if num != place.num_rows:
            raise DataError(
                f"{path} has {num} rows of episode {place.number}.", expected=f"{place.num_rows}, as meta says", fix="get the data set again"
            )
        return first

    def _listed(self, array: Any, feature: Feature, path: Path) -> np.ndarray:
        what = f"{path}: '{feature.name}'"
        if feature.kind == "numbers":
            return numbers(array, feature.shape, what).reshape(len(array), -1)
        assert isinstance(feature.space, PixelSpace)
        return decode_pictures(stored_bytes(array, self.root, what), feature.space, what)


class Films:
    """The videos of one episode, each read from front to back."""

    def __init__(self, root: Path, place: Episode, fps: float) -> None:
        self.root, self.place, self.tolerance = root, place, 0.5 / fps
        self._films: dict[str, Film] = {}

    def read(self, feature: Feature, times: np.ndarray) -> np.ndarray:
        """The frames at some times of the episode. Raises DataError for times that go back, and as `Film` does."""
        assert isinstance(feature.space, PixelSpace)
        clip = self.place.clips[feature.name]
        shown = clip.begins + times.reshape(-1).astype(np.float64)
        if not np.isfinite(shown).all() or (np.diff(shown) < 0).any():
            raise DataError(f"{self.root / self.place.file}: the times of episode {self.place.number} go back, or are no numbers.")
        if feature.name not in self._films:
            film = self._films[feature.name] = Film(within(self.root, clip.file))
            film.seek(max(0.0, float(shown[0]) - self.tolerance))
        return self._films[feature.name].at(shown, self.tolerance, feature.space)

    def close(self) -> None:
        for film in self._films.values():
            film.close()


def _places(path: Path) -> dict[int, tuple[int, int]]:
    """First row and number of rows of every episode in a file; episodes whose rows are not side by side are left out."""
    found: dict[int, tuple[int, int]] = {}
    torn: set[int] = set()
    row = 0
    with Table(path) as table:
        for piece in table.column(EPISODE):
            values = whole_numbers(piece, f"{path}: '{EPISODE}'")
            starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1]) if len(values) else []
            for start, stop in zip(starts, [*starts[1:], len(values)]):
                number = int(values[start])
                first, num = found.get(number, (row + start, 0))
                if first + num != row + start:
                    torn.add(number)
                found[number] = (int(first), int(num + stop - start))
            row += len(values)
    return {number: place for number, place in found.items() if number not in torn}


def _cut(rows: np.ndarray, shorter: bool) -> np.ndarray:
    return rows[:-1] if shorter else rows
