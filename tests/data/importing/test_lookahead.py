"""Ahead, in order, bounded, and gone when nobody listens any more."""

import threading
import time

import pytest

from telos.data.importing.lookahead import WAITING, in_order


def settle(condition, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_jobs(threads):
    def work(job):
        for part in range(job % 4):
            time.sleep(0.001 * (job % 3))
            yield job, part

    taken = [(job, list(results)) for job, results in in_order(range(20), work, threads)]
    assert taken == [(job, [(job, part) for part in range(job % 4)]) for job in range(20)]


def test_no_more_is_made_than_fits():
    made = []

    def work(job):
        for part in range(1000):
            made.append((job, part))
            yield part

    stream = in_order(range(100), work, 2)
    _, results = next(stream)
    next(results)
    time.sleep(0.3)
    assert len(made) <= 2 * (WAITING + 1) + 1
    stream.close()


def test_what_a_job_raises_is_raised_where_its_results_are_taken():
    def work(job):
        yield job
        if job == 2:
            raise ValueError("two")

    taken = []
    stream = in_order(range(5), work, 3)
    for job, results in stream:
        if job == 2:
            assert next(results) == 2
            with pytest.raises(ValueError, match="two"):
                next(results)
        else:
            taken += list(results)
    assert taken == [0, 1, 3, 4]


def test_results_that_nobody_takes_are_thrown_away():
    assert [job for job, _ in in_order(range(7), lambda job: range(job * 10), 3)] == list(range(7))


def test_workers_go_home_when_nobody_listens():
    before = threading.active_count()
    stream = in_order(range(50), lambda job: range(1000), 4)
    next(stream)
    stream.close()
    assert settle(lambda: threading.active_count() <= before)
