"""Tasks are played beside floors, and judged by what was true."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.configurator import Configurator
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.guardrails import Brake, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import FollowPath, Hold, Optimise, Prefer, ReachAny, ReachBy, ReachGoal, ReachRegion, ReachValue, VisitAll, VisitInOrder
from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.core.guarding import Guardrail
from telos.core.readouts import AbstractReadout, Fidelity
from telos.core.regions import Disc
from telos.envs import PointMass, TwoRooms
from telos.evaluation.tasks import TaskJudge, evaluate_task, play_task
from telos.evaluation.tasks.contestants import ScriptedTaskContestant, send
from telos.evaluation.tasks.drawing import draw_task_paths
from telos.evaluation.tasks.evaluate import draw_starts
from telos.testing import true_knowledge

WORLD = PointMass()
COST = LeastDistance() + 0.3 * RunningMinimum()
EPISODES = 8


def somewhere(seed: int, **rules) -> ReachValue:
    return ReachValue("position", np.random.default_rng(seed).uniform(0.15, 0.85, (EPISODES, 2)), **rules)


def an_agent(knowledge=None, **settings) -> Agent:
    planner = MPPI(horizon=24, num_candidates=48, num_iterations=2)
    return Agent(knowledge or true_knowledge(), AgentSettings(planner=planner, cost=COST, **settings), configurator=Configurator())


ASKED = {
    "value": somewhere(0),
    "region": ReachRegion("position", Disc(center=(0.5, 0.5), radius=0.1)),
    "any": ReachAny(somewhere(1), somewhere(2)),
    "order": VisitInOrder(somewhere(3, hold=1), somewhere(4, hold=1)),
    "all": VisitAll(somewhere(5, hold=1), somewhere(6, hold=1), somewhere(7, hold=1)),
    "hold": Hold(somewhere(8), steps=15),
    "path": FollowPath("position", [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7)], steps=60, join=30),
    "largest": Optimise("position", "largest", 1, enough=0.9, hold=3),
    "deadline": ReachBy(somewhere(9), deadline=40),
    "two at once": ReachValue("position", (0.5, 0.5)) + ReachValue("velocity", (0.0, 0.0), within=0.1),
}


@pytest.mark.parametrize("name", ASKED)
def test_an_agent_that_knows_its_world_does_what_it_is_asked(name):
    found = evaluate_task(an_agent(), WORLD, ASKED[name], episodes=EPISODES, seed=100, steps=80 if name == "largest" else None)
    assert found.agent.rate.value >= 7 / 8, found.to_json()
    assert found.floors["zero"].rate.value <= 0.25
    if name != "two at once":
        assert found.floors["scripted"] is None or found.floors["scripted"].rate.value == 1


def test_least_effort_is_less_effort():
    tasks = {weight: ReachBy(somewhere(9), deadline=40, effort=weight) for weight in (0.0, 1.0)}
    efforts = {weight: evaluate_task(an_agent(), WORLD, task, episodes=EPISODES, seed=100).agent for weight, task in tasks.items()}
    assert efforts[1.0].rate.value >= 7 / 8
    assert np.median(efforts[1.0].effort) < 0.7 * np.median(efforts[0.0].effort)


class Deluded(AbstractReadout):
    """Always reads that one has arrived."""

    name, unit, size = "position", "arena widths", 2
    fidelity = Fidelity(error=0.0, floor=0.3, untrained=0.3)

    def forward(self, belief):
        return torch.full((*belief.shape[:-1], 2), 0.5)


def test_what_was_true_is_the_judge_and_not_what_the_agent_reads():
    task = ReachValue("position", (0.5, 0.5))
    agent = an_agent(replace(true_knowledge(), readouts={"position": Deluded()}))
    found = evaluate_task(agent, WORLD, task, episodes=EPISODES, seed=100, steps=20)
    assert found.agent.rate.value < 0.3
    assert bool(task.done(task.advance(task.start(agent.knowledge, 1), agent.state.select(slice(0, 1)))) is not None)


def test_guardrails_of_a_task_are_judged_for_everybody_by_what_was_true():
    rule = Guardrail(
        name="middle",
        requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.12)),
        fallback=Brake(quantity="velocity", gain=8.0, steps=12),
    )
    world, far = PointMass(), {"position": np.array([[0.1, 0.5], [0.9, 0.5]]), "velocity": np.zeros((2, 2))}
    task = ReachValue("position", [(0.9, 0.5), (0.1, 0.5)]) + rule
    found = evaluate_task(an_agent(), world, task, starts=far, seed=100)
    assert found.breaches["scripted"]["middle"].rate.value == 1, "the straight way leads through the middle"
    assert found.breaches["agent"]["middle"].rate.value == 0
    assert found.breaches["zero"]["middle"].rate.value == 0
    assert found.fallback_share is not None
    assert found.to_json()["guardrails"]["scripted"]["middle"]["violations"] == 2
    unaware = evaluate_task(an_agent(), world, task.tasks[0], starts=far, seed=100, guardrails=(rule,))
    assert unaware.breaches["agent"]["middle"].rate.value == 1
    assert unaware.fallback_share is None


def test_the_same_seed_plays_the_same_and_its_result_is_json():
    first, again = (evaluate_task(an_agent(), WORLD, ASKED["value"], episodes=EPISODES, seed=3).to_json() for _ in range(2))
    for told in (first, again):
        told.pop("plan_cpu_seconds")
    assert first == again
    assert set(first["floors"]) == {"random", "zero", "scripted"}
    assert first["success_low"] <= first["success"] <= first["success_high"]


def test_an_episode_plays_alike_alone_and_in_company():
    starts, limits = draw_starts(WORLD, EPISODES, 0), np.full(EPISODES, 60)

    def played(rows):
        task = ReachValue("position", np.asarray(somewhere(0).value)[rows])
        some = {name: value[rows] for name, value in starts.items()}
        judge = lambda states: TaskJudge(WORLD, task, states)  # noqa: E731
        return play_task(WORLD, judge(some), some, limits[rows], ScriptedTaskContestant(judge))

    whole, alone = played(slice(None)), played(slice(4, 5))
    assert whole.steps[4] == alone.steps[0]
    assert whole.effort[4] == pytest.approx(alone.effort[0])


def test_a_task_with_its_own_time_is_given_no_more():
    found = evaluate_task(an_agent(), WORLD, ReachBy(ReachValue("position", (0.5, 0.5)), deadline=6), episodes=2, seed=100)
    assert set(found.limits) == {10}
    assert found.why[0] == "horizon 10: the deadline is 6 steps away"


def test_a_goal_that_was_seen_is_judged_by_where_that_was():
    state = {"position": np.array([[0.5, 0.5]]), "velocity": np.zeros((1, 2))}
    task = ReachGoal(WORLD.observe(state)[0], WORLD.truth(state)) + ReachValue("position", (0.5, 0.5))
    found = evaluate_task(an_agent(), WORLD, task, episodes=EPISODES, seed=100)
    assert found.agent.rate.value >= 7 / 8
    with pytest.raises(ConfigError, match="Nothing says when the goal"):
        evaluate_task(an_agent(), WORLD, ReachGoal(WORLD.observe(state)[0]), episodes=2, steps=5)


@pytest.mark.parametrize(
    ("task", "settings", "says", "kind"),
    [
        (Optimise("position"), {}, "Nothing says how many steps", ConfigError),
        (ReachValue("velocity", (0.3, 0.0)), {}, "no scripted expert can do this", ConfigError),
        (Prefer("calm"), {}, "no critic", UnknownNameError),
        (ReachValue("speed", 1), {}, "called 'speed'", UnknownNameError),
        (ReachValue("position", (0, 0)), {"steps": 0}, "0 steps", ConfigError),
        (ReachValue("position", (0, 0)), {"episodes": 0}, "0 episodes", ConfigError),
        (ReachValue("position", np.zeros((5, 2))), {"episodes": 3}, "5 values of position", SpaceError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_played_is_refused(task, settings, says, kind):
    with pytest.raises(kind, match=says):
        evaluate_task(an_agent(), WORLD, task, **{"episodes": 4, **settings})


def test_another_world_is_refused():
    with pytest.raises(SpaceError, match="this world has"):
        evaluate_task(an_agent(), TwoRooms(), ReachValue("position", (0, 0)))


def test_the_expert_is_sent_to_what_is_named_and_keeps_the_rest():
    states = {"position": np.zeros((2, 2)), "wall": np.array([0.5, 0.6])}
    goal = send(states, {"position": np.ones((2, 2)), "speed": np.zeros((2, 1))})
    assert goal["position"].tolist() == [[1, 1], [1, 1]]
    assert goal["wall"].tolist() == [0.5, 0.6]
    assert set(goal) == {"position", "wall"}


def test_ways_and_targets_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("value", "region", "all", "path", "two at once"):
        found = evaluate_task(an_agent(), WORLD, ASKED[name], episodes=EPISODES, seed=100, steps=3, num_paths=3)
        file = tmp_path / f"{name}.png"
        draw_task_paths(file, WORLD, ASKED[name], found.starts, found.paths, found.agent.success)
        assert file.stat().st_size > 4000
    assert len(found.paths) == 3
    assert len(found.paths[0]["position"]) == 4
    with pytest.raises(ConfigError, match=r"ends in \.png"):
        draw_task_paths(tmp_path / "ways.docx", WORLD, ASKED["value"], found.starts, found.paths, found.agent.success)
