"""10,000 requests over loopback, good, malformed, late and oversized ones mixed, and now and then a plan that dawdles: is every answer
in time, clear, and within the limits?

    python benchmarks/serving.py [--requests 10000] [--deadline-ms 50] [--run RUN]

Exits with 1 if an action leaves the bounds or the slew limit, if an answer has another status than its request deserves, or if the
99th percentile of the answers is later than the deadline.
"""

import argparse
import collections
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from telos.agent.loop import Agent
from telos.cli.data.collecting import Collect
from telos.cli.serve import Serve
from telos.core.contracts import AbstractPlanner
from telos.core.spaces import VectorSpace
from telos.recipes.experiment import train
from telos.serving.app import Server

SLEW = 0.25
DAWDLING = 0.01
"""Share of the plans that take three times the deadline."""
KINDS = {
    "good": (0.55, 200),
    "raw bytes": (0.1, 200),
    "cut": (0.06, 400),
    "noise": (0.06, 400),
    "wrong shape": (0.05, 422),
    "not a number": (0.04, 422),
    "too old": (0.04, 409),
    "repeated": (0.03, 409),
    "oversized": (0.04, 413),
    "slow body": (0.01, 408),
    "nowhere": (0.02, 404),
}
"""Share of the requests, and the status that they deserve."""


@dataclass(frozen=True, kw_only=True)
class Dawdler(AbstractPlanner):
    """Another planner, which now and then takes far too long."""

    planner: AbstractPlanner
    seconds: float
    rng: np.random.Generator

    def search(self, evaluate, warm_start, generator):
        if self.rng.random() < DAWDLING:
            time.sleep(self.seconds)
        return self.planner.search(evaluate, warm_start, generator)


@dataclass
class Tally:
    """What came back."""

    statuses: collections.Counter = field(default_factory=collections.Counter)
    sources: collections.Counter = field(default_factory=collections.Counter)
    times: dict = field(default_factory=lambda: collections.defaultdict(list))
    violations: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--deadline-ms", type=float, default=50.0)
    parser.add_argument("--run", type=Path, help="a trained run of point-mass; by default a small one is trained first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or _train(Path(folder))
        serve = Serve(run_folder=run, port=0, deadline_ms=options.deadline_ms, slew=SLEW, max_bytes=1 << 16)
        tally = bombard(serve, options.requests)
    return tell(tally, options.deadline_ms)


def _train(folder: Path) -> Path:
    Collect(env="point-mass", episodes=200, out=folder / "logs", json=True).run()
    return train(folder / "logs", folder / "run", recipe="vector").path


def bombard(serve: Serve, num: int) -> Tally:
    """Sends `num` requests, one after the other, to a server in a thread of this process."""
    server, rng, tally = serve.server(), np.random.default_rng(0), Tally()
    _let_dawdle(server, 3 * serve.deadline_ms / 1000)
    listening = serve._listen()
    web = uvicorn.Server(uvicorn.Config(server.app(), log_level="error", access_log=False))
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = "http://{}:{}".format(*listening.getsockname()[:2])
    kinds = rng.choice(list(KINDS), num, p=[share for share, _ in KINDS.values()])
    with httpx.Client(base_url=address, timeout=10) as client:
        session = "/sessions/" + client.post("/sessions", json={"goal": [0.5, 0.5, 0, 0]}).json()["session"]
        last = server.limits.rest
        for frame, kind in enumerate(map(str, kinds)):
            request = _request(kind, frame, session, serve.deadline_ms, rng)
            started = time.perf_counter()
            answer = client.post(**request)
            tally.times[kind].append(1000 * (time.perf_counter() - started))
            tally.statuses[kind, answer.status_code] += 1
            last = _check(answer.json(), last, server.spaces.action, tally)
    web.should_exit = True
    thread.join(timeout=10)
    return tally


def _let_dawdle(server: Server, seconds: float) -> None:
    agent = server.make_agent()
    planner = agent.settings.planner
    slow = Dawdler(planner=planner, horizon=planner.horizon, seconds=seconds, rng=np.random.default_rng(1))
    server.make_agent = lambda: Agent(agent.world_model, replace(agent.settings, planner=slow))


def _request(kind: str, frame: int, session: str, deadline_ms: float, rng: np.random.Generator) -> dict:
    observation = [*rng.random(2).tolist(), 0.0, 0.0]
    observation = {"wrong shape": observation[:-1], "not a number": [*observation[:-1], float("nan")]}.get(kind, observation)
    frame = max(0, frame - 1 - int(rng.integers(5))) if kind == "repeated" and frame else frame
    body = json.dumps({"frame": frame, "age_ms": 10_000 if kind in ("too old", "repeated") else 0, "observation": observation}).encode()
    where = {"url": "/sessions/0123456789abcdef/act" if kind == "nowhere" else f"{session}/act"}
    match kind:
        case "raw bytes":
            headers = {"content-type": "application/octet-stream", "telos-frame": str(frame)}
            return {**where, "content": np.float32(observation).tobytes(), "headers": headers}
        case "cut":
            return {**where, "content": body[: rng.integers(len(body))]}
        case "noise":
            return {**where, "content": rng.bytes(int(rng.integers(1, 200)))}
        case "oversized":
            return {**where, "content": body + b" " * (1 << 17)}
        case "slow body":
            return {**where, "content": _in_pieces(body, 1.2 * deadline_ms / 1000)}
    return {**where, "content": body}


def _in_pieces(body: bytes, seconds: float) -> Iterator[bytes]:
    yield body[:10]
    time.sleep(seconds)
    yield body[10:]


def _check(content: dict, last: np.ndarray, space: VectorSpace, tally: Tally) -> np.ndarray:
    """The action that was sent, or the last one if none was."""
    if "action" not in content:
        return last
    low, high = space.bounds
    action = np.array(content["action"], np.float32)
    inside = (action >= low).all() and (action <= high).all()
    tally.violations += not (inside and (np.abs(action - last) <= SLEW * (high - low) * (1 + 1e-5)).all())
    tally.sources[content["source"]] += 1
    return action


def tell(tally: Tally, deadline_ms: float) -> int:
    """Prints what came back; 1 if anything is not as it should be."""
    print(f"{'request':<14} {'number':>7}  {'status':<12} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}")
    unclear = sum(count for (kind, status), count in tally.statuses.items() if status != KINDS[kind][1])
    for kind, times in tally.times.items():
        found = ", ".join(str(status) for name, status in sorted(tally.statuses) if name == kind)
        p50, p99, worst = np.percentile(times, [50, 99, 100])
        print(f"{kind:<14} {len(times):>7}  {found:<12} {p50:>7.1f} {p99:>7.1f} {worst:>7.1f}")
    # A body that takes longer than the deadline has been answered in time, but its sender does not listen before it has sent all.
    answered = [value for kind, part in tally.times.items() if kind != "slow body" for value in part]
    p50, p99 = np.percentile(answered, [50, 99])
    print("answers from: " + ", ".join(f"{name} {count}" for name, count in tally.sources.most_common()))
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, deadline {deadline_ms:g} ms, slow bodies apart", end="; ")
    print(f"violations of bounds or slew {tally.violations}; unclear statuses {unclear}")
    return int(tally.violations > 0 or unclear > 0 or p99 > deadline_ms)


if __name__ == "__main__":
    sys.exit(main())
