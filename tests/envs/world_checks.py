"""What every world promises; `check_world` is for worlds of your own as much as for ours."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from telos.core.errors import UnknownNameError
from telos.core.spaces import DiscreteSpace
from telos.core.world import AbstractWorld, WorldState


def check_world(world: AbstractWorld, *, num: int = 16, steps: int = 12, seed: int = 0) -> None:
    """Raises AssertionError, in words, for the first promise of `AbstractWorld` that the world breaks.

    Args:
        world: The world.
        num: States in the batch.
        steps: Actions tried in a row.
        seed: Seed of states and actions.
    """
    state = world.sample(np.random.default_rng(seed), num)
    path, actions = roll(world, state, random_actions(world, np.random.default_rng(seed), steps, num))
    _check_shapes(world, path, num)
    _check_repeats(world, num, seed)
    _check_purity(world, state, actions[0])
    _check_rows(world, state, actions)
    _check_restoring(world, path, actions)
    _check_clipping(world, state)
    for kind in world.pair_kinds:
        _check_pairs(world, kind, num, seed)
    try:
        world.sample_pairs(np.random.default_rng(seed), 1, "no-such-kind")
    except UnknownNameError:
        return
    raise AssertionError("sample_pairs accepts a kind that is not among pair_kinds; call self.check_pair_kind(kind) first")


def roll(world: AbstractWorld, state: WorldState, actions: np.ndarray) -> tuple[list[WorldState], np.ndarray]:
    """The states on the way, the first included, and the actions `[steps batch action]`."""
    path = [state]
    for step in actions:
        path.append(world.advance(path[-1], step))
    return path, actions


def random_actions(world: AbstractWorld, rng: np.random.Generator, steps: int, num: int) -> np.ndarray:
    """Uniform actions `[steps batch action]`."""
    space = world.spaces.action
    if isinstance(space, DiscreteSpace):
        return rng.integers(space.num, size=(steps, num, 1))
    low, high = np.array(space.low or -1.0), np.array(space.high or 1.0)
    return rng.uniform(low, high, (steps, num, space.size))


def same(left: Any, right: Any) -> bool:
    """Whether two trees are equal bit for bit."""
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and np.array_equal(left, right)


def rows(tree: Any, index: Any) -> Any:
    """Rows of every array of a tree."""
    return {name: rows(part, index) for name, part in tree.items()} if isinstance(tree, Mapping) else tree[index]


def _check_shapes(world: AbstractWorld, path: list[WorldState], num: int) -> None:
    for state in path:
        assert all(len(part) == num for part in state.values()), "every array of a state has one row for each world"
        seen = world.observe(state)
        assert same(world.spaces.observation.check(seen, what="the observation"), seen), "observations come in the dtype of their space"
        assert world.spaces.observation.batch_shape(seen, what="the observation") == (num,), "one observation for each world"
    assert {name: part.dtype for name, part in path[0].items()} == {name: part.dtype for name, part in path[-1].items()}, "states keep their dtypes"


def _check_repeats(world: AbstractWorld, num: int, seed: int) -> None:
    first, again, other = (world.sample(np.random.default_rng(value), num) for value in (seed, seed, seed + 1))
    assert same(first, again), "one seed, one sample: take every number from `rng`"
    assert not same(first, other), "sample ignores its generator"


def _check_purity(world: AbstractWorld, state: WorldState, actions: np.ndarray) -> None:
    kept, kept_actions = copy.deepcopy(dict(state)), actions.copy()
    after = world.advance(state, actions)
    for part in after.values():
        assert not any(np.shares_memory(part, old) for old in state.values()), "advance returns arrays of its own"
    world.observe(state), world.expert(state, after), world.distance(state, after)
    assert same(kept, dict(state)), "a state was altered in place; methods of a world are pure functions"
    assert same(kept_actions, actions), "actions were altered in place"


def _check_rows(world: AbstractWorld, state: WorldState, actions: np.ndarray) -> None:
    path, _ = roll(world, state, actions)
    for index in (0, len(actions[0]) - 1):
        alone, _ = roll(world, rows(state, slice(index, index + 1)), actions[:, index : index + 1])
        for whole, one in zip(path, alone, strict=True):
            assert same(rows(whole, slice(index, index + 1)), dict(one)), "a row of a batch moves otherwise than the row alone"
            assert same(rows(world.observe(whole), slice(index, index + 1)), world.observe(one)), (
                "a row of a batch looks otherwise than the row alone"
            )


def _check_restoring(world: AbstractWorld, path: list[WorldState], actions: np.ndarray) -> None:
    middle = len(actions) // 2
    restored, _ = roll(world, copy.deepcopy(dict(path[middle])), actions[middle:])
    assert same(dict(restored[-1]), dict(path[-1])), "a restored state goes on otherwise: something is not part of the state"


def _check_clipping(world: AbstractWorld, state: WorldState) -> None:
    space = world.spaces.action
    if isinstance(space, DiscreteSpace) or space.high is None:
        return
    num = len(next(iter(state.values())))
    high = np.tile(np.array(space.high), (num, 1))
    assert same(dict(world.advance(state, high)), dict(world.advance(state, high + 5))), "actions beyond the action space are clipped to it"


def _check_pairs(world: AbstractWorld, kind: str, num: int, seed: int) -> None:
    starts, goals = world.sample_pairs(np.random.default_rng(seed), num, kind)
    again = world.sample_pairs(np.random.default_rng(seed), num, kind)
    assert all(same(dict(one), dict(two)) for one, two in zip((starts, goals), again, strict=True)), "one seed, one set of pairs"
    far = world.distance(starts, goals)
    assert far.shape == (num,), "distance gives one number for each world"
    assert (far > 0.05).all(), f"pairs of the kind '{kind}' are solved at the start"
    assert np.allclose(far, world.distance(goals, starts)), "there and back are equally far"
    assert (world.distance(goals, goals) == 0).all(), "a goal is no distance from itself"
    for pushed in (world.expert(starts, goals), world.expert(goals, goals)):
        world.spaces.action.check(pushed, what="the expert's action")
        assert world.spaces.action.batch_shape(pushed, what="the expert's action") == (num,), "one action for each world"
