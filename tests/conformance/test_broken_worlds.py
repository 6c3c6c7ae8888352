"""The checks of worlds, environments, behaviours and tasks find what is wrong, and say it."""

from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest

from telos.agent.tasks import ReachGoal
from telos.data import RandomActions
from telos.envs import PointMass, WorldEnv
from telos.testing import ConformanceError, TruePointMass, check_behaviour, check_env, check_task, check_world

CLOCK = [0.0]


@dataclass(frozen=True, kw_only=True)
class MovesInPlace(PointMass):
    def advance(self, state, actions):
        state["position"][:] = super().advance(state, actions)["position"]
        return {name: part.copy() for name, part in state.items()}


@dataclass(frozen=True, kw_only=True)
class HandsOutItsState(PointMass):
    def advance(self, state, actions):
        return {**super().advance(state, actions), "velocity": state["velocity"]}


@dataclass(frozen=True, kw_only=True)
class HasWind(PointMass):
    def advance(self, state, actions):
        CLOCK[0] += 0.01
        return super().advance(state, actions + np.sin(CLOCK[0]))


@dataclass(frozen=True, kw_only=True)
class BringsItsOwnChance(PointMass):
    def sample(self, rng, num):
        return super().sample(np.random.default_rng(), num)


@dataclass(frozen=True, kw_only=True)
class NeverVaries(PointMass):
    def sample(self, rng, num):
        return super().sample(np.random.default_rng(0), num)


@dataclass(frozen=True, kw_only=True)
class CrowdsTogether(PointMass):
    def advance(self, state, actions):
        after = super().advance(state, actions)
        return {**after, "position": after["position"] * 0.9 + 0.1 * after["position"].mean(0)}


@dataclass(frozen=True, kw_only=True)
class ObeysEveryPush(PointMass):
    def advance(self, state, actions):
        after = super().advance(state, actions)
        return {**after, "velocity": state["velocity"] + actions}


@dataclass(frozen=True, kw_only=True)
class SeesDouble(PointMass):
    def observe(self, state):
        return super().observe(state).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class IsThereAlready(PointMass):
    def sample_pairs(self, rng, num, kind):
        start, _ = super().sample_pairs(rng, num, kind)
        return start, {name: part.copy() for name, part in start.items()}


@dataclass(frozen=True, kw_only=True)
class TakesAnyKind(PointMass):
    def check_pair_kind(self, kind):
        pass


@dataclass(frozen=True, kw_only=True)
class HasAWildExpert(PointMass):
    def expert(self, state, goal):
        return super().expert(state, goal) * np.nan


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (MovesInPlace, "altered in place"),
        (HandsOutItsState, "arrays of its own"),
        (HasWind, "like the row alone"),
        (BringsItsOwnChance, "one seed gives one sample"),
        (NeverVaries, "another seed gives another sample"),
        (CrowdsTogether, "moves like the row alone"),
        (ObeysEveryPush, "clipped"),
        (SeesDouble, "dtype of their space"),
        (IsThereAlready, "not solved at the start"),
        (TakesAnyKind, "check_pair_kind"),
        (HasAWildExpert, "expert's action fits its space"),
    ],
)
def test_a_broken_world_is_told_which_promise_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_world(kind())


class Counter(gymnasium.Env):
    """Counts up by what it is told; a well-behaved environment to break."""

    observation_space = gymnasium.spaces.Box(-100, 100, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = self.np_random.uniform(-1, 1, 1).astype(np.float32)
        return self.count.copy(), {}

    def step(self, action):
        self.count = self.count + np.float32(action)
        return self.count.copy(), 0.0, False, False, {}


class WritesIntoItsFrames(Counter):
    def reset(self, *, seed=None, options=None):
        self.frames = [np.zeros(1, np.float32) for _ in range(3)]
        return super().reset(seed=seed)

    def step(self, action):
        super().step(action)
        self.frames.append(self.frames.pop(0))
        self.frames[-1][:] = self.count
        return self.frames[-1], 0.0, False, False, {}


class GoesAstray(Counter):
    def step(self, action):
        if self.count > 5:
            self.count = self.count + np.random.default_rng().random(1, np.float32)
        return super().step(action)


class IsNoNumber(Counter):
    def step(self, action):
        seen, *rest = super().step(action)
        return (np.full_like(seen, np.nan) if self.count > 5 else seen), *rest


class SaysNothing(Counter):
    def step(self, action):
        return super().step(action)[:4]


class HasATuple(Counter):
    action_space = gymnasium.spaces.MultiDiscrete([2])

    def step(self, action):
        return super().step(action[0])


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (WritesIntoItsFrames, "stays as it was"),
        (GoesAstray, "one seed and the same actions"),
        (IsNoNumber, "observation fits its space"),
        (SaysNothing, "gymnasium.utils.env_checker"),
        (HasATuple, "a box or choices"),
    ],
)
def test_a_broken_environment_is_told_which_promise_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_env(kind())


def test_a_plain_environment_passes():
    check_env(Counter())
    check_env(WorldEnv(PointMass()))


@dataclass(frozen=True, kw_only=True)
class Overreaches(RandomActions):
    def start(self, space, num, rng):
        act = super().start(space, num, rng)
        return lambda *seen: act(*seen) * 1.5


@dataclass(frozen=True, kw_only=True)
class ReusesItsBuffer(RandomActions):
    def start(self, space, num, rng):
        act, buffer = super().start(space, num, rng), np.zeros((num, *space.shape), space.dtype)

        def act_again(*seen):
            buffer[:] = act(*seen)
            return buffer

        return act_again


@dataclass(frozen=True, kw_only=True)
class BringsDice(RandomActions):
    def start(self, space, num, rng):
        return super().start(space, num, np.random.default_rng())


@dataclass(frozen=True, kw_only=True)
class TakesNotes(RandomActions):
    def start(self, space, num, rng):
        act = super().start(space, num, rng)

        def act_and_mark(seen, state, started):
            started[:] = False
            return act(seen, state, started)

        return act_and_mark


@pytest.mark.parametrize(
    ("kind", "says"),
    [(Overreaches, "within bounds"), (ReusesItsBuffer, "return copies"), (BringsDice, "one seed"), (TakesNotes, "altered in place")],
)
def test_a_broken_behaviour_is_told_which_promise_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_behaviour(kind())


@dataclass(frozen=True)
class ForOneOnly(ReachGoal):
    def start(self, world_model, num_rows):
        return super().start(world_model, 1)


@dataclass(frozen=True)
class KeepsAList(ReachGoal):
    def problem(self, state, progress):
        return super().problem(state, progress[0])

    def start(self, world_model, num_rows):
        return [super().start(world_model, num_rows)]


@dataclass(frozen=True)
class GrowsTired(ReachGoal):
    def advance(self, progress, state):
        progress.latent.mul_(0.5)
        return progress


@pytest.mark.parametrize(("kind", "says"), [(ForOneOnly, "every row"), (KeepsAList, "rows can be dropped"), (GrowsTired, "altered in place")])
def test_a_broken_task_is_told_which_promise_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_task(kind(np.full(4, 0.5, np.float32)), TruePointMass())
