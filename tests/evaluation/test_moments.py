import json

import numpy as np
import pytest
import torch
from plane import Adds, Plane, agent_of
from quick import NORTH, SOUTH, quick_agent

from telos.agent.actor import MPPI
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut, Limit
from telos.agent.loop import Agent, AgentSettings
from telos.agent.moments import AS_ALWAYS, moments_of
from telos.agent.tasks import ReachGoal
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.evaluate import evaluate
from telos.evaluation.protocols import Pairs, Protocol
from telos.evaluation.tasks import TaskContestant
from telos.evaluation.trace import trace_file
from telos.testing import true_knowledge

STARTS = {"position": np.array([[0.2, 0.2], [0.2, 0.8], [0.8, 0.2], [0.8, 0.8]])}
GOALS = {"position": np.array([[0.4, 0.4], [0.4, 0.6], [0.6, 0.4], [0.6, 0.6]])}
PROTOCOL = Protocol(name="anywhere", episodes=4)
LIMITS = np.full(4, 8)


def after_one_step(agent):
    agent.set_task(ReachGoal(GOALS["position"].astype(np.float32)))
    agent.act(STARTS["position"].astype(np.float32))
    moments = moments_of(agent)
    assert moments is not None
    return moments


def test_before_the_first_step_there_is_nothing_to_feel():
    assert moments_of(agent_of(Adds())) is None


def test_what_is_expected_is_what_the_plan_says_of_the_steps_ahead():
    agent = agent_of(Adds())
    moments = after_one_step(agent)
    energies = agent.last_plan.energies
    assert moments.decided and moments.num_searched == 4 and moments.surprise is None
    for row in range(4):
        told = moments.to_json(row)
        assert (told["mode"], told["why"]) == ("plan", AS_ALWAYS)
        assert told["best"] == pytest.approx(float(energies[row].min())) and told["worst"] == pytest.approx(float(energies[row].max()))
        assert told["mean"] == pytest.approx(float(energies[row].mean()), rel=1e-5)
        assert all(told[name] is None for name in ("guardrail", "guardrail_value", "fallback", "surprise", "disagreement", "remembered", "recalled"))


def test_who_acts_and_why_is_told_episode_by_episode():
    moments = after_one_step(quick_agent(mode="auto"))
    assert [moments.to_json(row)["mode"] for row in range(4)] == ["plan", "react", "plan", "react"]
    assert [moments.to_json(row)["why"] for row in range(4)] == [SOUTH, NORTH, SOUTH, NORTH]
    assert [moments.to_json(row)["surprise"] for row in range(4)] == pytest.approx([0.5, 0.5, 0.001, 0.001])
    assert moments.num_searched == 2


def test_a_plan_that_is_carried_on_with_is_no_new_decision():
    agent = quick_agent(replan_every=2)
    assert after_one_step(agent).decided
    agent.act(STARTS["position"].astype(np.float32))
    again = moments_of(agent)
    assert not again.decided and again.num_searched == 0


def test_the_nearest_guardrail_is_the_one_whose_greatest_value_ahead_is_greatest():
    brake = Brake(quantity="velocity", gain=10.0, steps=6)
    pillar = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)), fallback=brake)
    wide = Guardrail(name="wide", requirement=Limit(quantity="position", most=99.0), fallback=brake)
    agent = Agent(true_knowledge(), AgentSettings(planner=MPPI(horizon=6, num_candidates=16), cost=PathDistance()), guardrails=(wide, pillar))
    agent.set_task(ReachGoal(np.array([0.9, 0.5, 0, 0], dtype=np.float32)))
    agent.act(np.array([0.3, 0.5, 0, 0], dtype=np.float32))
    told = moments_of(agent).to_json(0)
    worst = agent.last_plan.verdict.worst
    assert told["guardrail"] == "pillar" and told["guardrail_value"] == float(worst["pillar"][0]) > float(worst["wide"][0])
    assert told["fallback"] is False


