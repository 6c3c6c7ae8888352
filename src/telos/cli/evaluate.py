"""`telos evaluate`: how good is it, beside floors, on starts and goals it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

if TYPE_CHECKING:
    from telos.core.run import Run


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Let the agent, and the floors, play held-out starts and goals."""

    run_folder: Positional[Path]
    """Folder of the run."""
    protocol: str | None = None
    """A kind of start and goal of the world (such as across-rooms), or offset; by default the world's first."""
    episodes: int = 200
    """Starts and goals."""
    planner: str | None = None
    """random-shooting, cem, icem, mppi, gradient-descent, or your own file.py:ClassName; by default the recipe's."""
    offset: int | None = None
    """Goals that a random walk reaches so many steps after the start; implies --protocol offset."""
    seed: int = 0
    """Of starts, goals and planning."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json, results, success_table
        from telos.core.run import Run

        run = Run.open(self.run_folder)
        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)
        with bars() as progress:
            result = evaluate_run(
                run,
                protocol=self.protocol,
                episodes=self.episodes,
                planner=self.planner,
                offset=self.offset,
                seed=self.seed,
                progress=progress.update,
            )
        if self.json:
            print_json(result)
            return 0
        results.print()
        results.print(success_table(result))
        results.print(
            f"\n  {result['episodes']} episodes of '{result['protocol']['name']}' · one plan {1000 * result['plan_cpu_seconds']:.1f} ms of CPU"
        )
        return 0


def evaluate_run(
    run: Run, *, protocol: str | None = None, episodes: int, planner: str | None = None, offset: int | None = None, seed: int, progress=None
) -> dict[str, Any]:
    """Evaluates a run, closed loop and open loop, and keeps the result in its folder."""
    from telos.cli.planners import make_planner
    from telos.cli.worlds import world_of
    from telos.evaluation import evaluate, make_protocol
    from telos.recipes.experiment import load_agent, load_recipe

    world = world_of(run)
    rules = make_protocol(world, protocol, episodes=episodes, offset=offset, seed=seed)
    settings = load_recipe(run).agent
    agent = load_agent(run, planner=None if planner is None else make_planner(planner, settings.planner), seed=seed)
    result = {**evaluate(agent, world, rules, progress).to_json(), **_open_loop(run, agent.world_model)}
    name = f"{rules.name}{'' if rules.offset is None else f'-{rules.offset}'}-{planner or 'default'}-{result['protocol_hash']}.json".replace(
        "/", "_"
    ).replace(":", "_")
    run.write_json(f"evaluations/{name}", result)
    return result


def _open_loop(run: Run, world_model) -> dict[str, Any]:
    """Open-loop errors and probes, if the logs are still there."""
    from telos.cli.worlds import held_out_logs
    from telos.core.errors import TelosError
    from telos.evaluation import open_loop, probe
    from telos.evaluation.probe import true_states_of
    from telos.recipes.experiment import load_untrained

    try:
        logs = held_out_logs(run)
    except TelosError as error:
        return {"open_loop": None, "probe": None, "notes": [error.what]}
    seed = run.description["seed"]
    probes = probe(world_model, load_untrained(run), logs, true_states_of(logs), seed=seed)
    return {"open_loop": open_loop(world_model, logs, seed=seed).to_json(), "probe": [part.to_json() for part in probes], "notes": []}
