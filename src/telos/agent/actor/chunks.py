"""Passes of a bounded size: as many candidates at once as suit the processor's cache, and never more than memory allows."""

from collections.abc import Iterator
from itertools import pairwise

from telos.core.contracts import AbstractWorldModel
from telos.core.types import Problem

MEMORY = 1 << 28
"""Bytes that the intermediate results of one pass may take."""
COPIES = 2
"""Times that a future is held at once: by the model that imagines it, and by the cost that reads it."""


def rows_at_once(world_model: AbstractWorldModel, problem: Problem, horizon: int, *, gradient: bool = False) -> int:
    """Rows of one pass: what the model likes best, or less where `MEMORY` ends before. A gradient holds every step of every layer."""
    state = problem.state
    future = state.latent.shape[1] + state.belief.shape[1] + world_model.spaces.action.shape[0]
    numbers = COPIES * (horizon * future + world_model.row_size * (horizon if gradient else 1))
    return max(1, min(world_model.rows_at_once, MEMORY // (state.latent.element_size() * numbers)))


def pieces(num_problems: int, num_candidates: int, rows: int) -> Iterator[tuple[slice, slice]]:
    """Which problems and which candidates of theirs go into one pass: several problems with all of theirs, or one with some."""
    if num_candidates > rows:
        for problem in range(num_problems):
            # Equal parts: a last one of a few rows would cost nearly as much as a full one.
            parts = -(-num_candidates // rows)
            bounds = [num_candidates * part // parts for part in range(parts + 1)]
            yield from ((slice(problem, problem + 1), slice(*pair)) for pair in pairwise(bounds))
        return
    together = max(1, rows // max(1, num_candidates))
    for first in range(0, num_problems, together):
        yield slice(first, min(first + together, num_problems)), slice(0, num_candidates)
