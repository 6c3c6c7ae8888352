"""The evaluation as a whole: everybody plays the same episodes, and the result is one value."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import telos
from telos.agent.loop import Agent
from telos.core import config
from telos.core.errors import SpaceError
from telos.core.guarding import AbstractRequirement, Guardrail
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.closed_loop import Outcome, expert_steps, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant, floors_of
from telos.evaluation.experts import expert_under
from telos.evaluation.guarded import Guarded, Judges, requirements_of
from telos.evaluation.guarded_pairs import draw_guarded_pairs
from telos.evaluation.intervals import paired_difference
from telos.evaluation.protocols import HELD_OUT, Pairs, Protocol, draw_pairs
from telos.evaluation.success import AbstractSuccess, make_success
from telos.evaluation.trace import Watcher


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
    """CPU time of one plan, whether it was searched for or the policy's."""
    planner: dict[str, Any]
    """The planner's config as JSON."""
    conduct: dict[str, Any]
    """How the agent went about it, as `Conduct.to_json` tells."""
    guarded: Guarded | None = None
    """How guardrails fared; None: there were none."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object; all but `plan_cpu_seconds` is the same when it is run again."""
        ours = self.agent.to_json()
        return {
            **ours,
            "episodes": len(self.pairs),
            "floors": {name: None if outcome is None else outcome.to_json() for name, outcome in self.floors.items()},
            "differences": {name: self._difference(outcome) for name, outcome in self.floors.items() if outcome is not None},
            "plan_cpu_seconds": self.plan_cpu_seconds,
            "planner_calls": self.conduct["searches"],
            "conduct": self.conduct,
            "planner": self.planner,
            "protocol": config.to_json(self.protocol),
            "protocol_hash": self.protocol_hash,
            "pairs_from": self.pairs.source,
            "judge": self.success.to_json(),
            "seed": self.protocol.seed,
            "versions": {"telos": telos.__version__, "torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
            **({} if self.guarded is None else {"guardrails": self.guarded.to_json()}),
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
    *,
    guardrails: tuple[Guardrail, ...] = (),
    conflicts: bool = False,
    watch: Watcher | None = None,
) -> Evaluation:
    """The agent, a random wanderer, doing nothing and the world's expert, on the same starts and goals.

    Args:
        progress: called with the contestant's name, the episodes that are through, and all.
        logs: held-out episodes, from which the protocol `offset` cuts starts and goals.
        guardrails: what everybody is judged by, whether the agent knows of them or not. Starts and goals are then those of
            `draw_guarded_pairs`, and an expert that keeps to them plays too, where there is one.
        conflicts: play only where the usual way breaks a guardrail.
        watch: told what the agent expects and notices at every step, such as a `trace_file`.

    Raises:
        SpaceError: the agent was trained on other observations or actions than this world has.
        ConfigError: what the protocol judges by is not there, or hardly any start is not solved already.
        UnknownNameError: a guardrail speaks of what is no part of the true state.
    """
    if not agent.world_model.spaces.fit(world.spaces):
        raise SpaceError(
            f"The agent was trained on {agent.world_model.spaces.describe()}; this world has {world.spaces.describe()}.",
            expected="the world that its logs came from",
        )
    success = make_success(world, protocol, agent.world_model, logs)
    requirements = requirements_of(guardrails)
    pairs = _draw(world, protocol, requirements, logs, success, conflicts)
    ours = AgentContestant(agent, watch=watch)
    judges: dict[str, Judges] = {}

    def run(contestant: AbstractContestant) -> Outcome:
        tell = None if progress is None else partial(progress, contestant.name)
        judges[contestant.name] = Judges(world, requirements, pairs.starts)
        return play(world, pairs, contestant, protocol, tell, reached=success.reached, record=judges[contestant.name])

    agent_outcome = run(ours)
    floors = [*floors_of(world, pairs.starts, protocol.seed), *_guarded_expert(world, requirements, pairs)]
    outcomes: dict[str, Outcome | None] = {"random": None, "zero": None, "scripted": None, **{floor.name: run(floor) for floor in floors}}
    return Evaluation(
        protocol=protocol,
        protocol_hash=_hash(world, protocol, requirements, logs if pairs.source == HELD_OUT else None, conflicts),
        success=success,
        pairs=pairs,
        agent=agent_outcome,
        floors=outcomes,
        plan_cpu_seconds=ours.seconds_per_plan,
        planner=config.to_json(agent.settings.planner),
        conduct=ours.conduct.to_json(agent),
        guarded=_guarded(guardrails, judges, ours, conflicts) if guardrails else None,
    )


def _draw(
    world: AbstractWorld,
    protocol: Protocol,
    requirements: Mapping[str, AbstractRequirement],
    logs: AbstractEpisodes | None,
    success: AbstractSuccess,
    conflicts: bool,
) -> Pairs:
    if requirements:
        return draw_guarded_pairs(world, protocol, requirements.values(), logs, success.reached, conflicts=conflicts)
    return draw_pairs(world, protocol, partial(expert_steps, world, protocol, reached=success.reached), logs, success.reached)


def _guarded_expert(world: AbstractWorld, requirements: Mapping[str, AbstractRequirement], pairs: Pairs) -> list[AbstractContestant]:
    found = expert_under(world, tuple(requirements.values()), pairs.starts) if requirements else None
    return [] if found is None else [found]


def _hash(
    world: AbstractWorld, protocol: Protocol, requirements: Mapping[str, AbstractRequirement], logs: AbstractEpisodes | None, conflicts: bool
) -> str:
    rules = config.to_json(world)
    if requirements:
        rules = {"world": rules, "requirements": [config.to_json(part) for part in requirements.values()], "conflicts": conflicts}
    return protocol.hash(rules, None if logs is None else logs.fingerprint)


def _guarded(guardrails: tuple[Guardrail, ...], judges: Mapping[str, Judges], ours: AgentContestant, conflicts: bool) -> Guarded:
    return Guarded(
        guardrails=guardrails,
        breaches={who: judge.breaches for who, judge in judges.items()},
        fallback_steps=ours.conduct.fallback_steps,
        num_steps=ours.conduct.steps,
        in_force={guardrail.name for guardrail in ours.agent.guardrails} >= {guardrail.name for guardrail in guardrails},
        conflicts=conflicts,
    )
