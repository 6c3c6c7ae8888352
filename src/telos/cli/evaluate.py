"""`telos evaluate`: how good is it, beside floors, on starts and goals it never saw."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from telos.cli.acting import AS_USUAL, Acting

if TYPE_CHECKING:
    from telos.core.run import Run
    from telos.data import Selection


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Let the agent, and the floors, play held-out starts and goals."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    protocol: str | None = None
    """A kind of start and goal of the world (such as across-rooms), or offset; by default the world's first."""
    task: Path | None = None
    """TOML file that says what to do, in place of goals that are shown (docs/how-to/give-a-task.md); judged by the true state."""
    episodes: int = 200
    """Starts and goals."""
    critic: str | None = None
    """A critic that telos rate has taught: what it dislikes on the way counts too."""
    critic_weight: float = 0.6
    """Of the critic, beside the agent's own cost; one deviation of taste against one of the latents."""
    ahead: bool = False
    """Plan while the last action is carried out, and anew where what is then seen differs from what held-out logs make one expect."""
    compile: bool = False
    """Compile rollouts; pays for small plans of a few dozen candidates, and takes some seconds at first."""
    offset: int | None = None
    """Goals seen so many steps after the start in held-out episodes; implies --protocol offset."""
    success: str = "distance"
    """What tells that a goal is reached: distance (the world's own), latent (calibrated on held-out logs), or your own file.py:function."""
    radius: float | None = None
    """How near counts as reached, in the unit of the world's distance; by default the world's rule."""
    steps: int | None = None
    """Time allowed per episode; by default the world's rule."""
    shifts: str | None = None
    """Play once more in other looks: all, or some of colours,background,brightness,noise,size, or your own file.py:ClassName."""
    plain_goals: bool = False
    """With --shifts: show the goal in the look that was learned, in place of the new one."""
    planners: str | None = None
    """Play once more with planners of many budgets, and keep which is the best buy: all, or some of cem,mppi,..., or your own file.py:ClassName."""
    without_guardrails: bool = False
    """Let the agent play without the guardrails that the run keeps; it is judged by them all the same, for comparison."""
    conflicts: bool = False
    """With guardrails: play only where the world's scripted expert, which knows of none, breaks one."""
    offline: bool = False
    """Judge by held-out logs alone, as is done anyway where they name no environment; --episodes then counts pairs of frames."""
    curve: Path | None = None
    """Folder that telos data curve wrote: whether there are enough logs is then told too."""
    trace: Path | None = None
    """JSON lines to write: what the agent expects, notices and decides at each step of each episode."""
    acting: Acting = Acting()
    seed: int = 0
    """Of starts, goals and planning."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.conduct import show_conduct
        from telos.cli.guardrails import show_guardrails
        from telos.cli.offline import is_offline, run_offline
        from telos.cli.planner_curves import show_planners
        from telos.cli.shifts import show_shifts
        from telos.cli.tasks import run_evaluation
        from telos.cli.terminal import bars, print_json, results, say, success_table
        from telos.cli.threads import use_threads
        from telos.core.errors import ConfigError
        from telos.core.run import Run
        from telos.evaluation.protocols import how_long

        run = Run.open(self.run_folder)
        if self.task is not None:
            return run_evaluation(self, run, self.task)
        if self.plain_goals and self.shifts is None:
            raise ConfigError("--plain-goals is about other looks, and none was asked for.", fix="add --shifts all")
        if self.ahead and self.planners is not None:
            raise ConfigError("What planners cost is measured while nothing else runs, not in the background.", fix="leave out --ahead or --planners")
        use_threads(self.threads)
        if is_offline(self, run):
            if self.ahead:
                raise ConfigError("Logs do not wait for actions: there is nothing to plan ahead of.", fix="leave out --ahead")
            if self.compile:
                raise ConfigError("Offline evaluation makes too few rollouts to compile them.", fix="leave out --compile")
            return run_offline(self, run)
        with bars() as progress:
            result = evaluate_run(
                run,
                protocol=self.protocol,
                episodes=self.episodes,
                acting=self.acting,
                ahead=self.ahead,
                compiled=self.compile,
                offset=self.offset,
                rules={"success": self.success, "radius": self.radius, "steps": self.steps},
                seed=self.seed,
                shifts=self.shifts,
                plain_goals=self.plain_goals,
                planners=self.planners,
                critic=None if self.critic is None else (self.critic, self.critic_weight),
                without_guardrails=self.without_guardrails,
                conflicts=self.conflicts,
                trace=self.trace,
                progress=progress.update,
            )
        if self.json:
            print_json(result)
            return 0
        results.print()
        results.print(success_table(result))
        goals = f"{result['episodes']} episodes of '{result['protocol']['name']}' from {result['pairs_from']}"
        say(f"\n  {goals} · one plan {1000 * result['plan_cpu_seconds']:.1f} ms of CPU")
        say(f"  success   {result['judge']['says']}, {how_long(result['protocol'])}")
        show_conduct(result["conduct"])
        if result.get("guardrails"):
            show_guardrails(result["guardrails"])
        if result.get("shifts"):
            show_shifts(result)
        if result.get("planners"):
            show_planners(result["planners"], run)
        return 0


def evaluate_run(
    run: Run,
    *,
    protocol: str | None = None,
    episodes: int,
    acting: Acting = AS_USUAL,
    ahead: bool = False,
    compiled: bool = False,
    offset: int | None = None,
    rules: Mapping[str, Any] = MappingProxyType({}),
    seed: int,
    shifts: str | None = None,
    plain_goals: bool = False,
    planners: str | None = None,
    critic: tuple[str, float] | None = None,
    without_guardrails: bool = False,
    conflicts: bool = False,
    trace: Path | None = None,
    progress=None,
) -> dict[str, Any]:
    """Evaluates a run, closed loop and open loop, and keeps the result in its folder.

    Args:
        acting: how the agent is set up.
        ahead: whether the agent plans while it acts; it is surprised by what 1 % of the held-out steps exceed.
        compiled: whether rollouts are compiled.
        rules: `success`, `radius` and `steps` of the protocol, where they are not the world's own.
        shifts: groups of other looks, separated by commas; None: none.
        plain_goals: whether goals are shown in the look that was learned, in every look.
        planners: names of planners to measure too, separated by commas; what comes out is kept for `auto`. None: none.
        critic: name and weight of a critic that is added to the agent's cost; None: none.
        without_guardrails: whether the agent plays without those of the run; they are judged all the same.
        conflicts: whether only episodes are played in which the usual way breaks a guardrail.
        trace: file for one line a step; None: none.

    Raises:
        ConfigError: something is asked about guardrails, and the run keeps none.
    """
    from telos.agent.actor import MEASURED
    from telos.cli.guardrails import guardrails_of
    from telos.cli.worlds import world_of
    from telos.core.errors import ConfigError
    from telos.evaluation import evaluate, make_protocol, one_step_tolerance
    from telos.evaluation.planner_curves import choose_kinds, climb, measure_planners
    from telos.evaluation.shifts import choose_shifts, measure_shifts
    from telos.evaluation.trace import trace_file

    if acting.memory == "always":
        raise ConfigError(
            "The episodes of an evaluation are played side by side: nothing can be remembered from one to the next.", fix="say --memory episode"
        )
    world, looks = world_of(run), choose_shifts((shifts or "").split(",")) if shifts is not None else ()
    chosen = make_protocol(world, protocol, episodes=episodes, offset=offset, seed=seed, **rules)
    guardrails = guardrails_of(run, needed=without_guardrails or conflicts)
    in_force = () if without_guardrails else guardrails
    agent = acting.load(run, seed=seed, compiled=compiled, guardrails=in_force)
    if critic is not None:
        agent.settings = replace(agent.settings, cost=agent.settings.cost + critic[1] * agent.knowledge.critic(critic[0]))
    settings = () if planners is None else climb(choose_kinds(planners.split(",")), agent.world_model.spaces.action, agent.settings.planner)
    logs, notes = _held_out(run)
    if ahead:
        if logs is None:
            raise ConfigError(f"What is a surprise is told by held-out logs, and they are gone: {notes[0]}", fix="leave out --ahead")
        agent.settings = replace(agent.settings, ahead_tolerance=one_step_tolerance(agent.world_model, logs, seed=seed))
    with nullcontext() if trace is None else trace_file(trace) as watch:
        found = evaluate(agent, world, chosen, progress, logs, guardrails=guardrails, conflicts=conflicts, watch=watch)
    result = {**found.to_json(), **_open_loop(run, agent.world_model, logs), "notes": notes}
    result["acting"] = asdict(acting)
    result["ahead_tolerance"] = agent.settings.ahead_tolerance
    if looks:
        goals_in = "as-learned" if plain_goals else "shifted"
        result["shifts"] = measure_shifts(agent, world, found, looks, goals=goals_in, progress=progress).to_json()
    if settings:
        result["planners"] = measure_planners(agent, world, found, settings, progress=progress).to_json()
        run.write_json(MEASURED, result["planners"])
    goals = chosen.name.replace("/", "_") + ("" if chosen.offset is None else f"-{chosen.offset}")
    how = acting.label + ("-ahead" if ahead else "") + ("-unguarded" if without_guardrails else "")
    how += "" if critic is None else f"-{critic[0]}-{critic[1]:g}"
    run.write_json(f"evaluations/{goals}-{how}-{result['protocol_hash']}.json", result)
    return result


def _held_out(run: Run) -> tuple[Selection | None, list[str]]:
    """The held-out episodes, or why there are none any more."""
    from telos.cli.worlds import held_out_logs
    from telos.core.errors import TelosError

    try:
        return held_out_logs(run), []
    except TelosError as error:
        return None, [error.what]


def _open_loop(run: Run, world_model, logs: Selection | None) -> dict[str, Any]:
    """Open-loop errors and probes, if the logs are still there."""
    from telos.evaluation import open_loop, probe
    from telos.evaluation.probe import true_states_of
    from telos.recipes.experiment import load_untrained

    if logs is None:
        return {"open_loop": None, "probe": None}
    seed = run.description["seed"]
    probes = probe(world_model, load_untrained(run), logs, true_states_of(logs), seed=seed)
    return {"open_loop": open_loop(world_model, logs, seed=seed).to_json(), "probe": [part.to_json() for part in probes]}
