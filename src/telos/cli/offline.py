"""What logs alone can tell: `telos evaluate RUN` where there is no environment, or none is wanted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.cli.evaluate import Evaluate
    from telos.core.run import Run

PREFIX = "evaluations/offline-"
COLOURS = {"go": "green", "caution": "yellow", "no-go": "red"}
CLOSED_LOOP = {
    "protocol": None,
    "offset": None,
    "success": "distance",
    "radius": None,
    "steps": None,
    "shifts": None,
    "planners": None,
    "trace": None,
}
"""Options of `telos evaluate` that mean something in an environment only, and their defaults."""


def is_offline(command: Evaluate, run: Run) -> bool:
    """Whether to evaluate from logs alone: because it was asked for, or because they name no environment.

    Raises:
        ConfigError: it is to be offline, and an option was given that needs an environment; or a learning curve, and it is not.
    """
    from telos.core.errors import ConfigError

    given = [f"--{name}" for name, default in CLOSED_LOOP.items() if getattr(command, name) != default]
    given += [option for option in command.acting.given if option != "--planner"]
    if command.offline and given:
        raise ConfigError(f"--offline and {given[0]} exclude each other: the latter is about acting in an environment.", fix="leave one of them out")
    offline = command.offline or (run.description["data"][0]["environment"] is None and not given)
    if command.curve is not None and not offline:
        raise ConfigError("--curve belongs to an evaluation from logs alone.", fix="add --offline")
    return offline


def run_offline(command: Evaluate, run: Run) -> int:
    """Evaluates, and tells it."""
    from telos.cli.terminal import bars, print_json, remark

    with bars() as progress:
        result = evaluate_offline_run(
            run, pairs=command.episodes, planner=command.acting.planner, seed=command.seed, curve=command.curve, progress=progress.update
        )
    if not command.offline:
        remark("The logs name no environment: the run was judged by its logs alone.")
    if command.json:
        print_json(result)
    else:
        _tell(result, run)
    return 0


def evaluate_offline_run(
    run: Run,
    *,
    pairs: int,
    planner: str | None = None,
    seed: int = 0,
    curve: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Judges a run by logs alone, and keeps the result in its folder.

    Raises:
        ConfigError: no pairs are asked for.
        DataError: the logs have moved or changed since, or the curve is of other logs.
        RunError: training did not come to its end.
    """
    from telos.cli.planners import planner_for
    from telos.cli.worlds import held_out_logs
    from telos.core.errors import ConfigError
    from telos.data import split
    from telos.evaluation.offline import evaluate_offline
    from telos.recipes.experiment import load_agent, load_untrained

    if pairs < 1:
        raise ConfigError(f"The evaluation has {pairs} pairs of frames.", expected="--episodes of 1 or more")
    agent = load_agent(run, planner=planner_for(run, planner), seed=seed)
    about = run.description
    training, held_out = split(held_out_logs(run).logs, held_out=about["held_out"], seed=about["seed"])
    found = None if curve is None else read_curve(curve, [part["fingerprint"] for part in about["data"]])
    result = evaluate_offline(agent, load_untrained(run), training, held_out, num_pairs=pairs, curve=found, progress=progress).to_json()
    key = [held_out.fingerprint, pairs, seed, result["planner"], found and found["says"]]
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    run.write_json(f"{PREFIX}{(planner or 'default').rpartition(':')[2]}-{name}.json", result)
    return result


def read_curve(folder: Path, fingerprints: list[str]) -> dict[str, Any]:
    """What `telos data curve` wrote. Raises DataError if there is nothing, or it is of other logs."""
    from telos.core.errors import DataError
    from telos.core.run import Run

    if not (folder / "curve.json").is_file():
        raise DataError(f"There is no learning curve at {folder}.", fix="telos data curve DATA --out FOLDER makes one")
    found = Run(folder).read_json("curve.json")
    if found.get("fingerprints") != fingerprints:
        raise DataError(f"The learning curve at {folder} is of other logs than the run.", fix="draw it for the logs of the run")
    return found


def _tell(result: dict[str, Any], run: Run) -> None:
    from rich.table import Table

    from telos.cli.terminal import results, say

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(max_width=40)
    table.add_column(overflow="fold")
    for verdict in result["verdicts"]:
        level = verdict["level"]
        table.add_row(f"  [{COLOURS[level]}]{level}[/]", verdict["question"], verdict["says"])
    results.print()
    results.print(table)
    say(f"\n  overall   {result['overall']}: as good as the worst of them")
    if result["action_recovery"]:
        results.print()
        results.print(recovery_table(result["action_recovery"]))
    say("\n  What this does not show")
    for sentence in result["not_shown"]:
        say(f"  - {sentence}")
    say(f"\n  {result['pairs']} pairs each · seed {result['seed']} · the rules behind the verdicts: telos show {run.path} --report")


def recovery_table(recovery: list[dict[str, Any]]):
    """The mean of the actions between two frames: how far the plan, and each floor, is from what was done."""
    from rich.table import Table

    from telos.cli.terminal import percent

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("  missed by", no_wrap=True)
    for part in recovery:
        table.add_column(f"{part['gap']} step{'' if part['gap'] == 1 else 's'} apart", justify="right", no_wrap=True)
    for name, label in LABELS.items():
        found = [part["contestants"].get(name) for part in recovery]
        if any(found):
            table.add_row(f"  {label}", *(percent(one["net_error"]["value"]) if one else "–" for one in found))
        if any(found) and name == "planned":
            # Intervals of the floors stand in the JSON and in the report: here they would not fit beside one another.
            table.add_row("    95 % interval", *(_interval(one["net_error"]) if one else "–" for one in found))
    return table


def _interval(estimate: dict[str, float]) -> str:
    return "–" if math.isnan(estimate["low"]) else f"{100 * estimate['low']:.1f}–{100 * estimate['high']:.1f}"


LABELS = {"planned": "the plan", "mean": "mean action", "zero": "zero action", "random": "random", "elsewhere": "done elsewhere"}
