from dataclasses import dataclass

import numpy as np
import pytest
from plane import Adds, Plane, agent_of

from telos.core.errors import ConfigError
from telos.core.spaces import Tree
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation import evaluate, make_protocol
from telos.evaluation.shifts import AbstractShift, Noise, measure_shifts


@dataclass(frozen=True, kw_only=True)
class Moved(AbstractShift):
    """Everything is seen elsewhere: harmless as long as the goal is too."""

    by: float = 0.0

    @property
    def label(self) -> str:
        return f"seen {self.by:g} to the right"

    def misfit(self, world: AbstractWorld) -> str:
        return ""

    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        return (world.observe(state) + np.float32(self.by)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Dark(Moved):
    """Nothing is seen at all."""

    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        return np.zeros_like(world.observe(state))


AGENT = agent_of(Adds(gain=1.0))


@pytest.fixture(scope="module")
def plain():
    return evaluate(AGENT, Plane(), make_protocol(Plane(), None, episodes=12, offset=None, seed=0))


def test_a_look_that_changes_nothing_plays_every_episode_as_it_was(plain):
    report = measure_shifts(AGENT, Plane(), plain, [Moved()])
    ((_, outcome),) = report.outcomes
    np.testing.assert_array_equal(outcome.success, plain.agent.success)
    np.testing.assert_array_equal(outcome.steps, plain.agent.steps)


def test_looks_are_independent_of_one_another(plain):
    shifts = [Dark(), Moved(by=0.3)]
    together = measure_shifts(AGENT, Plane(), plain, shifts).outcomes
    for (_, outcome), shift in zip(together, shifts, strict=True):
        ((_, alone),) = measure_shifts(AGENT, Plane(), plain, [shift]).outcomes
        np.testing.assert_array_equal(outcome.steps, alone.steps)


def test_the_judge_sees_the_world_as_it_is(plain):
    rows = measure_shifts(AGENT, Plane(), plain, [Dark(), Moved(by=0.4)]).to_json()["rows"]
    assert rows[0]["success"] < 0.2, "an agent that sees nothing may believe that it is there"
    assert rows[1]["success"] == plain.agent.rate.value, "what is moved along with its goal is no harder"


def test_a_goal_in_the_look_that_was_learned_asks_for_more(plain):
    same, other = (measure_shifts(AGENT, Plane(), plain, [Moved(by=0.4)], goals=goals).to_json() for goals in ("shifted", "as-learned"))
    assert same["rows"][0]["success"] > 0.9 > 0.2 > other["rows"][0]["success"]
    assert (same["goals"], other["goals"]) == ("shifted", "as-learned")


def test_differences_are_paired_and_have_intervals(plain):
    (row,) = measure_shifts(AGENT, Plane(), plain, [Dark()]).to_json()["rows"]
    assert row["difference"] == pytest.approx(row["success"] - plain.agent.rate.value)
    assert -1 <= row["difference_low"] <= row["difference"] < row["difference_high"] < 0


def test_shifts_that_do_not_fit_are_left_out_with_a_reason_and_none_at_all_is_refused(plain):
    report = measure_shifts(AGENT, Plane(), plain, [Noise(), Moved()]).to_json()
    assert report["left_out"] == [{"label": "noise of 6 %", "why": "nothing is seen in pictures"}] and len(report["rows"]) == 1
    with pytest.raises(ConfigError, match="None of these shifts fits Plane: nothing is seen in pictures"):
        measure_shifts(AGENT, Plane(), plain, [Noise()])


def test_progress_runs_from_its_beginning_to_its_end(plain):
    seen = []
    measure_shifts(AGENT, Plane(), plain, [Moved(), Dark()], progress=lambda stage, done, total: seen.append((stage, done / total)))
    shares = [share for _, share in seen]
    assert {stage for stage, _ in seen} == {"shifts"} and shares == sorted(shares) and shares[-1] == 1
