"""Bounded memory, the same bytes on any number of threads, and progress that ends where it should."""

import tracemalloc

import numpy as np
import pytest
from simple_source import COLUMNS, InMemory, episode, known

from telos.data import import_logs


class Endless(InMemory):
    """One episode of as many pieces as wanted, made while it is read."""

    def __init__(self, num_pieces: int, rows: int) -> None:
        super().__init__([episode(3)], COLUMNS[:3])
        self.num_pieces, self.rows = num_pieces, rows
        self.description = self.description.__class__(format=self.name, columns=COLUMNS[:3], lengths=(num_pieces * rows - 1,))

    def chunks(self, episode, names):
        for number in range(self.num_pieces):
            rows = self.rows - (number == self.num_pieces - 1)
            yield {
                "camera": np.full((self.rows, 6, 8, 3), number % 256, np.uint8),
                "arm/position": np.full((self.rows, 2), float(number)),
                "target": np.zeros((rows, 2), np.float32),
            }


def test_an_episode_larger_than_memory_streams_through(tmp_path, monkeypatch):
    """400 MB in one episode, in pieces of 2 MB."""
    with known(Endless(200, 14_000), monkeypatch, tmp_path) as path:
        tracemalloc.start()
        result = import_logs(path, tmp_path / "store", resize=3, threads=3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 60 << 20
    store = result.store
    assert store.lengths.tolist() == [200 * 14_000 - 1]
    assert store.column("observation/camera", 0)[14_000 * 77 + 3].max() == 77 and store.damage() == []


@pytest.mark.parametrize("rows_per_piece", [1, 2, 5, 100])
def test_threads_and_pieces_do_not_change_a_byte(import_memory, tmp_path, rows_per_piece):
    episodes = [episode(num, num) for num in (9, 3, 12, 5, 7, 1, 8)]
    episodes[3]["stamp"][2:] += 5
    whole = import_memory(episodes, resize=3, stride=2, combine="mean", threads=1)
    for threads in (1, 2, 7):
        again = import_memory(episodes, resize=3, stride=2, combine="mean", threads=threads, rows_per_piece=rows_per_piece)
        for file in whole.path.iterdir():
            assert (again.path / file.name).read_bytes() == file.read_bytes()
        assert (again.left_out, again.notes) == (whole.left_out, whole.notes)


def test_progress_grows_to_the_number_of_steps(import_memory):
    told = []
    import_memory([episode(9), None, episode(4)], progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[0] == (0, 18) and told[-1] == (18, 18)


def test_only_the_episodes_that_were_chosen_are_read(tmp_path, monkeypatch):
    source = InMemory([episode(4, number) for number in range(6)])
    with known(source, monkeypatch, tmp_path) as path:
        import_logs(path, tmp_path / "store", episodes="1:3")
    assert sorted(source.opened) == [1, 2]


def test_a_source_where_going_back_is_dear_is_read_in_order(tmp_path, monkeypatch):
    source = InMemory([episode(4, number) for number in range(30)])
    source.in_order = True
    with known(source, monkeypatch, tmp_path) as path:
        import_logs(path, tmp_path / "store", threads=8)
    assert source.opened == list(range(30))
