"""One plan with the field's models, beside the libraries that plan with them, and beside the arithmetic that it needs."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from benchmarks.planning import floor
from benchmarks.planning.floor import Floor
from benchmarks.planning.ours import Ours, model_with, random_model
from benchmarks.planning.peers import Peers
from benchmarks.planning.rows import Row
from benchmarks.planning.settings import Settings
from benchmarks.planning.sizes import LARGE, SMALL, Search, Size, make_inputs
from benchmarks.planning.timing import Spread, take_turns

LIBRARIES = {SMALL: ("torch-world", "pyjepa"), LARGE: ("torch-world",)}
BARS = {SMALL: (1 / 3, 1 / 8), LARGE: (1 / 2.5, 1 / 5)}
FLOOR_BARS = {SMALL: (3.0, 2.0), LARGE: (1.6, 1.3)}
UNJUDGED = (None, None)
TOLERANCE = 1e-5
"""Greatest difference of energies between two libraries with the same weights."""


class DifferentModelsError(RuntimeError):
    """Two libraries do not compute the same thing: their times must not be compared."""


def one_plan(size: Size, search: Search, peers: Peers | None, settings: Settings, folder: Path) -> list[Row]:
    """Rows against each library, the better one first, and against the floor."""
    inputs = folder / "inputs.pt"
    make_inputs(size, inputs, horizon=search.horizon)
    libraries = LIBRARIES.get(size, LIBRARIES[SMALL]) if peers else ()
    models = {name: _same_weights(name, size, peers, settings, folder) for name in libraries if peers}
    notes = {name: _compare(name, ours, peers, inputs) for name, ours in models.items() if peers}
    ours = models.get("torch-world") or _ours(random_model(size), inputs, settings)
    floors: list[Floor] = []
    contestants = {**_theirs(libraries, peers, search, inputs), **_ours_and_floor(ours, size, search, settings, floors)}
    for work in contestants.values():
        work()
    floors.clear()
    seconds = take_turns(contestants, settings.rounds, settings.tell)
    seconds["floor, plain"] = [found.plain for found in floors]
    middle = {name: median(values) for name, values in seconds.items()}
    rows = []
    for name in sorted(libraries, key=lambda name: middle[name]):
        # Only the better of the peers is held against the bar.
        bar, stretch = UNJUDGED if rows else BARS.get(size, UNJUDGED)
        known = {key: middle[key] for key in ("Telos", name)}
        rows.append(_row(size, search, name, seconds["Telos"], seconds[name], bar, stretch, known, notes[name]))
    bar, stretch = FLOOR_BARS.get(size, UNJUDGED)
    known = {key: middle[key] for key in ("Telos, from latents", "floor")}
    rows.append(_row(size, search, "the floor", seconds["Telos, from latents"], seconds["floor"], bar, stretch, known, ""))
    plain = {"floor by torch's default": middle["floor, plain"]}
    rows.append(_row(size, search, "the floor by torch's default", seconds["Telos, from latents"], seconds["floor, plain"], None, None, plain, ""))
    return rows


def _row(size: Size, search: Search, against: str, ours: list[float], theirs: list[float], bar, stretch, seconds: dict[str, float], note: str) -> Row:
    work = f"one plan {search.candidates} × {search.iterations} × {search.horizon}, {size.label}"
    return Row(work=work, against=against, ratio=Spread.ratio(ours, theirs), bar=bar, stretch=stretch, seconds=seconds, note=note)


def _ours(model, inputs: Path, settings: Settings) -> Ours:
    return Ours(model, inputs, device=settings.device, dtype=settings.dtype, compiled=settings.compiled)


def _same_weights(library: str, size: Size, peers: Peers, settings: Settings, folder: Path) -> Ours:
    """The peer's random weights in our model."""
    saved = folder / f"{library}.pt"
    precision = str(settings.dtype).removeprefix("torch.")
    peers.ask(do="build", library=library, size=size.to_json(), device=settings.device, dtype=precision, save=str(saved))
    return _ours(model_with(torch.load(saved, weights_only=True), size), folder / "inputs.pt", settings)


def _compare(library: str, ours: Ours, peers: Peers, inputs: Path) -> str:
    """How far energies of the same candidates differ. Raises DifferentModelsError if they differ by more than rounding."""
    theirs = torch.tensor(peers.ask(do="energies", library=library, inputs=str(inputs))["energies"])
    mine = ours.energies()
    difference = float((mine - theirs).abs().max())
    exact = next(ours.model.parameters()).dtype == torch.float32
    if exact and difference > TOLERANCE * max(1.0, float(theirs.abs().max())):
        raise DifferentModelsError(
            f"{library} and Telos give energies that differ by {difference:.2g}, from {mine[:3].tolist()} to {theirs[:3].tolist()}."
        )
    return f"energies of the same {len(mine)} candidates ({float(theirs.min()):.3g} to {float(theirs.max()):.3g}) differ by at most {difference:.1e}"


def _theirs(libraries: tuple[str, ...], peers: Peers | None, search: Search, inputs: Path) -> dict[str, Callable[[], float]]:
    def plan_of(library: str) -> Callable[[], float]:
        assert peers is not None
        return lambda: peers.ask(do="plan", library=library, inputs=str(inputs), start="frames", **search.to_json())["seconds"]

    return {library: plan_of(library) for library in libraries}


def _ours_and_floor(ours: Ours, size: Size, search: Search, settings: Settings, floors: list[Floor]) -> dict[str, Callable[[], float]]:
    """What the floor is found to be in each round is added to `floors`."""
    needed = floor.products(size, search)

    def measure_floor() -> float:
        floors.append(floor.measure(needed, settings.device, settings.dtype))
        return floors[-1].best

    return {"Telos": ours.from_frames(search), "Telos, from latents": ours.from_latents(search), "floor": measure_floor}
