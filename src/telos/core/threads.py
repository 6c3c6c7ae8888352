"""As many processor threads as the work is worth: a small product waits longer for its helpers than it computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORTH = 1 << 20
"""Multiplications of one step of a model for every thread; with fewer, two threads are hardly faster than one, at twice the cost.

Measured with perceptrons of 64 to 2048 neurons and 8 to 512 rows: see benchmarks/anytime.py.
"""


def suitable_threads(products: int) -> int:
    """Threads for a step of so many multiplications: 1 at the least, and never more than torch has been given."""
    return max(1, min(torch.get_num_threads(), products // WORTH))


@contextmanager
def threads_for(products: int) -> Iterator[None]:
    """Computes with `suitable_threads`, and with as many as before afterwards, also after an error.

    The number belongs to the thread that asks for it, so that searches in several threads do not disturb one another. A
    thread that starts meanwhile takes it over: start threads elsewhere. `OMP_NUM_THREADS` and `torch.set_num_threads` are the most.
    """
    before = torch.get_num_threads()
    wanted = suitable_threads(products)
    if wanted == before:
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
