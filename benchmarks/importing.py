"""Import speed beside the floor of the same bytes in the same run, and the memory that a large import takes.

    python benchmarks/importing.py [--json] [--gigabytes 5]

The floor is what a copy takes at least: read and unpack with the library of the format, write as many bytes as the import does,
and flush them to disk; no checksum, no check of the numbers, no shrinking but leaving pixels out. Rounds alternate, so that
whatever else the machine does slows both down; the median of the ratios counts. The import works on several things at once, so
its ratio of processor seconds is the lower one, and says what is left on a machine without a free core.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from telos.data import import_logs

ROUNDS = 7
PIECE = 40
"""Rows that the floor handles at a time: 2 MB of pictures."""
PICTURE = (128, 128, 3)
MEGABYTES = 400


def pictures(rng: np.random.Generator, num: int, *, smooth: bool) -> np.ndarray:
    """Random pictures; smooth ones can be packed about as well as those of a camera."""
    if not smooth:
        return rng.integers(0, 256, (num, *PICTURE), dtype=np.uint8)
    coarse = rng.integers(0, 256, (num, 16, 16, 3), dtype=np.uint8)
    frames = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return frames + rng.integers(0, 4, frames.shape, dtype=np.uint8)


def write_hdf5(path: Path, megabytes: float, *, packed: bool = False, steps: int = 200) -> Path:
    """A file in robomimic's layout."""
    rng = np.random.default_rng(0)
    options = {"compression": "gzip", "compression_opts": 1, "chunks": (16, *PICTURE)} if packed else {}
    with h5py.File(path, "w") as file:
        for number in range(max(1, round(megabytes * 1e6 / (steps * np.prod(PICTURE))))):
            demo = file.create_group(f"data/demo_{number}")
            demo.create_dataset("obs/camera", data=pictures(rng, steps, smooth=packed), **options)
            demo.create_dataset("actions", data=rng.uniform(-1, 1, (steps, 7)))
    return path


def write_npz(path: Path, megabytes: float, *, steps: int = 200) -> Path:
    """A packed file in OGBench's layout."""
    rng = np.random.default_rng(0)
    num = round(megabytes * 1e6 / (steps * np.prod(PICTURE))) * steps
    terminals = np.arange(1, num + 1) % steps == 0
    actions = rng.uniform(-1, 1, (num, 5)).astype(np.float32)
    np.savez_compressed(path, observations=pictures(rng, num, smooth=True), actions=actions, terminals=terminals)
    return path


def copy_hdf5(source: Path, out: Path) -> None:
    """The floor of a copy: every picture read with h5py, written, and flushed to disk."""
    with h5py.File(source) as file, out.open("wb") as stream:
        for demo in file["data"].values():
            for start in range(0, len(demo["obs/camera"]), PIECE):
                stream.write(demo["obs/camera"][start : start + PIECE].data)
        stream.flush()
        os.fsync(stream.fileno())


def shrink_hdf5(source: Path, out: Path) -> None:
    """What one would write down first: every picture read with h5py, averaged with NumPy, written, and flushed to disk."""
    with h5py.File(source) as file, out.open("wb") as stream:
        for demo in file["data"].values():
            for start in range(0, len(demo["obs/camera"]), PIECE):
                frames = demo["obs/camera"][start : start + PIECE]
                stream.write(frames.reshape(len(frames), 64, 2, 64, 2, 3).mean(axis=(2, 4)).round().astype(np.uint8).data)
        stream.flush()
        os.fsync(stream.fileno())


def decode_hdf5(source: Path, out: Path) -> None:
    """The floor of decoding: every picture read with h5py, every fourth pixel written, and flushed to disk."""
    with h5py.File(source) as file, out.open("wb") as stream:
        for demo in file["data"].values():
            for start in range(0, len(demo["obs/camera"]), 16):
                stream.write(np.ascontiguousarray(demo["obs/camera"][start : start + 16][:, ::2, ::2]).data)
        stream.flush()
        os.fsync(stream.fileno())


