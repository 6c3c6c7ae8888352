"""Frames learned from per CPU second: Telos beside torch-world, the same architecture and loss, in turns.

    python -m benchmarks.training [--rounds 7] [--steps 4] [--peers FOLDER] [--no-peers] [--json]

A vision transformer of width 96 and 4 layers on 64 x 64 pixels, a causal transformer of 2 layers behind it, windows of 4 frames,
64 in a batch, prediction and SIGReg (1,024 directions, 17 points), AdamW; one thread each. Telos counts everything: windows drawn
from a store on the disk, conversion, health, the clipped gradient, checkpoints. torch-world has its windows in memory as float
pictures in the layout that it wants, no dropout, and no clipping.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.planning.peers import CACHE, make_environment
from benchmarks.planning.sizes import SMALL
from benchmarks.planning.timing import Spread, take_turns

WORKER = Path(__file__).with_name("training_worker.py")
TASK = {**SMALL.to_json(), "batch": 64, "sigreg": 0.09, "slices": 1024, "knots": 17}
FRAMES = TASK["batch"] * (TASK["history"] + 1)
"""In a step."""


@dataclass(frozen=True)
class Side:
    """One of the two, in a process of its own."""

    process: subprocess.Popen

    def train(self, num_steps: int) -> float:
        """The CPU seconds that so many steps took."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{num_steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("One side ended before it was asked to; its error stands above.")
        return json.loads(line)["seconds"]


@contextmanager
def side(name: str, python: Path | str) -> Iterator[Side]:
    """Starts it, warms it up, and ends it."""
    # One thread, and nothing of ours on the path of the peers.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    command = [str(python), str(WORKER), name, json.dumps(TASK)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=WORKER.parent)
    try:
        started = Side(process)
        started.train(2)
        yield started
    finally:
        process.kill()
        process.wait()


def measure(peers: Path | None, *, rounds: int = 7, num_steps: int = 4) -> dict[str, list[float]]:
    """Frames per CPU second of each side, round by round.

    Args:
        peers: the interpreter of the peers' environment; None: Telos alone.
    """
    with ExitStack() as stack:
        sides = {"telos": stack.enter_context(side("telos", sys.executable))}
        if peers is not None:
            sides["torch-world"] = stack.enter_context(side("torch-world", peers))
        seconds = take_turns({name: lambda one=one: one.train(num_steps) for name, one in sides.items()}, rounds)
    return {name: [FRAMES * num_steps / part for part in parts] for name, parts in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="pairs of measurements")
    parser.add_argument("--steps", type=int, default=4, help="steps of training in each")
    parser.add_argument("--peers", type=Path, default=CACHE, help="folder of the peers' environment; made when it is not there")
    parser.add_argument("--no-peers", action="store_true", help="Telos alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rates = measure(None if arguments.no_peers else make_environment(arguments.peers), rounds=arguments.rounds, num_steps=arguments.steps)
    if arguments.json:
        print(json.dumps({"frames_per_cpu_second": rates}))
        return
    print(f"Frames per CPU second, one thread, median (least to greatest) of {arguments.rounds} rounds\n")
    for name, parts in rates.items():
        print(f"  {name:<12} {Spread.of(parts)}")
    if len(rates) > 1:
        print(f"  {'ratio':<12} {Spread.ratio(rates['telos'], rates['torch-world'])}   bar 1.5, stretch 2.5")


if __name__ == "__main__":
    main()
