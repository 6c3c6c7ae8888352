"""Plays a row on a run and writes down how every episode went, whatever the world."""

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.far_goals.play import Result
from benchmarks.far_goals.rows import FLOORS, ROWS, Metered, agent_of
from benchmarks.far_worlds.ceiling import reachable_share
from telos.cli.worlds import held_out_logs, world_of
from telos.core import config
from telos.core.contracts import AbstractPlanner
from telos.core.run import Run
from telos.core.world import AbstractWorld, WorldState
from telos.envs import Push, TwoRooms
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AbstractContestant, RandomContestant, ScriptedContestant, ZeroContestant
from telos.evaluation.protocols import HELD_OUT, Pairs, Protocol, draw_pairs, make_protocol
from telos.recipes.run_logs import logs_of

LOOSE = 0.1
"""How near the block must come at any step, in `Push`: about what the literature counts."""


@dataclass
class LooseJudge:
    """Remembers who has ever been near, whatever the protocol's own rule says."""

    world: AbstractWorld
    goals: WorldState
    near: np.ndarray
    """`[episodes]`."""

    def __call__(self, alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        self.near[alive] |= self.world.distance(states, {name: part[alive] for name, part in self.goals.items()}) <= LOOSE


def protocol_of(world: AbstractWorld, kind: str, *, episodes: int, seed: int) -> Protocol:
    """Of a kind of pair that the world has, or of `offset-100` and the like."""
    name, _, offset = kind.rpartition("-")
    if name == "offset":
        return make_protocol(world, None, episodes=episodes, offset=int(offset), seed=seed)
    return make_protocol(world, kind, episodes=episodes, offset=None, seed=seed)


def draw(run: Run, world: AbstractWorld, kind: str, *, episodes: int, seed: int) -> tuple[Protocol, Pairs]:
    """Starts and goals, the same for every row of a run; offsets are cut from episodes that were held out, where they are long enough."""
    protocol = protocol_of(world, kind, episodes=episodes, seed=seed)
    logs = held_out_logs(run) if protocol.offset else None
    # Where the block hardly has to move there is nothing to see.
    unsolved = replace(protocol, radius=LOOSE) if isinstance(world, Push) else protocol
    return protocol, draw_pairs(world, unsolved, partial(expert_steps, world, protocol), logs)


def contestant_of(run: Run, name: str, *, seed: int, planner: AbstractPlanner | None = None) -> AbstractContestant:
    """Who plays for a row of the table; all search with the same planner, by default that of the run's recipe."""
    floors = {"random": RandomContestant(seed), "zero": ZeroContestant(), "scripted": ScriptedContestant()}
    return floors[name] if name in FLOORS else Metered(agent_of(run, replace(ROWS[name], planner=planner), seed=seed), name)


def played(run: Run, row: str, kind: str, out: Path, *, episodes: int, seed: int, planner: AbstractPlanner | None = None) -> Result:
    """How the row fared; from its file if that is there already, and into it if not."""
    file = out / run.path.name / kind / f"{row.replace(' ', '-')}.json"
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        if (len(found["episodes"]), found["seed"], found["planner"]) == (episodes, seed, config.to_json(planner)):
            return found
    found = _play(run, row, kind, episodes=episodes, seed=seed, planner=planner)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def _play(run: Run, row: str, kind: str, *, episodes: int, seed: int, planner: AbstractPlanner | None) -> Result:
    world = world_of(run)
    protocol, pairs = draw(run, world, kind, episodes=episodes, seed=seed)
    shortest = expert_steps(world, protocol, pairs.starts, pairs.goals)
    contestant = contestant_of(run, row, seed=seed, planner=planner)
    judge = LooseJudge(world, pairs.goals, np.zeros(len(pairs), dtype=bool)) if isinstance(world, Push) else None
    outcome = play(world, pairs, contestant, protocol, record=judge)
    metered = contestant if isinstance(contestant, Metered) else None
    cpu = np.zeros(len(pairs)) if metered is None else metered.cpu_seconds
    counted = {"success": outcome.success} if judge is None else {"success": judge.near, "held": outcome.success}
    return {
        "row": row,
        "run": run.path.name,
        "map": run.path.name,
        "training_seed": run.description["seed"],
        "kind": kind,
        "seed": seed,
        "planner": config.to_json(planner),
        "pairs_from": pairs.source,
        "protocol_hash": protocol.hash(config.to_json(world), _fingerprint(run) if pairs.source == HELD_OUT else None),
        "ceiling": reachable_share(logs_of(run), pairs.starts, pairs.goals) if isinstance(world, TwoRooms) else None,
        "conduct": None if metered is None else metered.conduct.to_json(metered.agent),
        "episodes": [
            {
                "shortest": int(shortest[number]),
                "steps": int(outcome.steps[number]),
                "cpu_seconds": round(float(cpu[number]), 4),
                **{name: bool(values[number]) for name, values in counted.items()},
            }
            for number in range(len(pairs))
        ],
    }


def _fingerprint(run: Run) -> str:
    return run.description["data"][0]["fingerprint"]
