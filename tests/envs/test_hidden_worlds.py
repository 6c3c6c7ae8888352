"""Promises of worlds that hide something: blank frames, a view of the surroundings, a bar in the way, a locked door."""

import numpy as np
import pytest

from telos import envs
from telos.core.errors import ConfigError, UnknownNameError
from telos.data import Episodes
from telos.envs import Flicker, LocalView, LockedDoors, Maze, Occluder, PointMass, TwoRooms
from tests.tiny_runs import collect_logs


def blanks(probability: float, num: int = 400, steps: int = 40) -> np.ndarray:
    world = Flicker(probability=probability)
    state = world.sample(np.random.default_rng(0), num)
    found = []
    for _ in range(steps):
        found.append(state["blank"])
        state = world.advance(state, np.zeros((num, 2)))
    return np.array(found)


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
def test_as_many_frames_are_blank_as_was_asked(probability):
    found = blanks(probability)
    assert found.mean() == pytest.approx(probability, abs=4 * np.sqrt(probability * (1 - probability) / found.size) + 1e-12)


def test_whether_a_frame_is_blank_says_nothing_of_the_next_one_nor_of_another_episode():
    found = blanks(0.5).astype(float)
    for left, right in ((found[:-1], found[1:]), (found[:-2], found[2:]), (found[:, :-1], found[:, 1:])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.03


def test_a_blank_frame_is_blank_and_another_is_as_always():
    world = Flicker()
    state = world.sample(np.random.default_rng(0), 40)
    seen = world.observe(state)
    assert (seen[state["blank"]] == 0).all()
    assert np.array_equal(seen[~state["blank"]], world.world.observe(state)[~state["blank"]])


@pytest.mark.parametrize("world", [Flicker(), Occluder(speed=0.0), Occluder()], ids=["flicker", "standing", "wandering"])
def test_a_goal_is_seen_whole(world):
    _, goals = world.sample_pairs(np.random.default_rng(0), 30, "anywhere")
    assert np.array_equal(world.observe(goals), world.world.observe(goals))


def test_worlds_around_the_same_world_begin_in_the_same_places():
    for world in (Flicker(world=Maze()), LocalView(world=Maze()), Occluder(world=Maze())):
        for ours, theirs in zip(world.sample_pairs(np.random.default_rng(3), 9, "near"), Maze().sample_pairs(np.random.default_rng(3), 9, "near")):
            assert np.array_equal(ours["position"], theirs["position"])


def test_a_local_view_is_cut_out_of_the_maze_and_shows_the_disc_in_its_middle_cell():
    world = LocalView(view=3, cell_size=8)
    state = world.sample(np.random.default_rng(0), 60)
    seen = world.observe(state)
    red = (np.abs(seen.astype(int) - np.array(world.world.agent_colour)).sum(-1) < 90).astype(float)
    assert (red.sum((1, 2)) > 0).all()
    where = np.stack([(red * np.arange(24)[None, :, None]).sum((1, 2)), (red * np.arange(24)).sum((1, 2))]) / red.sum((1, 2))
    assert ((where > 8) & (where < 16)).all()


def test_places_that_look_alike_cannot_be_told_apart():
    world = LocalView(world=Maze(map="zigzag-6"))
    grid = world.sample(np.random.default_rng(0), 1)["grid"].repeat(2, 0)
    state = {"position": np.array([[5.5, 1.5], [6.5, 1.5]]) / world.world.side, "grid": grid}
    one, other = world.observe(state)
    assert np.array_equal(one, other)
    assert not np.array_equal(*world.world.observe(state))


def test_a_bar_wanders_or_stands_and_hides_what_is_behind_it():
    world = Occluder(width=0.3, speed=0.1)
    state = {**world.sample(np.random.default_rng(0), 1), "bar": np.array([0.5])}
    seen = world.observe(state)[0]
    assert (seen[:, 12:20] == np.array(world.bar_colour)).all()
    assert world.advance(state, np.zeros((1, 2)))["bar"] == pytest.approx(0.6)
    assert Occluder(speed=0.0).advance(state, np.zeros((1, 2)))["bar"] == pytest.approx(0.5)


@pytest.mark.parametrize("locked", [0, 1])
def test_only_the_locked_door_stops_the_disc_and_looks_like_the_other(locked):
    world = LockedDoors()
    state = {"position": np.array([[0.40, place] for place in world.door_places]), "locked": np.full(2, locked)}
    right = np.tile([world.max_step, 0.0], (2, 1))
    assert np.array_equal(world.pushes(state, right), np.arange(2) == locked)
    for _ in range(6):
        state = world.advance(state, right)
    assert np.array_equal(state["position"][:, 0] < 0.5, np.arange(2) == locked)
    assert np.array_equal(world.observe(state), world.observe({**state, "locked": np.full(2, 1 - locked)}))


@pytest.mark.parametrize("doors", [2, 3])
def test_the_expert_who_knows_the_doors_arrives_and_never_pushes_in_vain(doors):
    world = LockedDoors(doors=doors)
    states, goals = world.sample_pairs(np.random.default_rng(1), 80, "across-rooms")
    for _ in range(60):
        actions = world.expert(states, goals)
        assert not world.pushes(states, actions).any()
        states = world.advance(states, actions)
    assert (world.distance(states, goals) < 0.01).all()


def test_where_no_door_is_locked_nothing_pushes_in_vain():
    world, rng = LockedDoors(locked="none"), np.random.default_rng(0)
    state = world.sample(rng, 100)
    for _ in range(20):
        actions = rng.uniform(-0.08, 0.08, (100, 2))
        assert not world.pushes(state, actions).any()
        state = world.advance(state, actions)


def test_a_world_around_another_one_is_made_from_names_and_flat_arguments():
    args = envs.parse_args("flicker", ["world=maze", "map=u-maze", "probability=0.25", "max_step=0.25"])
    assert args == {"world": "maze", "map": "u-maze", "probability": 0.25, "max_step": 0.25}
    assert envs.make_world("flicker", **args) == Flicker(world=Maze(map="u-maze", max_step=0.25), probability=0.25)
    assert envs.make_world("local-view", map="u-maze", action_repeat=2) == LocalView(world=Maze(map="u-maze", action_repeat=2))
    assert envs.make_world("occluder") == Occluder(world=TwoRooms())


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("flicker", {"world": "flicker"}, "inside"),
        ("flicker", {"map": "u-maze"}, "map"),
        ("local-view", {"world": "two-rooms"}, "maze"),
        ("local-view", {"view": 4}, "view"),
        ("flicker", {"probability": 1.5}, "probability"),
        ("occluder", {"width": 0}, "width"),
        ("locked-doors", {"doors": 1}, "doors"),
        ("locked-doors", {"locked": "two"}, "locked"),
    ],
)
def test_what_cannot_be_is_refused(name, args, says):
    with pytest.raises(ConfigError, match=says):
        envs.make_world(name, **args)


def test_an_unknown_world_inside_is_named():
    with pytest.raises(UnknownNameError, match="no-such-world"):
        envs.make_world("flicker", world="no-such-world")


def test_a_wrapped_world_repeats_no_actions_itself():
    for kind in (Flicker, LocalView, Occluder):
        with pytest.raises(ConfigError, match="repeats no actions"):
            kind(action_repeat=2)
    assert PointMass().spaces.observation.describe()


@pytest.mark.parametrize("name", ["flicker", "occluder", "local-view", "locked-doors"])
def test_a_state_comes_back_from_a_store_as_it_was(tmp_path, name):
    logs = Episodes.open(collect_logs(tmp_path / "logs", name, episodes=2, steps=6))
    world = envs.make_world(name)
    for time in (0, 4):
        truth = {part: logs.info(part, 1)[time : time + 1] for part in logs.info_names}
        state = world.recall(truth, logs.episode(1).actions[:time])
        assert np.array_equal(world.observe(state)[0], logs.episode(1).observations[time])
        usual = world.sample(np.random.default_rng(0), 1)
        assert {part: value.dtype for part, value in state.items()} == {part: value.dtype for part, value in usual.items()}
