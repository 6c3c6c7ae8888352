"""The trace of some episodes: one line a step, about what the agent expected, noticed and decided."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from telos.agent.moments import Moments
from telos.core.run import atomic_file, plain

Watcher = Callable[[Sequence[int], Moments], None]
"""Told of every step: the numbers of the episodes that are under way, and a row of moments for each."""


@contextmanager
def trace_file(path: Path) -> Iterator[Watcher]:
    """Writes what it is told as JSON lines: `episode` and `step`, both counted from 0, and what `Moments.to_json` tells.

    The file is there, in place of an older one, when the block has ended well. Raises OSError where it cannot be written.
    """
    steps: Counter[int] = Counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8") as stream:

        def write(episodes: Sequence[int], moments: Moments) -> None:
            for row, episode in enumerate(episodes):
                line = {"episode": episode, "step": steps[episode], **moments.to_json(row)}
                stream.write(json.dumps(plain(line), allow_nan=False) + "\n")
                steps[episode] += 1

        yield write
