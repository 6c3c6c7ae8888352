"""A data set in memory, for everything about the importer that no file matters for."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, PixelSpace, VectorSpace
from telos.data.formats.base import AbstractFormat, AbstractSource, Description, SourceColumn

COLUMNS = (
    SourceColumn(name="camera", space=PixelSpace(6, 8), role="observation"),
    SourceColumn(name="arm/position", space=VectorSpace(2), role="observation", unit="m", parts=("x", "y")),
    SourceColumn(name="target", space=VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)), role="action", per="step"),
    SourceColumn(name="true", space=VectorSpace(3), role="info"),
    SourceColumn(name="reward", space=VectorSpace(1), role="extra", per="step"),
    SourceColumn(name="stamp", space=VectorSpace(1), role="time", unit="s"),
)
DISCRETE = (COLUMNS[1], SourceColumn(name="choice", space=DiscreteSpace(4), role="action", per="step"))


def episode(num_steps: int, seed: int = 0, *, fps: float = 10.0) -> dict[str, np.ndarray]:
    """Random rows of all columns; positions count, so that rows can be told from one another."""
    rng = np.random.default_rng(seed)
    rows = num_steps + 1
    return {
        "camera": rng.integers(0, 256, (rows, 6, 8, 3), dtype=np.uint8),
        "arm/position": np.stack([np.arange(rows), 1000 + np.arange(rows)], axis=1).astype(np.float64),
        "target": rng.uniform(-1, 1, (num_steps, 2)).astype(np.float32),
        "true": rng.normal(size=(rows, 3)),
        "reward": rng.normal(size=num_steps),
        "stamp": np.arange(rows) / fps,
        "choice": rng.integers(4, size=num_steps),
    }


class InMemory(AbstractSource, AbstractFormat):
    """Hands over `rows_per_piece` rows at a time; an episode that is None is damaged."""

    name = "in-memory"
    says = "arrays of a test"

    def __init__(self, episodes, columns=COLUMNS, *, rows_per_piece: int = 4, fps: float | None = 10.0, environment=None) -> None:
        self.episodes, self.rows_per_piece, self.opened = episodes, rows_per_piece, []
        lengths = tuple(5 if rows is None else len(rows[columns[0].name]) - 1 for rows in episodes)
        self.description = Description(format=self.name, columns=columns, lengths=lengths, fps=fps, environment=environment, notes=("A note.",))

    def recognises(self, path) -> bool:
        return path.name == "memory"

    def open(self, path) -> AbstractSource:
        return self

    def chunks(self, episode: int, names: Collection[str]) -> Iterator[Mapping[str, np.ndarray]]:
        self.opened.append(episode)
        rows = self.episodes[episode]
        if rows is None:
            raise DataError("memory is damaged at that place.")
        for start in range(0, self.description.lengths[episode] + 1, self.rows_per_piece):
            yield {name: rows[name][start : start + self.rows_per_piece] for name in names}


@contextmanager
def known(source: InMemory, monkeypatch, tmp_path):
    """The path at which `source` is found."""
    path = tmp_path / "memory"
    if not path.exists():
        path.touch()
    with monkeypatch.context() as patch:
        patch.setattr("telos.data.formats.FORMATS", (source,))
        yield path
