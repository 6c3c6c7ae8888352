"""One thread that plans; whoever waits for it waits no longer than the deadline."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class PlanningThread:
    """Runs plans one after the other, in a thread of its own, so that the server can answer while one is late.

    A plan that hangs keeps the thread; its callers, and everybody after them, get their fallback in time.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telos-plan")

    def submit(self, work: Callable[[], Result]) -> "Future[Result]":
        """Queues the work."""
        return self._pool.submit(work)

    def close(self) -> None:
        """Lets go of the thread; work that waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def within(future: "Future[Result]", seconds: float) -> Result | None:
    """The result, or None if it is not there in time; the work goes on. Raises what the work raises in that time."""
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), max(seconds, 0.0))
    except TimeoutError:
        return None
