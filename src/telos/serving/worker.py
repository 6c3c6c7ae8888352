"""One thread that plans; whoever waits for it waits no longer than the deadline."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class PlanningThread:
    """Runs plans one after the other, in a thread of its own, so that the server can answer while one is late.

    A plan that hangs keeps the thread; its callers, and everybody after them, get their fallback in time.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._began: float | None = None
        # A daemon: no plan that hangs may keep the process from ending.
        Thread(target=self._work, name="telos-plan", daemon=True).start()

    @property
    def busy_seconds(self) -> float:
        """For how long it has been at the present piece of work; 0 if it is free."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def submit(self, work: Callable[[], Result]) -> "Future[Result]":
        """Queues the work."""
        future: Future[Result] = Future()
        self._queue.put((future, work))
        return future

    def close(self) -> None:
        """Lets go of the thread, once it is through with what is queued."""
        self._queue.put(None)

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            future, work = task
            if not future.set_running_or_notify_cancel():
                continue
            self._began = time.monotonic()
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            self._began = None


async def within(future: "Future[Result]", seconds: float) -> Result | None:
    """The result, or None if it is not there in time. Work that has begun goes on, other work is withdrawn.

    Raises what the work raises in that time.
    """
    waiting = asyncio.wrap_future(future)
    done, _ = await asyncio.wait({waiting}, timeout=max(seconds, 0.0))
    if done:
        return waiting.result()
    future.cancel()
    return None
