"""Plays a row on a run and writes down how every episode went, so that rows can be added without playing again."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.far_goals.rows import Metered, contestant_of
from telos.cli.worlds import held_out_logs, world_of
from telos.core import config
from telos.core.run import Run
from telos.core.world import AbstractWorld
from telos.envs import Maze
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.protocols import OFFSET, Pairs, Protocol, draw_pairs, make_protocol

Result = dict[str, Any]
"""One row on one run and one kind of pair, as its file holds it."""


def draw(run: Run, world: AbstractWorld, kind: str, *, episodes: int, seed: int) -> tuple[Protocol, Pairs]:
    """Starts and goals, the same for every row and every run of a world.

    Args:
        kind: of the world's pairs, or such as `offset-100`: what is seen so many steps later.
    """
    name, _, offset = kind.partition("-") if kind.startswith(OFFSET) else (kind, "", "")
    protocol = make_protocol(world, name, episodes=episodes, offset=int(offset) if offset else None, seed=seed)
    logs = held_out_logs(run) if offset else None
    return protocol, draw_pairs(world, protocol, partial(expert_steps, world, protocol), logs)


def played(run: Run, row: str, kind: str, out: Path, *, episodes: int, seed: int) -> Result:
    """How the row fared; from its file if that is there already, and into it if not."""
    file = out / run.path.name / kind / f"{row.replace(' ', '-')}.json"
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        if (len(found["episodes"]), found["seed"]) == (episodes, seed):
            return found
    found = _play(run, row, kind, episodes=episodes, seed=seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def _play(run: Run, row: str, kind: str, *, episodes: int, seed: int) -> Result:
    world = world_of(run)
    protocol, pairs = draw(run, world, kind, episodes=episodes, seed=seed)
    shortest = expert_steps(world, protocol, pairs.starts, pairs.goals) if world.has_expert else pairs.limits
    contestant = contestant_of(run, row, seed=seed)
    outcome = play(world, pairs, contestant, protocol)
    metered = contestant if isinstance(contestant, Metered) else None
    cpu = np.zeros(len(pairs)) if metered is None else metered.cpu_seconds
    return {
        "row": row,
        "run": run.path.name,
        "map": world.map if isinstance(world, Maze) else type(world).__name__,
        "cells": world.side if isinstance(world, Maze) else 0,
        "training_seed": run.description["seed"],
        "kind": kind,
        "seed": seed,
        "protocol_hash": protocol.hash(config.to_json(world)),
        "conduct": None if metered is None else metered.conduct.to_json(metered.agent),
        "episodes": [
            {"shortest": int(way), "success": bool(success), "steps": int(steps), "cpu_seconds": round(float(seconds), 4)}
            for way, success, steps, seconds in zip(shortest, outcome.success, outcome.steps, cpu, strict=True)
        ],
    }