def played(agent, watch=None):
    contestant = AgentContestant(agent, watch=watch)
    outcome = play(Plane(), Pairs(STARTS, GOALS, LIMITS), contestant, PROTOCOL)
    return contestant.conduct, outcome


def test_searches_are_counted_apart_from_steps():
    conduct, outcome = played(quick_agent(mode="auto"))
    told = conduct.to_json(quick_agent(mode="auto"))
    assert conduct.steps == conduct.decisions == outcome.steps.sum()
    assert 0 < conduct.searches < conduct.steps and told["searches"] == conduct.searches
    assert told["modes"]["plan"] == pytest.approx(conduct.searches / conduct.steps) and sum(told["modes"].values()) == pytest.approx(1)
    assert {(part["mode"], part["why"]) for part in told["reasons"]} == {("plan", SOUTH), ("react", NORTH)}
    assert sum(part["share"] for part in told["reasons"]) == pytest.approx(1)


def test_what_is_told_of_a_task_does_not_grow_with_the_steps():
    contestant = TaskContestant(quick_agent(mode="auto"), ReachGoal(GOALS["position"].astype(np.float32)))
    play(Plane(), Pairs(STARTS, GOALS, LIMITS), contestant, PROTOCOL)
    assert contestant.conduct.steps > 4 and not contestant.why


def test_who_only_reacts_never_calls_the_planner():
    conduct, _ = played(quick_agent(mode="react"))
    assert conduct.searches == 0 and conduct.decisions == conduct.steps > 0
    assert conduct.to_json(quick_agent(mode="react"))["modes"] == {"plan": 0.0, "react": 1.0}


def test_surprises_are_counted_below_the_level_of_the_agent():
    agent = quick_agent(surprise_level=0.01)
    seen = []
    conduct, _ = played(agent, lambda episodes, moments: seen.extend(moments.surprise.tolist()))
    told = conduct.to_json(agent)["surprise"]
    low = sum(value < 0.01 for value in seen)
    assert told["surprises"] == low > 0 and told["below"]["0.01"] == pytest.approx(low / len(seen))
    assert conduct.to_json(quick_agent())["surprise"]["surprises"] == 0, "nothing surprises whoever has the level 0"
    assert played(agent_of(Adds()))[0].to_json(agent_of(Adds()))["surprise"] is None


def test_the_trace_has_one_line_for_each_step_of_each_episode(tmp_path):
    with trace_file(tmp_path / "deep" / "trace.jsonl") as watch:
        conduct, outcome = played(quick_agent(mode="auto"), watch)
    lines = [json.loads(line) for line in (tmp_path / "deep" / "trace.jsonl").read_text().splitlines()]
    assert len(lines) == conduct.steps
    for episode, steps in enumerate(outcome.steps):
        assert [line["step"] for line in lines if line["episode"] == episode] == list(range(steps))
    south = {line["episode"] for line in lines if line["step"] == 0 and line["mode"] == "plan"}
    assert south == {0, 2}


def test_a_trace_that_is_broken_off_leaves_the_older_one(tmp_path):
    file = tmp_path / "trace.jsonl"
    file.write_text("before\n")

    def play_and_stop():
        with trace_file(file) as watch:
            watch([0], after_one_step(agent_of(Adds())).select(torch.tensor([0])))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        play_and_stop()
    assert file.read_text() == "before\n" and list(tmp_path.iterdir()) == [file]


def test_an_evaluation_tells_how_the_agent_went_about_it():
    protocol = Protocol(name="anywhere", episodes=6)
    steps = []
    found = evaluate(quick_agent(mode="auto"), Plane(), protocol, watch=lambda episodes, moments: steps.append(len(episodes))).to_json()
    assert found["conduct"]["mode"] == "auto" and found["conduct"]["steps"] == sum(steps)
    assert found["planner_calls"] == found["conduct"]["searches"] < found["conduct"]["decisions"]
    json.dumps(found, allow_nan=False)
