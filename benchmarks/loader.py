"""Windows per CPU second from a warm store, beside one plain copy of the same bytes.

    python benchmarks/loader.py [--json]

The best of several rounds counts: whatever else the machine does only ever slows a round down.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.data import Episodes, EpisodeWriter

BATCH, ROUNDS, SECONDS = 128, 5, 0.4


def make_store(path: Path, episodes: int = 60, steps: int = 120) -> Episodes:
    """Random pictures of 64 x 64 x 3, about 90 MB."""
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, Spaces(PixelSpace(64, 64), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))) as writer:
        for _ in range(episodes):
            writer.add(rng.integers(0, 256, (steps + 1, 64, 64, 3), dtype=np.uint8), rng.uniform(-1, 1, (steps, 2)))
    return Episodes.open(path)


def windows_per_second(draw: Callable[[], object]) -> float:
    """Per CPU second, the best of several rounds of a `draw` of one batch."""
    best = 0.0
    for _ in range(ROUNDS):
        num, start = 0, time.process_time()
        while (passed := time.process_time() - start) < SECONDS:
            draw()
            num += BATCH
        best = max(best, num / passed)
    return best


def measure(store: Episodes, frames: int) -> dict[str, float]:
    """Telos against one copy of as many bytes that lie in one piece somewhere, both into fresh memory."""
    rng = np.random.default_rng(0)
    rows = BATCH * frames
    # As large as the store: a small source would come from the processor's cache.
    pool = np.zeros((store.num_steps + store.num_episodes, 64, 64, 3), dtype=np.uint8) + np.uint8(1)

    def copy_one_piece() -> np.ndarray:
        start = rng.integers(len(pool) - rows)
        return pool[start : start + rows].copy()

    telos = windows_per_second(lambda: store.windows(rng, BATCH, frames - 1))
    copy = windows_per_second(copy_one_piece)
    return {"frames": frames, "telos": round(telos), "copy": round(copy), "ratio": round(telos / copy, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store")
        results = [measure(store, frames) for frames in (4, 8)]
    if arguments.json:
        print(json.dumps({"batch": BATCH, "picture": [64, 64, 3], "windows_per_cpu_second": results}))
        return
    print(f"Windows of 64 x 64 x 3 per CPU second, batch {BATCH}, random, warm\n")
    print(f"  {'frames':>6} {'Telos':>10} {'plain copy':>12} {'ratio':>7}")
    for row in results:
        print(f"  {row['frames']:>6} {row['telos']:>10,} {row['copy']:>12,} {row['ratio']:>7.2f}")


if __name__ == "__main__":
    main()
