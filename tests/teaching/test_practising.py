"""A skill that grows while it is used."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.cost import ActionEffort, LeastDistance, RunningMinimum
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.policies import CalibratedArbiter
from telos.agent.tasks import ReachGoal
from telos.core.errors import ConfigError
from telos.envs import PointMass
from telos.evaluation.protocols import Protocol
from telos.teaching.practice_curve import Block, PracticeCurve, draw_curves
from telos.teaching.practising import Exercise, Practice, fresh_skill, practise
from telos.testing import true_knowledge

WORLD = PointMass()
COST = LeastDistance() + 0.3 * RunningMinimum()
SETTINGS = AgentSettings(planner=MPPI(horizon=10, num_candidates=24, num_iterations=2), cost=COST, mode="auto")
EXERCISE = Exercise(episodes=8, audits=60, steps=60)
RULE = Protocol(name="anywhere", episodes=8, radius=0.1, hold=1)


def beginner(*guardrails, **changes) -> Agent:
    known = true_knowledge()
    beliefs = torch.rand(200, 4, generator=torch.Generator().manual_seed(0)) - torch.tensor([0.0, 0.0, 0.5, 0.5])
    skill = fresh_skill(known.world_model, cost=COST, horizon=10, beliefs=beliefs, tolerance=0.05)
    known = replace(known, policy=skill.policy, arbiter=skill.arbiter)
    return Agent(known, replace(SETTINGS, **changes), guardrails=guardrails)


@pytest.fixture(scope="module")
def practised():
    agent = beginner()
    return agent, practise(agent, WORLD, RULE, blocks=5, exercise=EXERCISE)


def test_who_has_learned_nothing_plans_always_and_then_less_and_less(practised):
    _, curve = practised
    assert curve.blocks[0].planned == 1
    assert curve.blocks[-1].planned < 0.7
    assert min(block.success for block in curve.blocks) >= 0.75
    assert [block.episodes for block in curve.blocks] == [8, 16, 24, 32, 40]


def test_plans_for_learning_are_counted_beside_those_for_acting(practised):
    _, curve = practised
    for block in curve.blocks:
        assert block.searches == round(block.planned * block.steps)
        assert block.plans == block.searches + min(EXERCISE.audits, block.steps)


def test_another_energy_is_planned_for_until_it_was_practised(practised):
    agent, _ = practised
    other = Agent(agent.knowledge, replace(SETTINGS, cost=COST + 0.1 * ActionEffort()))
    curve = practise(other, WORLD, RULE, blocks=2, exercise=EXERCISE)
    assert curve.blocks[0].planned == 1 and curve.blocks[1].planned < 1
    arbiter = other.knowledge.arbiter
    assert isinstance(arbiter, CalibratedArbiter) and arbiter.config.cost == COST + 0.1 * ActionEffort()


def test_guardrails_bind_before_and_after_what_was_learned():
    pillar = KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.12))
    rail = Guardrail(name="pillar", requirement=pillar, fallback=Brake(quantity="velocity", gain=10.0, steps=6))
    agent, nearest = beginner(rail), []
    practice = Practice(agent, EXERCISE)
    rng = np.random.default_rng(0)
    for _ in range(2):
        starts = {"position": np.array([[0.1, 0.5], [0.5, 0.1], [0.2, 0.2]]), "velocity": np.zeros((3, 2))}
        goals = {"position": 1 - starts["position"] + rng.normal(0, 0.02, (3, 2)), "velocity": np.zeros((3, 2))}
        agent.reset()
        agent.set_task(ReachGoal(WORLD.observe(goals)))
        for _ in range(20):
            starts = WORLD.advance(starts, agent.act(WORLD.observe(starts)))
            practice.note()
            nearest.append(np.linalg.norm(starts["position"] - 0.5, axis=1).min())
        practice.rest()
    assert min(nearest) >= 0.12 - 1e-6
    assert len(practice.replay) and practice.num_plans


def test_whoever_does_not_choose_does_not_practise():
    agent = beginner(mode="react")
    with pytest.raises(ConfigError, match="does not practise"):
        Practice(agent)
    with pytest.raises(ConfigError):
        practise(beginner(), WORLD, RULE, blocks=0)
    with pytest.raises(ConfigError):
        Exercise(audits=0)


def test_a_curve_is_written_line_by_line_and_drawn(tmp_path):
    blocks = [Block(episodes=20 * n, planned=1 / n, success=1.0, steps=100, searches=100 // n, plans=120, cpu_seconds=1.0) for n in (1, 2, 4)]
    curve = PracticeCurve(kind="across", blocks=tuple(blocks))
    curve.write(tmp_path / "practice.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "practice.jsonl").read_text().splitlines()]
    assert lines == [{"kind": "across", **asdict(block)} for block in blocks]
    curve.draw(tmp_path / "one.svg")
    draw_curves({"a": curve, "b": curve}, tmp_path / "two.svg")
    one, two = ((tmp_path / name).read_text().count('<g id="axes_') for name in ("one.svg", "two.svg"))
    assert (one, two) == (1, 2)
