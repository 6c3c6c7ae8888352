"""`--task FILE` of `telos plan` and `telos evaluate`: a task in the user's own words."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.cli.acting import Acting
    from telos.cli.evaluate import Evaluate
    from telos.cli.plan import Plan
    from telos.core.run import Run


def run_plan(command: Plan, run: Run, task_file: Path) -> int:
    """Plans from a logged frame under the task, draws it, and says why it was planned so."""
    from telos.agent.configurator import Configurator
    from telos.cli.terminal import print_json, say
    from telos.data import Episodes
    from telos.evaluation.tasks.planning import draw_planned_task, plan_task
    from telos.recipes.task_file import load_task
    from telos.teaching.familiarity import prepare_for

    task = load_task(task_file)
    prepare_for(task, run)
    configurator = Configurator(keeps_planner=command.acting.planner is not None)
    agent = command.acting.load(run, configurator=configurator, seed=command.seed)
    planned = plan_task(agent, task, Episodes.open(command.data), episode=command.episode, start=command.start)
    picture = command.out or run.path / "plans" / f"episode-{command.episode}-from-{command.start}-{task_file.stem}.png"
    draw_planned_task(planned, picture)
    summary: dict[str, Any] = {**planned.to_json(), "planner": type(agent.settings.planner).__name__, "picture": str(picture), "seed": command.seed}
    if command.json:
        print_json(summary)
        return 0
    say(f"  {len(summary['actions'])} steps, energy {summary['energy']:.4f}, {summary['candidates']} candidates in {summary['seconds']:.2f} s")
    for name, way in summary["expected"].items():
        say(f"  {name:<12}{_numbers(way[0])} now, {_numbers(way[-1])} expected at the end")
    for reason in summary["why"]:
        say(f"  why       {reason}")
    if summary["fallback"] is not None:
        say(f"  guarded   {'no plan is safe: this is the fallback' if summary['fallback'] else 'inside of every guardrail, in imagination'}")
    say(f"  picture   {picture}")
    return 0


def run_evaluation(command: Evaluate, run: Run, task_file: Path) -> int:
    """Plays the task in the run's world, beside floors, judged by the true state."""
    from telos.cli.terminal import bars, print_json, say
    from telos.cli.threads import use_threads
    from telos.core.errors import ConfigError

    given = {
        "--protocol": command.protocol,
        "--offset": command.offset,
        "--radius": command.radius,
        "--shifts": command.shifts,
        "--planners": command.planners,
        "--curve": command.curve,
        "--offline": command.offline or None,
        "--plain-goals": command.plain_goals or None,
        "--success": None if command.success == "distance" else command.success,
        "--ahead": command.ahead or None,
        "--conflicts": command.conflicts or None,
    }
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option} is about goals that are shown, and --task says what is to be done.", fix=f"leave out {option} or --task")
    use_threads(command.threads)
    with bars() as progress:
        result = evaluate_task_of(
            run,
            task_file,
            episodes=command.episodes,
            acting=command.acting,
            compiled=command.compile,
            steps=command.steps,
            critic=None if command.critic is None else (command.critic, command.critic_weight),
            without_guardrails=command.without_guardrails,
            seed=command.seed,
            trace=command.trace,
            progress=progress.update,
        )
    if command.json:
        print_json(result)
        return 0
    _show(result)
    say(f"  picture   {result['picture']}")
    return 0


