"""Mutations of files: of their bytes, or of what they hold, so that the container stays whole and something else is in it."""

import contextlib
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from robot_layouts import LOSSLESS, write_video

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


def odd_column(num: int, rng: random.Random) -> pa.Array:
    """A column that somebody might have put there."""
    numbers = np.random.default_rng(rng.randrange(1 << 30)).integers(-3, 300, num)
    match rng.randrange(10):
        case 0:
            return pa.nulls(num)
        case 1:
            return pa.array([rng.choice(["", "x", "../x", "1"]) for _ in range(num)])
        case 2:
            return pa.array([None if rng.randrange(3) == 0 else int(number) for number in numbers], pa.int64())
        case 3:
            return pa.array([[1.0] * rng.randrange(4) for _ in range(num)], pa.list_(pa.float32()))
        case 4:
            return pa.array([rng.choice([-1, 2**31, 2**63 - 1, -(2**63)]) for _ in range(num)], pa.int64())
        case 5:
            return pa.array([rng.choice([np.nan, np.inf, -1e30, 1e300, 0.5]) for _ in range(num)])
        case 6:
            return pa.array(
                [{"bytes": rng.choice([None, b"", b"\x89PNG\r\n\x1a\n", b"x" * 99]), "path": rng.choice([None, "x", "/etc/passwd"])}] * num
            )
        case 7:
            return pa.array(numbers.astype(rng.choice(["i1", "u2", "f2", "f8", "?"])))
        case 8:
            return pa.array(numbers, pa.timestamp("us"))
        case _:
            return pa.array([[[1.0, 2.0]] * 2] * num)


def mutate_parquet(path: Path, rng: random.Random) -> None:
    """A column of a parquet file gone, or replaced by an odd one; rows lost, repeated, or in another order."""
    table = pq.read_table(path)
    match rng.randrange(6):
        case 0:
            table = table.drop_columns([rng.choice(table.column_names)])
        case 1:
            table = table.slice(0, rng.randrange(table.num_rows + 1))
        case 2:
            table = table.take(pa.array([rng.randrange(table.num_rows) for _ in range(table.num_rows + rng.randrange(-2, 3))]))
        case 3:
            name = rng.choice(table.column_names)
            table = table.append_column(name, table[name])
        case _:
            place = rng.randrange(table.num_columns)
            table = table.set_column(place, table.column_names[place], odd_column(table.num_rows, rng))
    pq.write_table(table, path, compression=rng.choice(["none", "snappy", "zstd", "gzip"]), row_group_size=rng.choice([None, 1, 3]))


def mutate_video(path: Path, rng: random.Random) -> None:
    """Another video: of other sizes, lengths, times, or inside of another container."""
    height, width = rng.choice([(8, 9), (8, 10), (2, 2), (64, 300)])
    codec = rng.choice([LOSSLESS, ("mpeg4", "yuv420p", {}), ("ffv1", "bgr0", {}), ("libx264", "gray", {})])
    other = path.with_suffix(rng.choice([".mp4", ".mkv", ".avi", ".mov"]))
    write_video(
        other,
        [np.full((height, width, 3), rng.randrange(256), np.uint8)] * rng.randrange(1, 9),
        codec,
        fps=rng.choice([1, 10, 30]),
        first=rng.choice([0, 0, 7]),
    )
    if other != path:
        other.replace(path)


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
