"""The evaluation as a whole: everybody plays the same episodes, and the result is one value."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import telos
from telos.agent.loop import Agent
from telos.core import config
from telos.core.errors import SpaceError
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.closed_loop import Outcome, expert_steps, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant, floors_of
from telos.evaluation.intervals import paired_difference
from telos.evaluation.protocols import HELD_OUT, Pairs, Protocol, draw_pairs
from telos.evaluation.success import AbstractSuccess, make_success


@dataclass(frozen=True)
class Evaluation:
    """How the agent and the floors fared in the same episodes."""

    protocol: Protocol
    protocol_hash: str
    success: AbstractSuccess
    """Who judged."""
    pairs: Pairs
    agent: Outcome
    floors: dict[str, Outcome | None]
    """`random`, `zero`, `scripted`; None where there is no such contestant."""
    plan_cpu_seconds: float
    """CPU time of one plan."""
    num_plans: int
    planner: dict[str, Any]
    """The planner's config as JSON."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object; all but `plan_cpu_seconds` is the same when it is run again."""
        ours = self.agent.to_json()
        return {
            **ours,
            "episodes": len(self.pairs),
            "floors": {name: None if outcome is None else outcome.to_json() for name, outcome in self.floors.items()},
            "differences": {name: self._difference(outcome) for name, outcome in self.floors.items() if outcome is not None},
            "plan_cpu_seconds": self.plan_cpu_seconds,
            "planner_calls": self.num_plans,
            "planner": self.planner,
            "protocol": config.to_json(self.protocol),
            "protocol_hash": self.protocol_hash,
            "pairs_from": self.pairs.source,
            "judge": self.success.to_json(),
            "seed": self.protocol.seed,
            "versions": {"telos": telos.__version__, "torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
        }

    def _difference(self, floor: Outcome) -> dict[str, float]:
        value, low, high = paired_difference(self.agent.success, floor.success)
        return {"difference": value, "low": low, "high": high}


def evaluate(
    agent: Agent,
    world: AbstractWorld,
    protocol: Protocol,
    progress: Callable[[str, int, int], None] | None = None,
    logs: AbstractEpisodes | None = None,
) -> Evaluation:
    """The agent, a random wanderer, doing nothing and the world's expert, on the same starts and goals.

    Args:
        progress: called with the contestant's name, the episodes that are through, and all.
        logs: held-out episodes, from which the protocol `offset` cuts starts and goals.

    Raises:
        SpaceError: the agent was trained on other observations or actions than this world has.
        ConfigError: what the protocol judges by is not there, or hardly any start is not solved already.
    """
    if not agent.world_model.spaces.fit(world.spaces):
        raise SpaceError(
            f"The agent was trained on {agent.world_model.spaces.describe()}; this world has {world.spaces.describe()}.",
            expected="the world that its logs came from",
        )
    success = make_success(world, protocol, agent.world_model, logs)
    pairs = draw_pairs(world, protocol, partial(expert_steps, world, protocol, reached=success.reached), logs, success.reached)
    ours = AgentContestant(agent)
    floors = floors_of(world, pairs.starts, protocol.seed)

    def run(contestant: AbstractContestant) -> Outcome:
        tell = None if progress is None else partial(progress, contestant.name)
        return play(world, pairs, contestant, protocol, tell, reached=success.reached)

    agent_outcome = run(ours)
    outcomes: dict[str, Outcome | None] = {"random": None, "zero": None, "scripted": None, **{floor.name: run(floor) for floor in floors}}
    return Evaluation(
        protocol=protocol,
        protocol_hash=protocol.hash(config.to_json(world), logs.fingerprint if logs is not None and pairs.source == HELD_OUT else None),
        success=success,
        pairs=pairs,
        agent=agent_outcome,
        floors=outcomes,
        plan_cpu_seconds=ours.plan_seconds / max(ours.num_plans, 1),
        num_plans=ours.num_plans,
        planner=config.to_json(agent.settings.planner),
    )
