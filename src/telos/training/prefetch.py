"""The next batch is drawn while the current one is learned from."""

import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

from telos.core.logs import Windows

Draw = Callable[[int], Windows]
"""The batch of a step; a function of the step alone, so that it does not matter when and where it is drawn."""


def batches_of(draw: Draw, steps: range, *, ahead: bool | None = None) -> Generator[Windows]:
    """The batches of `steps`, one after the other.

    A thread draws one batch ahead, and ends with the iteration, also where that is left by an error; what goes wrong in it is
    raised where the batch is asked for. On one core the thread would only take turns with the work, so there is none.

    Args:
        ahead: whether to draw ahead; None: where there is a second core.
    """
    if not (num_cores() > 1 if ahead is None else ahead):
        yield from map(draw, steps)
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="telos-batches") as thread:
        coming = thread.submit(draw, steps[0]) if steps else None
        for step in steps:
            assert coming is not None
            windows = coming.result()
            coming = thread.submit(draw, step + 1) if step + 1 in steps else None
            yield windows


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