def decode_npz(source: Path, out: Path) -> None:
    """The floor of decoding: NumPy unpacks everything at once; every fourth pixel is written, and flushed to disk."""
    with np.load(source) as file, out.open("wb") as stream:
        for name in file.files:
            rows = file[name]
            stream.write(np.ascontiguousarray(rows[:, ::2, ::2] if rows.ndim == 4 else rows).data)
        stream.flush()
        os.fsync(stream.fileno())


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and of all processors together."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def measure(name: str, source: Path, floor: Callable[[Path, Path], None], folder: Path, **options) -> dict[str, float | str]:
    """Import and floor in turns; the first pair warms the caches up."""
    floors, imports, size = [], [], 0
    for _ in range(ROUNDS + 1):
        floors.append(seconds(lambda: floor(source, folder / "floor.bin")))
        (folder / "floor.bin").unlink(missing_ok=True)
        imports.append(seconds(lambda: import_logs(source, folder / "store", **options)))
        size = sum(file.stat().st_size for file in (folder / "store").iterdir())
        shutil.rmtree(folder / "store")
    pairs = list(zip(floors[1:], imports[1:], strict=True))
    clock, processors = ([floor[kind] / import_[kind] for floor, import_ in pairs] for kind in (0, 1))
    result = {"floor": statistics.median(floor for (floor, _), _ in pairs), "import": statistics.median(import_ for _, (import_, _) in pairs)}
    result |= {"ratio": statistics.median(clock), "worst": min(clock), "processor_ratio": statistics.median(processors)}
    return {"case": name, "megabytes": size / 1e6, **{key: round(value, 3) for key, value in result.items()}}


def speeds() -> list[dict[str, float | str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, packed = write_hdf5(folder / "plain.hdf5", MEGABYTES), write_hdf5(folder / "packed.hdf5", MEGABYTES / 2, packed=True)
        npz = write_npz(folder / "packed.npz", MEGABYTES / 2)
        return [
            measure("HDF5, as it is; floor: copy", plain, copy_hdf5, folder),
            measure("HDF5, 128 to 64; beside: NumPy's mean", plain, shrink_hdf5, folder, resize=64),
            measure("HDF5 gzip, 128 to 64; floor: decoding", packed, decode_hdf5, folder, resize=64),
            measure("npz deflated, 128 to 64; floor: decoding", npz, decode_npz, folder, resize=64),
        ]


def peak_memory(gigabytes: float) -> dict[str, float]:
    """The most memory that an import of a large file takes, one episode of it larger than all others; in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "large.hdf5"
        rng, rows = np.random.default_rng(0), round(gigabytes * 1e9 / np.prod(PICTURE))
        frames = rng.integers(0, 256, (500, *PICTURE), dtype=np.uint8)
        with h5py.File(source, "w") as file:
            for number, share in enumerate((0.5, 0.25, 0.25)):
                num = int(rows * share)
                camera = file.create_dataset(f"data/demo_{number}/obs/camera", (num, *PICTURE), np.uint8)
                for start in range(0, num, len(frames)):
                    camera[start : start + len(frames)] = frames[: num - start]
                file.create_dataset(f"data/demo_{number}/actions", data=rng.uniform(-1, 1, (num, 7)))
        answer = subprocess.run([sys.executable, __file__, "--child", str(source)], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)


def peak_megabytes() -> float:
    """The most memory that this process ever had, without that of the one that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def import_and_tell(source: Path) -> None:
    """Imports, and says what it took."""
    before = peak_megabytes()
    passed, _ = seconds(lambda: import_logs(source, source.with_name("store")))
    size = source.stat().st_size
    print(json.dumps({"gigabytes": size / 1e9, "peak_mb": peak_megabytes(), "python_mb": before, "seconds": passed}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--gigabytes", type=float, default=0, help="size of the file whose import's memory is measured; 0: none")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        import_and_tell(arguments.child)
        return
    results = speeds()
    memory = peak_memory(arguments.gigabytes) if arguments.gigabytes else None
    if arguments.json:
        print(json.dumps({"picture": PICTURE, "rounds": ROUNDS, "speeds": results, "memory": memory}))
        return
    print(f"{'':<42} {'floor':>8} {'import':>8} {'ratio':>7} {'worst':>7} {'processors':>11}")
    for row in results:
        ratios = "".join(f"{row[key]:>{width}.2f}" for key, width in (("ratio", 8), ("worst", 8), ("processor_ratio", 12)))
        print(f"{row['case']:<42} {row['floor']:>6.2f} s {row['import']:>6.2f} s{ratios}")
    if memory:
        says = f"{memory['gigabytes']:.1f} GB imported in {memory['seconds']:.0f} s"
        print(f"\n{says}, peak memory {memory['peak_mb']:.0f} MB, of which {memory['python_mb']:.0f} MB before it began")


if __name__ == "__main__":
    main()
