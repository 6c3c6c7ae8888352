"""The libraries that Telos is measured beside, in an environment of their own, answering from a process of their own."""

import json
import os
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PEERS = ("torch-world==0.2.0", "pyjepa==0.3.0")
ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
"""Pins torch: peers run on the version that Telos runs on."""
CACHE = ROOT / ".bench-peers"
STAMP = ".ready"
"""A file in an environment that was made here; it says for what."""
WORKER = Path(__file__).with_name("peer_worker.py")


class PeerError(RuntimeError):
    """A peer could not be installed, or did not do what it was asked."""


def make_environment(folder: Path = CACHE) -> Path:
    """The interpreter of the peers' environment, which is made when it is not there yet (a few minutes, some 900 MB).

    An environment that somebody else has made is taken as it is.

    Raises:
        PeerError: the packages cannot be installed, or `folder` is something else.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = folder / STAMP, "\n".join([*PEERS, CONSTRAINTS.read_text()])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    if folder.exists() and not stamp.exists():
        if python.exists():
            return python
        raise PeerError(f"{folder} is no environment for Python, and is left as it is.")
    print(f"Making an environment for {' and '.join(PEERS)} in {folder} …", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    # Before the packages: what is left of an installation that was broken off is ours, and is made again.
    stamp.write_text("")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", CONSTRAINTS, *PEERS]
    if subprocess.run([str(part) for part in install]).returncode:
        raise PeerError("The peers could not be installed; to measure without them: make bench ARGS=--no-peers")
    stamp.write_text(wanted)
    return python


class Peers:
    """A process in the peers' environment; `ask` sends a request and waits for its answer."""

    def __init__(self, python: Path) -> None:
        # Its own threads are one, whatever this process was given, and nothing of ours is on its path.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        self.process = subprocess.Popen(
            [str(python), str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=WORKER.parent
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer. Raises PeerError if there is none, or the peer failed."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"The peers' process ended at the request {request}.")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{request.get('library', 'The peer')} failed: {answer['error']}")
        return answer


@contextmanager
def running(python: Path | None) -> Iterator[Peers | None]:
    """The process while it is needed; None where there is to be none."""
    if python is None:
        yield None
        return
    peers = Peers(python)
    try:
        yield peers
    finally:
        assert peers.process.stdin
        peers.process.stdin.close()
        peers.process.wait(timeout=60)