def evaluate_task_of(
    run: Run,
    task_file: Path,
    *,
    episodes: int,
    acting: Acting,
    compiled: bool = False,
    steps: int | None,
    critic: tuple[str, float] | None = None,
    without_guardrails: bool = False,
    seed: int,
    trace: Path | None = None,
    progress=None,
) -> dict[str, Any]:
    """Evaluates a run at a task, and keeps result and picture in its folder.

    Args:
        acting: how the agent is set up.
        critic: name and weight of a liking that the task is to have beside.
        without_guardrails: whether the agent knows nothing of the run's own, by which it is judged all the same.
        trace: file for one line a step; None: none.
    """
    import hashlib

    from telos.agent.configurator import Configurator
    from telos.agent.tasks import Prefer
    from telos.cli.guardrails import guardrails_of
    from telos.cli.worlds import held_out_logs, world_of
    from telos.core.errors import ConfigError, TelosError
    from telos.evaluation.tasks import evaluate_task
    from telos.evaluation.tasks.drawing import draw_task_paths, quantity_parts
    from telos.evaluation.trace import trace_file
    from telos.recipes.task_file import load_task
    from telos.teaching.familiarity import prepare_for

    if acting.memory == "always":
        raise ConfigError(
            "The episodes of an evaluation are played side by side: nothing can be remembered from one to the next.", fix="say --memory episode"
        )
    task, world = load_task(task_file), world_of(run)
    prepare_for(task, run)
    configurator = Configurator(keeps_planner=acting.planner is not None)
    guardrails = guardrails_of(run, needed=without_guardrails)
    in_force = () if without_guardrails else guardrails
    agent = acting.load(run, guardrails=in_force, configurator=configurator, seed=seed, compiled=compiled)
    if critic is not None:
        task = task + critic[1] * Prefer(critic[0])
    try:
        logs = held_out_logs(run)
    except TelosError:
        # They are asked for only by a goal that is shown without its true state.
        logs = None
    with nullcontext() if trace is None else trace_file(trace) as watch:
        how = {"episodes": episodes, "seed": seed, "steps": steps, "logs": logs, "guardrails": guardrails, "watch": watch}
        found = evaluate_task(agent, world, task, progress=progress, **how)
    text = task_file.read_text(encoding="utf-8")
    name = f"task-{task_file.stem}-{hashlib.sha256(f'{text}{episodes}{seed}{steps}{acting}{critic}{without_guardrails}'.encode()).hexdigest()[:16]}"
    result = {**found.to_json(), "task": text, "file": str(task_file), "critic": critic, "without_guardrails": without_guardrails}
    picture = run.path / "evaluations" / f"{name}.png"
    try:
        quantity_parts(task)
        draw_task_paths(picture, world, task, found.starts, found.paths, found.agent.success, guardrails=(*guardrails, *task.guardrails))
        result["picture"] = str(picture)
    except TelosError as error:
        result["picture"] = f"none: {error.what}"
    run.write_json(f"evaluations/{name}.json", result)
    return result


def _show(result: Mapping[str, Any]) -> None:
    from rich.table import Table

    from telos.cli.conduct import show_conduct
    from telos.cli.terminal import LABELS, percent, results, say

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("", "done", "95 % interval", "steps", "effort"):
        table.add_column(title, justify="left" if not title else "right")
    planner = result["planner"]["class"].rpartition(":")[2]
    for label, row in {f"Telos, {planner}": result, **{LABELS[name]: floor for name, floor in result["floors"].items()}}.items():
        if row is None:
            table.add_row(f"  {label}", "–", "cannot do this", "–", "–")
            continue
        interval = f"{100 * row['success_low']:.1f} to {100 * row['success_high']:.1f}"
        steps, effort = row["steps"], row["effort"]
        table.add_row(
            f"  {label}", percent(row["success"]), interval, "–" if steps is None else f"{steps:.0f}", "–" if effort is None else f"{effort:.2f}"
        )
    results.print()
    results.print(table)
    say(
        f"\n  {result['episodes']} episodes, {result['steps_allowed']:.0f} steps allowed · one plan {1000 * result['plan_cpu_seconds']:.1f} ms of CPU"
    )
    say("  done      by the task's own words, on the true state")
    for reason in result["why"][:4]:
        say(f"  why       {reason}")
    if len(result["why"]) > 4:
        say(f"            and {len(result['why']) - 4} more, in the JSON")
    show_conduct(result["conduct"])
    for who, rules in result["guardrails"].items():
        for name, rule in rules.items():
            label = {"agent": "Telos", **LABELS}[who]
            interval = f"{100 * rule['violated_low']:.1f} to {100 * rule['violated_high']:.1f}"
            say(f"  broken    '{name}' by {label}: {percent(rule['violated'])} of the episodes ({interval})")
    if result["fallback_share"] is not None:
        say(f"  guarded   no plan was safe in {percent(result['fallback_share'])} of the steps")


def _numbers(values: list[float]) -> str:
    return "(" + ", ".join(f"{value:.3f}" for value in values) + ")"
