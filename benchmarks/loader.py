"""Windows per CPU second from a warm store: as they are stored, and as the floats that an encoder computes with.

    python benchmarks/loader.py [--json]

Beside them, in the same run: one plain copy of as many bytes, rows of an HDF5 file, and both converted the usual way. The best of
several rounds counts: whatever else the machine does only ever slows a round down.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from telos.core.heap import keep_heap
from telos.core.layers import Normalization
from telos.core.logs import Moments
from telos.core.pieces import PIXELS_AT_ONCE
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.data import Episodes, EpisodeWriter

BATCH, ROUNDS, SECONDS = 128, 5, 0.4
PICTURE = (64, 64, 3)
MOMENTS = Moments(mean=(120.0, 130.0, 110.0), std=(70.0, 60.0, 80.0))
AT_ONCE = PIXELS_AT_ONCE // (PICTURE[0] * PICTURE[1])
SOURCES = ("plain copy", "Telos", "HDF5, row by row")


def make_store(path: Path, episodes: int = 60, steps: int = 120) -> Episodes:
    """Random pictures of 64 x 64 x 3, about 90 MB."""
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, Spaces(PixelSpace(64, 64), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))) as writer:
        for _ in range(episodes):
            writer.add(rng.integers(0, 256, (steps + 1, *PICTURE), dtype=np.uint8), rng.uniform(-1, 1, (steps, 2)))
    return Episodes.open(path)


@contextmanager
def hdf5_rows(path: Path, store: Episodes) -> Iterator:
    """The same pictures in the layout of stable-worldmodel: one flat column in chunks of one row."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("pixels", data=store.rows("observation"), chunks=(1, *PICTURE))
    with h5py.File(path) as file:
        yield file["pixels"]


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


def sources(store: Episodes, column, frames: int) -> dict[str, Callable[[], np.ndarray]]:
    """Each draws one batch of windows `[batch frames height width 3]`, into fresh memory."""
    rng = np.random.default_rng(0)
    rows = BATCH * frames
    # As large as the store: a small source would come from the processor's cache.
    pool = np.zeros((store.num_steps + store.num_episodes, *PICTURE), dtype=np.uint8) + np.uint8(1)

    def copy_one_piece() -> np.ndarray:
        start = rng.integers(len(pool) - rows)
        return pool[start : start + rows].copy().reshape(BATCH, frames, *PICTURE)

    def read_hdf5() -> np.ndarray:
        batch = np.empty((BATCH, frames, *PICTURE), dtype=np.uint8)
        for number, start in enumerate(rng.integers(len(column) - frames, size=BATCH)):
            column.read_direct(batch, np.s_[start : start + frames], np.s_[number])
        return batch

    return dict(zip(SOURCES, (copy_one_piece, lambda: store.windows(rng, BATCH, frames - 1).observations, read_hdf5), strict=True))


def measure(store: Episodes, column, frames: int) -> dict[str, dict[str, float]]:
    """Windows per CPU second by source: bytes, floats as an encoder of ours makes them, floats by `(x - mean) / std`."""
    normalization = Normalization(size=3, moments=MOMENTS)
    mean, std = torch.tensor(MOMENTS.mean), torch.tensor(MOMENTS.std)

    def converted(batch: np.ndarray) -> list[torch.Tensor]:
        # All pieces are kept, as the gradient of an encoder's first layer needs them.
        return [normalization(piece) for piece in torch.from_numpy(batch).flatten(0, 1).split(AT_ONCE)]

    found = {}
    for name, draw in sources(store, column, frames).items():
        found[name] = {
            "bytes": windows_per_second(draw),
            "floats": windows_per_second(lambda draw=draw: converted(draw())),
            "usual floats": windows_per_second(lambda draw=draw: (torch.from_numpy(draw()).float() - mean) / std),
        }
    return {name: {kind: round(rate) for kind, rate in rates.items()} for name, rates in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # As training does.
    keep_heap()
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store")
        with hdf5_rows(Path(folder) / "rows.hdf5", store) as column:
            results = {frames: measure(store, column, frames) for frames in (4, 8)}
    if arguments.json:
        print(json.dumps({"batch": BATCH, "picture": list(PICTURE), "windows_per_cpu_second": results}))
        return
    print(f"Windows of 64 x 64 x 3 per CPU second, batch {BATCH}, random, warm, one thread\n")
    print(f"  {'frames':>6}  {'source':<18} {'bytes':>10} {'floats':>10} {'usual floats':>14}")
    for frames, rates in results.items():
        for name, row in rates.items():
            print(f"  {frames:>6}  {name:<18} {row['bytes']:>10,} {row['floats']:>10,} {row['usual floats']:>14,}")


if __name__ == "__main__":
    main()
