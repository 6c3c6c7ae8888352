"""Works on several things at once and hands the results over in order, with a bounded amount waiting."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

WAITING = 4
"""Results of one job that wait to be taken."""
PATIENCE = 0.1
"""Seconds after which a worker that cannot hand over looks whether anybody is still there."""


def in_order(jobs: Iterable[Job], work: Callable[[Job], Iterable[Result]], threads: int) -> Iterator[tuple[Job, Iterator[Result]]]:
    """Each job with what `work` makes of it, in the order of the jobs; `threads` of them are worked on ahead.

    What `work` raises is raised where its results are taken. What is left of a job's results when the next one is asked for is
    thrown away.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        ahead: deque[tuple[Job, _Channel[Result]]] = deque()
        try:
            for job in jobs:
                channel = _Channel[Result](stop)
                ahead.append((job, channel))
                pool.submit(channel.fill, work, job)
                if len(ahead) > threads:
                    yield from _hand_over(*ahead.popleft())
            while ahead:
                yield from _hand_over(*ahead.popleft())
        finally:
            stop.set()


def _hand_over(job: Job, channel: "_Channel[Result]") -> Iterator[tuple[Job, Iterator[Result]]]:
    results = channel.results()
    yield job, results
    for _ in results:
        pass


class _Channel(Generic[Result]):
    """From one worker to whoever takes its results."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._queue: queue.Queue[tuple[str, Result | BaseException | None]] = queue.Queue(WAITING)

    def fill(self, work: Callable[[Job], Iterable[Result]], job: Job) -> None:
        try:
            for result in work(job):
                if not self._put("result", result):
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("error", error)

    def results(self) -> Iterator[Result]:
        while True:
            kind, value = self._queue.get()
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            if kind == "end":
                return
            yield value  # type: ignore[misc]

    def _put(self, kind: str, value: Result | BaseException | None) -> bool:
        """Whether somebody is still there to take it."""
        while not self._stop.is_set():
            try:
                self._queue.put((kind, value), timeout=PATIENCE)
                return True
            except queue.Full:
                continue
        return False
