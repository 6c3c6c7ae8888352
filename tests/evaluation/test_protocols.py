import numpy as np
import pytest
from plane import Plane

from telos.core import config
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.world import Rules
from telos.data import HeldRandomActions, collect
from telos.envs import Maze, PointMass, TwoRooms, WorldVectorEnv
from telos.evaluation import Protocol, draw_pairs, make_protocol
from telos.evaluation.closed_loop import expert_steps
from telos.evaluation.protocols import FRESH, HELD_OUT, SAMPLED


def draw(world, protocol, logs=None):
    return draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, protocol, starts, goals), logs)


def same(left, right) -> bool:
    return all(np.array_equal(left[name], right[name]) for name in left)


def make(world, name=None, *, episodes=20, offset=None, seed=0) -> Protocol:
    return make_protocol(world, name, episodes=episodes, offset=offset, seed=seed)


WORLDS = [(Plane(), None, None), (TwoRooms(size=16), None, None), (TwoRooms(size=16, layout="random"), "anywhere", None), (PointMass(), None, 8)]


@pytest.mark.parametrize(("world", "name", "offset"), WORLDS, ids=str)
def test_equal_hashes_mean_equal_episodes_and_another_seed_other_ones(world, name, offset):
    first, again, other = (make(world, name, offset=offset, seed=seed) for seed in (4, 4, 5))
    about = config.to_json(world)
    assert first.hash(about) == again.hash(about) != other.hash(about)
    ours, theirs, others = (draw(world, protocol) for protocol in (first, again, other))
    assert same(ours.starts, theirs.starts) and same(ours.goals, theirs.goals) and np.array_equal(ours.limits, theirs.limits)
    assert not same(ours.starts, others.starts)


def test_the_hash_tells_every_rule_the_world_and_the_logs():
    rules = {"name": "anywhere", "episodes": 10, "seed": 0}
    others = [{"episodes": 11}, {"seed": 1}, {"radius": 0.1}, {"hold": 4}, {"patience": 2.0}, {"name": "offset", "offset": 25}]
    others += [{"success": "latent"}, {"unit": "metres"}, {"at_end": True}, {"steps": 30}]
    hashes = [Protocol(**{**rules, **other}).hash({"size": 16}) for other in ({}, *others)]
    hashes += [Protocol(**rules).hash({"size": 32}), Protocol(**rules).hash({"size": 16}, "some logs")]
    assert len(set(hashes)) == len(hashes)


def test_the_hash_is_the_same_on_every_machine_and_every_day():
    assert Protocol(name="anywhere").hash({"size": 16}) == "1e6968ee4a8b6685"


@pytest.mark.parametrize(("world", "name", "offset"), WORLDS, ids=str)
def test_starts_that_are_solved_already_are_left_out_and_replaced(world, name, offset):
    protocol = make(world, name, episodes=60, offset=offset)
    pairs = draw(world, protocol)
    assert len(pairs) == len(pairs.limits) == 60
    assert (world.distance(pairs.starts, pairs.goals) > protocol.radius).all()


def test_the_plane_does_draw_solved_starts():
    """Or else the test above could not fail."""
    starts, goals = Plane().sample_pairs(np.random.default_rng(0), 2000, "anywhere")
    assert (Plane().distance(starts, goals) < 0.05).any()


def test_offsets_are_cut_from_held_out_episodes_that_are_long_enough(walks):
    protocol = make(Plane(), offset=12)
    pairs = draw(Plane(), protocol, walks)
    assert pairs.source == HELD_OUT
    episodes = np.stack([walks.info("position", index) for index in range(walks.num_episodes)])
    for start, goal in zip(pairs.starts["position"], pairs.goals["position"], strict=True):
        ((episode,), (time,)) = np.nonzero((episodes == start).all(-1))
        assert np.array_equal(episodes[episode, time + 12], goal)


def test_longer_offsets_come_from_fresh_wandering_and_other_goals_from_the_world(walks):
    assert draw(Plane(), make(Plane(), offset=31), walks).source == FRESH
    assert draw(Plane(), make(Plane(), offset=12)).source == FRESH
    assert draw(Plane(), make(Plane()), walks).source == SAMPLED


@pytest.mark.parametrize("offset", [1, 30])
def test_offsets_as_short_as_a_step_and_as_long_as_an_episode_are_possible(walks, offset):
    """One step is 0.14 at most; most are long enough to leave the radius."""
    assert draw(Plane(), make(Plane(), offset=offset), walks).source == HELD_OUT


