"""Mutates files of one layout and imports them: each has to be imported, or refused with a sentence.

    python tests/data/formats/fuzz.py robomimic --num 300 --seed 0

In a process of its own, since a library that crashes takes its process along. The last line is a JSON object that counts how
the cases ended; the exit code is 1 if one ended in anything but success or a `TelosError`, hung, took much memory, unpickled
something, started something, or wrote anywhere but in the folder that it was given.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from layouts import LAYOUTS, happen
from mutations import mutate

from telos.core.errors import TelosError
from telos.data import import_logs

CASE_SECONDS = 20
MOST_MEGABYTES = 700
"""Of the whole process, Python and libraries included (about 150 before the first case)."""
ADDRESS_SPACE = 4 << 30
"""Bytes that the process may claim at all, so that a file that asks for the whole memory does not get it."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir": 1, "os.rmdir": 1, "os.remove": 1, "os.rename": 2, "os.link": 2, "os.truncate": 1, "os.chmod": 1}
"""Events that change the disk, and how many of their arguments are paths."""
IN_FOLDERS = ("os.rmdir", "os.remove")
NEVER = ("pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "os.fork")
FORBIDDEN = ("/etc/passwd", b"/etc/passwd", "/dev/zero", b"/dev/zero")
"""Where mutated files point to: nobody reads them."""


class Hang(BaseException):
    """A case that took too long."""


class Watch:
    """Hears of all that Python opens, changes, starts and unpickles, and keeps what a reader of logs has no business with."""

    def __init__(self, root: Path) -> None:
        self.root, self.seen = f"{root.resolve()}/", list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and ((flags & WRITING and self._outside(path)) or os.path.realpath(path) in FORBIDDEN):
                self.seen.append(f"opened {path!r}")
        elif event in CHANGES:
            # What is relative to an open folder, as shutil.rmtree does it, was looked at when that folder was opened.
            within = any(type(part) is int and part >= 0 for part in arguments[-CHANGES[event] :]) and event in IN_FOLDERS
            self.seen.extend(f"{event} {path!r}" for path in arguments[: CHANGES[event]] if not within and self._outside(path))
        elif event in NEVER:
            self.seen.append(event)

    def _outside(self, path) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and not f"{os.path.normpath(Path(os.fsdecode(path)).absolute())}/".startswith(self.root)


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


def peak_megabytes() -> float:
    """The most memory that this program has held; the resource usage also remembers that of whoever started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def run(original: Path, format: str | None, folder: Path, cases: range, tell: Callable[[str], None]) -> dict[str, int | float]:
    """How the cases end, in an empty folder, and how long the slowest took; `tell` hears of each before, and of all that went wrong."""
    counts: Counter[str] = Counter(imported=0, refused=0, wrong=0)
    watch, slowest = Watch(folder.parent), 0.0
    for case in cases:
        tell(f"case {case}")
        start = time.monotonic()
        ended = run_case(original, format, folder, case)
        slowest = max(slowest, time.monotonic() - start)
        peak = peak_megabytes()
        wrong = [*watch.seen, *(f"left {file}" for file in folder.iterdir()), *([f"{peak:.0f} MB of memory"] if peak > MOST_MEGABYTES else [])]
        watch.seen.clear()
        if ended not in ("imported", "refused"):
            wrong.insert(0, ended)
        counts["wrong" if wrong else ended] += 1
        for what in wrong:
            tell(f"WRONG {case}: {what}")
        if peak > MOST_MEGABYTES:
            break
    return {**counts, "slowest": round(slowest, 2), "peak_mb": round(peak_megabytes())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layout", choices=list(LAYOUTS))
    parser.add_argument("--num", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="where each case is noted before it begins")
    arguments = parser.parse_args()
    layout = LAYOUTS[arguments.layout]
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name, arguments.log.open("a") if arguments.log else contextlib.nullcontext(sys.stderr) as log:

        def tell(line: str) -> None:
            if arguments.log or line.startswith("WRONG"):
                log.write(f"{line}\n")
                log.flush()

        (folder := Path(name) / "cases").mkdir()
        original = layout.write(Path(name) / layout.file, happen((4, 2, 3), (9, 8)))
        counts = run(original, layout.format, folder, range(arguments.seed, arguments.seed + arguments.num), tell)
    sys.stdout.write(json.dumps({"layout": arguments.layout, **counts, "seconds": round(time.monotonic() - start, 1)}) + "\n")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
