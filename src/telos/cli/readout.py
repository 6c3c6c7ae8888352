"""`telos readout`: teach a run to read a quantity that people speak of, or say what it reads already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from rich.table import Table

    from telos.core.readouts import Fidelity
    from telos.core.run import Run
    from telos.teaching.readouts import Taught

UNREADABLE = 1


@dataclass(frozen=True, kw_only=True)
class Readout:
    """Teach a run to read a quantity, such as a position, from what it believes; or say what it reads already."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    column: str | None = None
    """What to read, by a column of the logs: position, velocity, ..., or observation[0:2]; without it, what can be read is listed."""
    labels: Path | None = None
    """A CSV file of some hundred labelled frames in place of a column, with the header episode,frame,x,y (numbers as you like)."""
    name: str | None = None
    """What guardrails and tasks call it; by default the column, or the file."""
    unit: str | None = None
    """Of its numbers; by default what the logs say. An angle (radians, degrees) is read as its cosine and sine."""
    data: Path | None = None
    """Store of the labelled frames; by default that of the run."""
    kind: Literal["auto", "linear", "kernel-ridge", "perceptron"] = "auto"
    """How it reads; auto: linear where that is as good, else a perceptron that learns from a kernel."""
    num_labels: int | None = None
    """Most labels to make use of; by default all of a file, and 8,000 of a column."""
    seed: int = 0
    """Of the choice of frames, and of fitting."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.threads import use_threads
        from telos.core.run import Run

        run = Run.open(self.run_folder)
        if self.column is None and self.labels is None:
            return self._list(run)
        use_threads(self.threads)
        return self._teach(run)

    def _teach(self, run: Run) -> int:
        from telos.cli.terminal import bars, print_json, remark
        from telos.core.errors import MissingExtraError
        from telos.teaching.readouts import draw_reading, teach_readout

        with bars() as progress:
            taught = teach_readout(
                run,
                self.column,
                labels=self.labels,
                name=self.name,
                unit=self.unit,
                data=self.data,
                kind=self.kind,
                num_labels=self.num_labels,
                seed=self.seed,
                progress=progress.update,
            )
        try:
            picture = str(draw_reading(taught))
        except MissingExtraError as error:
            picture = None
            remark(str(error))
        if self.json:
            print_json({"run": str(run.path), **_told(taught), "picture": picture})
        else:
            _tell(taught, picture)
        return 0 if taught.readout.fidelity.readable else UNREADABLE

    def _list(self, run: Run) -> int:
        from telos.cli.terminal import print_json, say
        from telos.core.errors import ConfigError

        given = [name for name in ("name", "unit", "data", "num_labels") if getattr(self, name) is not None]
        if given:
            raise ConfigError(
                f"--{given[0].replace('_', '-')} is about teaching, and there is nothing to teach from.", fix="add --column or --labels"
            )
        taught, (columns, missing) = taught_readouts(run), columns_of(run)
        if self.json:
            print_json({"run": str(run.path), "readouts": taught, "columns": columns, "missing": missing})
            return 0
        for one in taught:
            say(f"  reads     {readout_line(one)}")
        if not taught:
            say("  reads     nothing yet")
        for name, about in columns.items():
            say(f"  column    {name} · {_numbers(about['size'], about['unit'])}")
        if missing:
            say(f"  column    {missing}")
        new = [name for name in columns if name not in {one["name"] for one in taught}]
        say(f"\n  next   telos readout {run.path} --column {next(iter(new or columns), 'NAME')}")
        return 0


def _told(taught: Taught) -> dict[str, Any]:
    readout = taught.readout
    about = {"name": readout.name, "unit": readout.unit, "size": readout.size, "numbers": list(taught.parts)}
    return {**about, "kind": type(readout).__name__, "source": taught.description.source, **vars(readout.fidelity)}


def _tell(taught: Taught, picture: str | None) -> None:
    from telos.cli.terminal import results, say

    readout, fidelity = taught.readout, taught.readout.fidelity
    results.print()
    results.print(fidelity_table(fidelity))
    about = f"{type(readout).__name__}, {fidelity.num_labels:,} labels · root mean square error, held out"
    say(f"\n  {readout.name} · {_numbers(readout.size, readout.unit)} · {about}")
    if picture:
        say(f"  picture   {picture}")
    if not fidelity.readable:
        say(f"  cannot carry a guardrail: {fidelity.why}")


def fidelity_table(fidelity: Fidelity) -> Table:
    """Errors of what is observed and of what is imagined, above what anybody could say."""
    from rich.table import Table

    steps = len(fidelity.step_errors)
    shown = sorted({1, (steps + 1) // 2, steps}) if steps else []
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    titles = ["", "observed", *(f"{step} step{'' if step == 1 else 's'} ahead" for step in shown)]
    for title in titles:
        table.add_column(title, justify="left" if not title else "right", no_wrap=True)
    table.add_row("  read", _short(fidelity.error), *(_short(fidelity.step_errors[step - 1]) for step in shown))
    table.add_row("  nothing changes", "–", *(_short(fidelity.step_floors[step - 1]) for step in shown))
    table.add_row("  always the mean", _short(fidelity.floor))
    table.add_row("  untrained encoder", _short(fidelity.untrained))
    return table


def taught_readouts(run: Run) -> list[dict[str, Any]]:
    """What a run reads, from its folder alone. Raises RunError naming a file that is damaged."""
    from telos.core.errors import RunError
    from telos.core.taught_files import TEACH_AGAIN, read_taught, taught_in

    found = []
    for path in taught_in(run.path / "readouts"):
        about = read_taught(path)["description"]
        try:
            keys = ("error", "floor", "untrained", "readable", "why")
            fidelity = {key: about["fidelity"][key] for key in keys}
            found.append({"name": about["name"], "unit": about["unit"], "size": about["size"], "source": about["source"], **fidelity})
        except (KeyError, TypeError) as error:
            raise RunError(f"{path}.json is damaged: it does not describe a readout.", fix=TEACH_AGAIN) from error
    return found


def readout_line(one: dict[str, Any]) -> str:
    """One readout, for people."""
    num = _numbers(one["size"], one["unit"])
    quality = f"error {_short(one['error'])}, of the mean {_short(one['floor'])}"
    return f"{one['name']} · {num} · {quality}" + ("" if one["readable"] else " · cannot carry a guardrail")


def columns_of(run: Run) -> tuple[dict[str, dict[str, Any]], str]:
    """Columns that a readout can be taught from; or none, and the reason."""
    from telos.core.errors import DataError
    from telos.recipes.run_logs import logs_of
    from telos.teaching.readouts.labels import describe_columns

    try:
        return describe_columns(logs_of(run)), ""
    except DataError as error:
        return {}, error.what


def _numbers(size: int, unit: str) -> str:
    return f"{size} number{'' if size == 1 else 's'}{unit and ' in ' + unit}"


def _short(value: float) -> str:
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 else f"{value:.3g}"
