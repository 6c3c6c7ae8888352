"""Mutates files of every layout and imports them: each has to be imported, or refused with a sentence.

    python tests/data/formats/fuzz.py robomimic --num 300 --seed 0

In a process of its own, since a library that crashes takes its process along. The last line is a JSON object that counts how
the cases ended; the exit code is 1 if one ended in anything but success or a `TelosError`, hung, or took much memory.
"""

import argparse
import contextlib
import itertools
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from layouts import LAYOUTS, happen
from mutations import mutate_parquet, mutate_video

from telos.core.errors import TelosError
from telos.data import import_logs

CASE_SECONDS = 20
MOST_MEGABYTES = 700
"""Of the whole process, Python and libraries included (about 150 before the first case)."""
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
GARBAGE = (
    None,
    True,
    -1,
    0,
    1,
    3.5,
    2**40,
    2**70,
    "",
    "x",
    "../x",
    "/etc/passwd",
    "<f8",
    "|O",
    [],
    [None],
    [2**40],
    {},
    {"id": "pickle"},
    {"id": "zlib"},
)


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, lost, repeated or added, anywhere."""
    if not content:
        return rng.randbytes(rng.randrange(64))
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        # The first and the last bytes say most about a file.
        place = rng.choice([rng.randrange(len(content)), rng.randrange(min(len(content), 512)), max(0, len(content) - 1 - rng.randrange(512))])
        size = rng.choice([1, 1, 2, 4, 8, rng.randrange(1, 200)])
        number = rng.choice(NUMBERS).to_bytes(8, rng.choice(["little", "big"]))
        match rng.randrange(8):
            case 0:
                content = content[:place]
            case 1:
                content = content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]
            case 2:
                content = content[:place] + rng.randbytes(size) + content[place + size :]
            case 3:
                content = content[:place] + bytes([rng.choice([0, 255])]) * size + content[place + size :]
            case 4:
                content = content[:place] + rng.randbytes(size) + content[place:]
            case 5:
                content = content[:place] + content[place + size :]
            case 6:
                content = content[:place] + number[: min(size, 8)] + content[place + min(size, 8) :]
            case 7:
                content = content[: place + size] + content[place:]
        if not content:
            break
    return content


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """One value somewhere in JSON replaced by another, or gone; other bytes where it is no JSON."""
    try:
        value = json.loads(content)
    except ValueError:
        return mutate_bytes(content, rng)
    places = list(_places(value))
    path = rng.choice(places)
    return json.dumps(_put(value, path, rng.choice(GARBAGE))).encode()


def _places(value, path: tuple = ()) -> Iterator[tuple]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _places(part, (*path, key))


def _put(content, path: tuple, value):
    if not path:
        return value
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return content


def odd_array(rng: random.Random) -> np.ndarray:
    """An array that somebody might have put there."""
    dtype = rng.choice(["u1", "i1", "i4", "i8", "f2", "f4", "f8", "?", "S3", "c8", "U2"])
    shape = tuple(rng.choice([0, 1, 2, 3, 7, 31, 64]) for _ in range(rng.randrange(5)))
    if int(np.prod(shape)) > 1 << 18:
        shape = shape[:1]
    numbers = np.random.default_rng(rng.randrange(1 << 30)).integers(-3, 300, shape)
    with np.errstate(all="ignore"):
        array = numbers.astype(dtype)
        return np.where(numbers > 250, np.nan, array).astype(dtype) if array.dtype.kind == "f" and array.ndim else array


def mutate_hdf5(path: Path, rng: random.Random) -> None:
    """An object of an HDF5 file gone, or replaced by another array, a group, or a link to somewhere else."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        kind = rng.randrange(7)
        if kind == 6:
            for key in list(file[name].attrs) or list(file["/"].attrs):
                file[name].attrs[key] = rng.choice([b"\xff", "{", 2**40, np.zeros(3), "x" * 5000])
            return
        del file[name]
        match kind:
            case 1:
                file[name] = odd_array(rng)
            case 2:
                file.create_group(name)
            case 3:
                file[name] = h5py.SoftLink(rng.choice(["/", "/nowhere", "/data"]))
            case 4:
                file[name] = h5py.ExternalLink(rng.choice(["/etc/passwd", path.name, "../other.h5"]), "/")
            case 5:
                shape = (rng.choice([2**20, 2**33, 2**50]), *rng.choice([(), (3,), (10, 12, 3)]))
                file.create_dataset(name, shape, rng.choice(["u1", "f4"]), chunks=tuple(min(64, size) for size in shape))


