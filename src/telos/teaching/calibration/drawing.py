"""The picture of a calibration: some fresh episodes with and without the guardrails that came of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from telos.core.seeding import derive_seed
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.guarded import requirements_of
from telos.evaluation.guarded_courses import record_courses
from telos.evaluation.guarded_pairs import draw_guarded_pairs
from telos.evaluation.guarded_picture import check_picture, draw_guardrails
from telos.evaluation.protocols import Protocol
from telos.evaluation.success import make_success
from telos.teaching.calibration.calibrate import CalibrationResult, Maker


def draw_calibration(
    file: Path,
    make_agent: Maker,
    world: AbstractWorld,
    protocol: Protocol,
    result: CalibrationResult,
    *,
    logs: AbstractEpisodes | None = None,
    conflicts: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Plays the protocol's number of fresh episodes with and without the guardrails, and draws both beside the margins that were tried.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    check_picture()
    seed = derive_seed(protocol.seed, "calibration", "picture")
    fresh, requirements = replace(protocol, seed=seed), requirements_of(result.guardrails)
    courses = []
    pairs = None
    for number, guardrails in enumerate(((), tuple(replace(part, calibration=None) for part in result.guardrails))):
        agent = make_agent(guardrails, seed)
        success = make_success(world, fresh, agent.world_model, logs)
        pairs = pairs or draw_guarded_pairs(world, fresh, requirements.values(), logs, success.reached, conflicts=conflicts)
        courses.append(record_courses(world, pairs, AgentContestant(agent), fresh, requirements, success.reached))
        progress(number + 1, 2)
    assert pairs is not None
    draw_guardrails(file, world, result.guardrails, pairs.starts, *courses, trials=result.to_json()["trials"])
    return file
