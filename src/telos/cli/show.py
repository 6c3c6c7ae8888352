"""`telos show`: what a run is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

OFFLINE = "offline"
"""Kind of an evaluation by logs alone; in place of a protocol's name."""


@dataclass(frozen=True, kw_only=True)
class Show:
    """Say what a run is: its data, recipe, health and evaluations; and, if asked to, show it in a report with pictures."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    report: bool = False
    """Write the run's report.html, with the newest evaluation in it."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json, say
        from telos.core.run import Run

        run = Run.open(self.run_folder)
        if self.report:
            from telos.cli.report import report_run

            with bars() as progress:
                newest, offline = _newest_evaluation(run, offline=False), _newest_evaluation(run, offline=True)
                report_run(run, newest, offline=offline, seed=run.description["seed"], progress=progress.update)
        summary = summarize(run)
        if self.json:
            print_json(summary)
            return 0
        for key, value in _lines(summary):
            say(f"  {key:<12} {value}")
        return 0


def summarize(run) -> dict[str, Any]:
    """A run in one JSON object, from its folder alone: no model is built."""
    from telos.cli.readout import taught_readouts
    from telos.cli.taught import critics_of_time, levels_of, taught_to_act
    from telos.core.spaces import Spaces

    about = run.description
    spaces = Spaces.from_json(about["spaces"])
    metrics = run.metrics()
    return {
        "run": str(run.path),
        "finished": run.finished,
        "recipe": about["recipe"]["name"],
        "seed": about["seed"],
        "telos": about["telos"],
        "observation": spaces.observation.describe(),
        "action": spaces.action.describe(),
        "data": [{"path": part["path"], "environment": part["environment"]} for part in about["data"]],
        "steps": metrics[-1]["step"] if metrics else 0,
        "last": metrics[-1] if metrics else None,
        "evaluations": [_evaluation(run, file) for file in sorted(run.path.glob("evaluations/*.json"))],
        "readouts": taught_readouts(run),
        "taught": taught_to_act(run),
        "levels": levels_of(run),
        "times": critics_of_time(run),
        "report": str(run.path / "report.html") if (run.path / "report.html").is_file() else None,
    }


def _newest_evaluation(run, *, offline: bool) -> dict[str, Any] | None:
    files = [file for file in run.path.glob("evaluations/*.json") if (_evaluation(run, file)["protocol"] == OFFLINE) == offline]
    files.sort(key=lambda file: file.stat().st_mtime)
    if not files:
        return None
    return run.read_json(f"evaluations/{files[-1].name}")


def _evaluation(run, file: Path) -> dict[str, Any]:
    from telos.core.errors import RunError

    result = run.read_json(f"evaluations/{file.name}")
    try:
        planner = result["planner"]["class"].rpartition(":")[2]
        if result.get("kind") == OFFLINE:
            levels = {verdict["name"]: verdict["level"] for verdict in result["verdicts"]}
            return {
                "file": file.name,
                "protocol": OFFLINE,
                "planner": planner,
                "overall": result["overall"],
                "levels": levels,
                "seed": result["seed"],
            }
        rates = {key: float(result[key]) for key in ("success", "success_low", "success_high", "success_any")}
        others = {key: result[key] for key in ("episodes", "protocol_hash", "seed")}
        return {"file": file.name, "protocol": result["protocol"]["name"], "planner": planner, **rates, **others}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{file} is damaged: it does not hold an evaluation.", fix="remove it, and evaluate again") from error


def _lines(summary: dict[str, Any]):
    from telos.cli.readout import readout_line
    from telos.cli.taught import level_lines, taught_lines, time_lines
    from telos.cli.terminal import percent
    from telos.cli.train import health_sentence

    state = "trained" if summary["finished"] else f"stopped at step {summary['steps']:,}; repeat its 'telos train' command to go on"
    yield "run", f"{summary['run']} · {state}"
    yield "recipe", f"{summary['recipe']} · seed {summary['seed']} · telos {summary['telos']}"
    yield "observes", summary["observation"]
    yield "acts by", summary["action"]
    for part in summary["data"]:
        environment = part["environment"]
        yield "data", part["path"] + (f" · {environment['name']} {environment['args'] or ''}" if environment else " · no environment")
    if summary["last"]:
        yield "health", health_sentence(summary["last"])
    for one in summary["readouts"]:
        yield "reads", readout_line(one)
    yield from level_lines(summary["levels"])
    yield from time_lines(summary["times"])
    yield from taught_lines(summary["taught"])
    for result in summary["evaluations"]:
        if result["protocol"] == OFFLINE:
            worst = ", ".join(name for name, level in result["levels"].items() if level == result["overall"] != "go")
            yield "evaluation", f"offline · {result['planner']} · {result['overall']}{worst and f': {worst}'} · seed {result['seed']}"
            continue
        rate = f"{percent(result['success'])} ({100 * result['success_low']:.1f} to {100 * result['success_high']:.1f})"
        yield "evaluation", f"{result['protocol']} · {result['planner']} · {rate} of {result['episodes']} episodes · seed {result['seed']}"
    if summary["report"]:
        yield "report", summary["report"]