def test_the_time_allowed_is_a_multiple_of_the_experts_steps():
    pairs = draw(Plane(), make(Plane()))
    ahead = np.abs(pairs.goals["position"] - pairs.starts["position"])
    protocol = Protocol(name="anywhere", episodes=20, patience=2.5)
    steps = expert_steps(Plane(), protocol, pairs.starts, pairs.goals)
    # It is there after so many full strides, or one less if the last one is short; then it holds for four more steps.
    assert (np.abs(steps - (np.ceil(ahead.max(axis=1) / 0.1) + 4)) <= 1).all()
    assert np.array_equal(draw(Plane(), protocol).limits, np.ceil(2.5 * steps))


def test_the_default_is_the_worlds_first_kind_of_goal():
    assert make(TwoRooms()).name == "across-rooms"
    assert make(TwoRooms(), offset=50) == Protocol(name="offset", episodes=20, offset=50)
    assert make(TwoRooms(), "offset").offset == 25


class Ruled(Plane):
    """A plane with rules of its own."""

    rules = Rules(radius=0.2, unit="strides", hold=3, at_end=True, steps=70)
    has_expert = False


def test_the_worlds_rules_count_unless_others_are_asked_for():
    protocol = make(Ruled())
    assert (protocol.radius, protocol.unit, protocol.hold, protocol.at_end, protocol.steps) == (0.2, "strides", 3, True, 70)
    assert set(draw(Ruled(), protocol).limits) == {70}
    other = make_protocol(Ruled(), None, episodes=20, offset=None, seed=0, radius=0.3, steps=9)
    assert (other.radius, other.steps, other.at_end) == (0.3, 9, True)
    assert set(draw(Ruled(), other).limits) == {9}


def test_the_end_of_a_fixed_time_is_no_rule_for_goals_seen_a_few_steps_later(walks):
    protocol = make(Ruled(), offset=12)
    assert (protocol.radius, protocol.at_end, protocol.steps) == (0.2, False, None)
    assert set(draw(Ruled(), protocol, walks).limits) == {36}
    assert set(draw(Ruled(), make_protocol(Ruled(), None, episodes=20, offset=12, seed=0, steps=8), walks).limits) == {8}


def test_where_nothing_says_how_long_it_may_take_nobody_plays():
    class Silent(Ruled):
        rules = Rules()

    with pytest.raises(ConfigError, match="--steps"):
        draw(Silent(), make(Silent()))


def test_whoever_judges_also_tells_which_starts_are_solved_already():
    protocol = make(Plane())

    def reached(states, goals):
        return states["position"][:, 0] > 0.5

    pairs = draw_pairs(Plane(), protocol, lambda starts, goals: np.full(20, 5), reached=reached)
    assert (pairs.starts["position"][:, 0] <= 0.5).all()


def test_a_protocol_nobody_knows_is_answered_with_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean 'across-rooms'"):
        make(TwoRooms(), "across-room")
    with pytest.raises(UnknownNameError, match="offset"):
        make(Maze(), "across-rooms")


@pytest.mark.parametrize(
    "wrong",
    [{"episodes": 0}, {"episodes": -5}, {"offset": 0}, {"offset": -1}, {"name": "anywhere", "offset": 25}],
    ids=str,
)
def test_protocols_that_cannot_be_played_are_refused(wrong):
    with pytest.raises(ConfigError):
        make(TwoRooms(), **wrong)


def test_goals_that_are_all_reached_at_once_are_refused():
    protocol = Protocol(name="anywhere", episodes=5, radius=2.0)
    with pytest.raises(ConfigError, match="0 of 5 starts are not solved"):
        draw(Plane(), protocol)


def test_the_expert_finds_its_way_between_states_that_were_cut_from_logs(tmp_path):
    world = Maze(layout="random", cells=7, size=16)
    env = WorldVectorEnv(world, 8, max_steps=60)
    logs = collect(env, HeldRandomActions(), tmp_path / "maze", episodes=16, steps=60, seed=0, spaces=world.spaces)
    pairs = draw(world, make(world, offset=25, episodes=40), logs)
    assert pairs.source == HELD_OUT
    assert {name: value.dtype for name, value in pairs.starts.items()} == {
        name: value.dtype for name, value in world.sample(np.random.default_rng(0), 1).items()
    }
    assert (pairs.limits < 3 * 100).all()