def mutate_npz(path: Path, rng: random.Random) -> None:
    """An array of an npz file gone, or replaced by an odd one, by pickled objects, or by a header that lies."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = rng.choice(list(members))
    match rng.randrange(5):
        case 0:
            del members[name]
        case 1:
            members[name] = _npy(odd_array(rng))
        case 2:
            members[name] = _npy(np.array([{"a": 1}, None], dtype=object))
        case 3:
            header = members[name]
            shape = str(tuple(rng.choice(NUMBERS) for _ in range(rng.randrange(1, 4)))).encode()
            start = header.find(b"'shape': ") + 9
            end = header.find(b")", start) + 1
            members[name] = header[:start] + shape + header[end:]
        case 4:
            members[name] = mutate_bytes(members[name][:128], rng) + members[name][128:]
    with zipfile.ZipFile(path, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])) as file:
        for name, content in members.items():
            file.writestr(name, content)


def _npy(array: np.ndarray) -> bytes:
    stream = BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


STRUCTURED: dict[str, Callable[[Path, random.Random], None]] = {
    ".hdf5": mutate_hdf5,
    ".h5": mutate_hdf5,
    ".npz": mutate_npz,
    ".parquet": mutate_parquet,
    ".mp4": mutate_video,
    ".mkv": mutate_video,
}
"""Mutations that leave the container whole, by the ending of the file."""


def mutate(path: Path, rng: random.Random) -> None:
    """Changes a file, or some of the files of a folder, in place."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in rng.sample(files, min(len(files), rng.choice([1, 1, 2, 4]))):
        structured = STRUCTURED.get(file.suffix)
        if path.is_dir() and rng.randrange(8) == 0:
            file.unlink()
            match rng.randrange(4):
                case 0:
                    file.mkdir()
                case 1:
                    file.symlink_to(rng.choice(["/etc/passwd", "/dev/zero", "nowhere", ".."]))
        elif structured is not None and rng.randrange(2):
            # Its own mutation may have taken away what another one needs.
            with contextlib.suppress(Exception):
                structured(file, rng)
        elif file.suffix in (".json", ".jsonl") or file.name.startswith(".z"):
            file.write_bytes(rng.choice([mutate_json, mutate_bytes])(file.read_bytes(), rng))
        else:
            file.write_bytes(mutate_bytes(file.read_bytes(), rng))


class Hang(BaseException):
    """A case that took too long."""


@contextlib.contextmanager
def alarm(seconds: int) -> Iterator[None]:
    def ring(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_case(original: Path, format: str | None, folder: Path, seed: int) -> str:
    """`imported`, `refused`, or what went wrong. The format is named, so that a file which is not recognised any more is opened all the same."""
    path = folder / original.name
    (shutil.copytree if original.is_dir() else shutil.copy)(original, path)
    rng = random.Random(seed)
    mutate(path, rng)
    try:
        with alarm(CASE_SECONDS):
            import_logs(path, folder / "store", format=rng.choice([format, format, None]), threads=1)
        return "imported"
    except TelosError as error:
        return "refused" if str(error).strip() else "refused without a word"
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        for name in (original.name, "store", ".store.import"):
            target = folder / name
            target.unlink() if target.is_file() or target.is_symlink() else shutil.rmtree(target, ignore_errors=True)


def run(original: Path, format: str | None, num: int, seed: int, tell: Callable[[str], None] = lambda line: None) -> Counter[str]:
    """How `num` cases end; `tell` hears of each before it begins, and of all that went wrong."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        for case in itertools.islice(itertools.count(seed), num):
            tell(f"case {case}")
            ended = run_case(original, format, Path(name), case)
            counts[ended if ended in ("imported", "refused") else "wrong"] += 1
            if ended not in ("imported", "refused"):
                tell(f"WRONG {case}: {ended}")
            if (peak := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024) > MOST_MEGABYTES:
                tell(f"WRONG {case}: {peak:.0f} MB of memory")
                counts["wrong"] += 1
                break
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layout", choices=list(LAYOUTS))
    parser.add_argument("--num", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="where each case is noted before it begins")
    arguments = parser.parse_args()
    layout = LAYOUTS[arguments.layout]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, arguments.log.open("a") if arguments.log else contextlib.nullcontext(sys.stderr) as log:

        def tell(line: str) -> None:
            if arguments.log or line.startswith("WRONG"):
                log.write(f"{line}\n")
                log.flush()

        original = layout.write(Path(folder) / layout.file, happen((4, 2, 3), (9, 8)))
        counts = run(original, layout.format, arguments.num, arguments.seed, tell)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"layout": arguments.layout, **counts, "peak_mb": round(peak), "seconds": round(time.monotonic() - start, 1)}) + "\n")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
