"""How the cost of a plan grows: with candidates, with the horizon, with problems in a batch, and with the size of the model.

Every point is a plan of two rounds, so that the curves take minutes; a plan of thirty rounds costs fifteen times as much.
"""

import resource
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.planning import floor
from benchmarks.planning.floor import Product
from benchmarks.planning.ours import Ours, model_around, random_model
from benchmarks.planning.peers import Peers
from benchmarks.planning.settings import Settings
from benchmarks.planning.sizes import SMALL, TINY, Search, Size, make_inputs, scaled
from telos.agent.world_model import MLPPredictorConfig

SHORT = 1.0
"""Plans that take less seconds are run again, and the best of three counts."""
ROUNDS = Search(iterations=2)
MOST = {"candidates": 30_000, "problems": 64}
"""Beyond these torch-world is not asked: a plan would take a minute, or memory end."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement."""

    sweep: str
    """What grows."""
    who: str
    x: float
    seconds: float
    floor: float
    """Seconds of the products that the cached algorithm needs."""
    rate: float = 0.0
    """At which the floor is computed, in billions of operations a second."""
    faults: int = 0
    """Pages of memory that the plan had to ask the system for."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def curves(settings: Settings, peers: Peers | None, folder: Path) -> list[Point]:
    """All points of all curves."""
    points = []
    for point in _all(settings, peers, folder):
        settings.tell(f"{point.sweep} {point.x:g}: {point.who} {point.seconds:.3g} s")
        points.append(point)
    return points


def _all(settings: Settings, peers: Peers | None, folder: Path) -> Iterator[Point]:
    quick, size = settings.quick, TINY if settings.quick else SMALL
    if peers:
        _build(peers, size, settings)
    ours = _ours(size, folder, settings)
    for num in (50, 100) if quick else (100, 300, 1000, 3000, 10_000, 30_000, 100_000):
        search = replace(ROUNDS, candidates=num, elites=max(2, num // 10))
        yield from _points("candidates", num, ours, peers, size, search, folder / "inputs.pt")
    for horizon in (3, 6) if quick else (5, 10, 20, 50, 100):
        yield from _points("horizon", horizon, ours, peers, size, replace(ROUNDS, horizon=horizon), folder / "inputs.pt")
    for num in (1, 2) if quick else (1, 4, 16, 64, 256):
        batch = _ours(size, folder, settings, num)
        yield from _points("problems", num, batch, peers, size, ROUNDS, folder / "inputs.pt", num)
    for shape in ((32, 1),) if quick else ((32, 2), (64, 2), (128, 4), (256, 6), (512, 6), (768, 8)):
        larger = scaled(*shape)
        if peers:
            _build(peers, larger, settings)
        model = _ours(larger, folder, settings)
        millions = sum(part.numel() for part in model.model.predictor.parameters()) / 1e6  # type: ignore[union-attr]
        yield from _points("parameters", millions, model, peers, larger, ROUNDS, folder / "inputs.pt")
    for width in (64,) if quick else (128, 256, 512, 1024, 2048, 4096, 7040):
        yield _perceptron(size, width, folder, settings)


def _points(
    sweep: str, x: float, ours: Ours, peers: Peers | None, size: Size, search: Search, inputs: Path, num_problems: int = 1
) -> Iterator[Point]:
    found = floor.measure(floor.products(size, search, num_problems), ours.device)
    shared = {"sweep": sweep, "x": x, "floor": found.best, "rate": found.rate}
    if ours.compiled:
        # Shapes are new, and compiling is no part of a plan.
        ours.from_latents(search)()
    seconds, faults = _repeated(_measured(ours.from_latents(search)))
    yield Point(who="Telos", seconds=seconds, faults=faults, **shared)
    if peers and x <= MOST.get(sweep, x):
        ask = {"do": "plan", "library": "torch-world", "inputs": str(inputs), "start": "latents", **search.to_json()}
        seconds, faults = _repeated(lambda: _answer(peers.ask(**ask)))
        yield Point(who="torch-world", seconds=seconds, faults=faults, **shared)


def _perceptron(size: Size, width: int, folder: Path, settings: Settings) -> Point:
    """A memoryless predictor with three hidden layers."""
    make_inputs(size, folder / "inputs.pt")
    model = model_around(MLPPredictorConfig(width=width, depth=3), size)
    ours = Ours(model, folder / "inputs.pt", device=settings.device, dtype=settings.dtype)
    needed: Counter[Product] = floor.perceptron_products([size.width + size.action, width, width, width, size.width], ROUNDS)
    found = floor.measure(needed, settings.device)
    seconds, faults = _repeated(_measured(ours.from_latents(ROUNDS)))
    millions = sum(part.numel() for part in model.predictor.parameters()) / 1e6  # type: ignore[union-attr]
    return Point(sweep="parameters", who="Telos, perceptron", x=millions, seconds=seconds, floor=found.best, rate=found.rate, faults=faults)


def _measured(work: Callable[[], float]) -> Callable[[], tuple[float, int]]:
    """The same with the pages of memory that were asked for."""

    def measure() -> tuple[float, int]:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        return work(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    return measure


def _answer(answer: dict[str, Any]) -> tuple[float, int]:
    return answer["seconds"], answer["faults"]


def _repeated(measure: Callable[[], tuple[float, int]]) -> tuple[float, int]:
    """Seconds, and pages asked for. What is short is repeated, and the fastest counts."""
    found = measure()
    return found if found[0] >= SHORT else min(measure() for _ in range(3))


def _ours(size: Size, folder: Path, settings: Settings, num_problems: int = 1) -> Ours:
    make_inputs(size, folder / "inputs.pt", num_problems=num_problems)
    return Ours(random_model(size), folder / "inputs.pt", device=settings.device, dtype=settings.dtype, compiled=settings.compiled)


def _build(peers: Peers, size: Size, settings: Settings) -> None:
    precision = str(settings.dtype).removeprefix("torch.")
    peers.ask(do="build", library="torch-world", size=size.to_json(), device=settings.device, dtype=precision)
