"""Promises of exploring."""

import json

import numpy as np
import pytest
from tiny_runs import DISCRETE, collect_logs, tiny, walk_logs
from walker import MazeWalker

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.loop import AgentSettings
from telos.core.errors import ConfigError, GuardrailError, RunError, SpaceError
from telos.core.spaces import Spaces, VectorSpace
from telos.data import Episodes, HeldRandomActions, collect
from telos.envs import Maze, PointMass, make_vector_env
from telos.recipes.experiment import train
from telos.teaching.exploration import Explore, Places
from telos.teaching.exploration.explorer import Explorer
from telos.testing import check_behaviour


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    return train(collect_logs(folder / "logs"), folder / "run", recipe=tiny).path


def cells_seen(world: Maze, act, num: int, steps: int, times: int = 3) -> int:
    """Cells of the maze that are seen in episodes side by side, begun anew so many times."""
    rng, seen = np.random.default_rng(0), set()
    for _ in range(times):
        state = world.sample(rng, num)
        for step in range(steps):
            seen |= set(map(tuple, np.floor(state["position"] * world.side).astype(int)))
            state = world.advance(state, act(state["position"].astype(np.float32), {}, np.full(num, step == 0)))
    return len(seen)


def test_an_explorer_sees_half_as_much_again_as_a_wanderer():
    world, num, steps = Maze(start=(1, 1)), 8, 80
    space = world.spaces.action
    random = cells_seen(world, HeldRandomActions().start(space, num, np.random.default_rng(0)), num, steps)
    settings = AgentSettings(planner=MPPI(horizon=8, num_candidates=32, num_iterations=2), cost=LeastDistance() + 0.3 * RunningMinimum())
    model = MazeWalker(world)
    habits = Explore(run="")
    explorer = Explorer(model, settings, Places(size=2, reach=0.05), habits, space=space, num=num, rng=np.random.default_rng(0))
    assert cells_seen(world, explorer, num, steps) >= 1.5 * random


def test_it_keeps_the_promises_of_a_behaviour(run):
    check_behaviour(Explore(run=str(run)), PointMass(), num=4, steps=12)


def test_choices_and_vectors_are_explored_too(tmp_path):
    logs = walk_logs(tmp_path / "logs", DISCRETE)
    run = train(logs, tmp_path / "run", recipe=tiny).path
    act = Explore(run=str(run), patience=2).start(DISCRETE.action, 3, np.random.default_rng(0))
    seen = Episodes.open(logs).episode(0).observations
    for step in range(8):
        actions = act(np.repeat(seen[step : step + 1], 3, axis=0), {}, np.full(3, step == 0))
        assert actions.shape == (3, 1) and actions.dtype == np.int64
        assert (actions >= 0).all() and (actions < DISCRETE.action.num).all()


def test_the_same_seed_explores_the_same(run, tmp_path):
    prints = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        env = make_vector_env("point-mass", 4, max_steps=10)
        store = collect(env, Explore(run=str(run)), tmp_path / name, episodes=6, steps=10, seed=seed, spaces=env.world.spaces)
        prints.append(store.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_logs_tell_who_explored(run, tmp_path):
    env = make_vector_env("point-mass", 2, max_steps=5)
    store = collect(env, Explore(run=str(run)), tmp_path / "logs", episodes=2, steps=5, seed=0, spaces=env.world.spaces)
    told = json.loads(json.dumps(store.behaviour))
    assert told["policy"] == "explore"
    assert told["run"] == str(run)
    assert len(told["weights"]) == 32


def test_another_world_is_refused(run):
    with pytest.raises(SpaceError, match="knows"):
        Explore(run=str(run)).start(DISCRETE.action, 2, np.random.default_rng(0))
    with pytest.raises(SpaceError, match="knows"):
        Explore(run=str(run)).check(Spaces(VectorSpace(9), VectorSpace(2, (-1, -1), (1, 1))))


def test_a_run_whose_logs_are_gone_is_refused(tmp_path):
    run = train(collect_logs(tmp_path / "logs"), tmp_path / "run", recipe=tiny).path
    (tmp_path / "logs").rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="are gone"):
        Explore(run=str(run)).check(PointMass().spaces)


def test_a_run_with_guardrails_does_not_act_at_random(tmp_path):
    run = train(collect_logs(tmp_path / "logs"), tmp_path / "run", recipe=tiny).path
    (run / "guardrails.json").write_text("[]")
    with pytest.raises(GuardrailError, match="random"):
        Explore(run=str(run)).check(PointMass().spaces)


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"way_steps": 0}, {"curiosity": 1.5}, {"rarity": -1.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="xplorer"):
        Explore(run="run", **wrong)


def test_plans_that_are_shorter_than_what_is_carried_out_are_refused(run):
    with pytest.raises(ConfigError, match="9 steps"):
        Explore(run=str(run), replan_every=9).start(PointMass().spaces.action, 2, np.random.default_rng(0))
