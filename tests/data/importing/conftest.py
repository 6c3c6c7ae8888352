"""Imports a data set in memory."""

import itertools

import pytest
from simple_source import InMemory, known

from telos.data import ImportResult, import_logs


@pytest.fixture
def import_memory(tmp_path, monkeypatch):
    """`import_memory(logged, [columns], **options)`: an import of these arrays to a new place."""
    places = itertools.count()

    def run(logged, *columns, out=None, threads=2, progress=None, rows_per_piece=4, logged_fps=10.0, environment=None, **options) -> ImportResult:
        source = InMemory(logged, *columns, rows_per_piece=rows_per_piece, fps=logged_fps, environment=environment)
        with known(source, monkeypatch, tmp_path) as path:
            return import_logs(path, out or tmp_path / f"store-{next(places)}", threads=threads, progress=progress, **options)

    return run
