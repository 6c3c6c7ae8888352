"""10,000 requests over loopback, good ones, malformed ones, late ones and oversized ones mixed: is every answer in time and within the limits?

    python benchmarks/serving.py [--requests 10000] [--deadline-ms 50]

Exits with 1 if an action leaves the bounds or the slew limit, if an answer has no clear status, or if the 99th percentile of the
answers is later than the deadline.
"""

import argparse
import collections
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from telos.cli.data.collecting import Collect
from telos.cli.serve import Serve
from telos.core.run import Run
from telos.core.spaces import Spaces
from telos.recipes.experiment import train

SLEW = 0.25
KINDS = {"good": 0.7, "cut": 0.08, "noise": 0.06, "wrong shape": 0.06, "stale": 0.05, "oversized": 0.05}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--deadline-ms", type=float, default=50.0)
    parser.add_argument("--run", type=Path, help="a trained run of vectors; by default a small one of PointMass is trained first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or _train(Path(folder))
        serve = Serve(run_folder=run, port=0, deadline_ms=options.deadline_ms, slew=SLEW, max_bytes=1 << 16)
        return _bombard(serve, Run.open(run), options.requests, options.deadline_ms)


def _train(folder: Path) -> Path:
    Collect(env="point-mass", episodes=200, out=folder / "logs", json=True).run()
    return train(folder / "logs", folder / "run", recipe="vector").path


def _bombard(serve: Serve, run: Run, num: int, deadline_ms: float) -> int:
    spaces, rng = Spaces.from_json(run.description["spaces"]), np.random.default_rng(0)
    low, high = spaces.action.bounds
    listening = serve._listen()
    server = uvicorn.Server(uvicorn.Config(serve.server().app(), log_level="error", access_log=False))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    statuses, sources, times, violations = collections.Counter(), collections.Counter(), collections.defaultdict(list), 0
    with httpx.Client(base_url="http://{}:{}".format(*listening.getsockname()), timeout=10) as client:
        session = "/sessions/" + client.post("/sessions", json={"goal": [0.5, 0.5, 0, 0]}).json()["session"]
        last = np.zeros(2, np.float32)
        for frame in range(num):
            kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
            body = _body(kind, frame, rng)
            started = time.perf_counter()
            answer = client.post(f"{session}/act", content=body)
            times[kind].append(1000 * (time.perf_counter() - started))
            content = answer.json()
            statuses[kind, answer.status_code] += 1
            sources[content["source"]] += 1
            action = np.array(content["action"], np.float32)
            inside = (action >= low).all() and (action <= high).all()
            violations += not (inside and (np.abs(action - last) <= SLEW * (high - low) * (1 + 1e-5)).all())
            last = action
    server.should_exit = True
    return _tell(statuses, sources, times, violations, deadline_ms)


def _body(kind: str, frame: int, rng: np.random.Generator) -> bytes:
    observation = [*rng.random(2).tolist(), 0.0, 0.0]
    if kind == "wrong shape":
        observation = observation[: rng.integers(4)]
    age = 10_000 if kind == "stale" else 0
    body = json.dumps({"frame": frame, "age_ms": age, "observation": observation}).encode()
    if kind == "cut":
        return body[: rng.integers(len(body))]
    if kind == "noise":
        return rng.bytes(int(rng.integers(1, 200)))
    return body + b" " * (1 << 17) if kind == "oversized" else body


EXPECTED = {"good": {200}, "cut": {400}, "noise": {400}, "wrong shape": {422}, "stale": {409}, "oversized": {413}}


def _tell(statuses, sources, times, violations: int, deadline_ms: float) -> int:
    print(f"{'request':<14} {'number':>7}  {'status':<12} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}")
    unclear = 0
    for kind in KINDS:
        found = {status: count for (name, status), count in statuses.items() if name == kind}
        unclear += sum(count for status, count in found.items() if status not in EXPECTED[kind])
        p50, p99, worst = np.percentile(times[kind], [50, 99, 100]) if times[kind] else (0, 0, 0)
        print(f"{kind:<14} {sum(found.values()):>7}  {', '.join(map(str, sorted(found))):<12} {p50:>7.1f} {p99:>7.1f} {worst:>7.1f}")
    p99 = float(np.percentile([value for part in times.values() for value in part], 99))
    print("answers from: " + ", ".join(f"{name} {count}" for name, count in sources.most_common()))
    print(f"p99 of all {p99:.1f} ms, deadline {deadline_ms:g} ms; violations of bounds or slew {violations}; unclear statuses {unclear}")
    return int(violations > 0 or unclear > 0 or p99 > deadline_ms)


if __name__ == "__main__":
    sys.exit(main())
