"""What every world promises."""

import copy

import numpy as np

from telos.core.errors import UnknownNameError
from telos.core.spaces import DiscreteSpace
from telos.core.world import AbstractWorld, WorldState
from telos.testing.examples import example_actions
from telos.testing.promises import Promises, check_value
from telos.testing.trees import near, rows, same


def check_world(world: AbstractWorld, *, num: int = 16, steps: int = 12, seed: int = 0) -> None:
    """The promises of `AbstractWorld`: pure functions over a batch, one seed one sample, bounds, pairs, the expert.

    Args:
        world: The world.
        num: States in the batch.
        steps: Actions tried in a row.
        seed: Seed of states and actions.

    Raises:
        ConformanceError: for the first promise that the world breaks.
    """
    promises = Promises.of(world)
    check_value(world)
    state = world.sample(np.random.default_rng(seed), num)
    actions = example_actions(world.spaces.action, np.random.default_rng(seed), steps, num)
    path = roll(world, state, actions)
    _check_shapes(promises, world, path, num)
    _check_repeats(promises, world, num, seed)
    _check_purity(promises, world, state, actions[0])
    _check_rows(promises, world, state, actions)
    _check_restoring(promises, world, path, actions)
    _check_clipping(promises, world, state)
    for kind in world.pair_kinds:
        _check_pairs(promises, world, kind, num, seed)
    try:
        world.sample_pairs(np.random.default_rng(seed), 1, "no-such-kind")
    except UnknownNameError:
        return
    raise promises.broken("sample_pairs refuses a kind that is not among pair_kinds; call self.check_pair_kind(kind) first")


def roll(world: AbstractWorld, state: WorldState, actions: np.ndarray) -> list[WorldState]:
    """The states on the way of `actions [steps batch action]`, the first included."""
    path = [state]
    for step in actions:
        path.append(world.advance(path[-1], step))
    return path


def _check_shapes(promises: Promises, world: AbstractWorld, path: list[WorldState], num: int) -> None:
    space = world.spaces.observation
    for state in path:
        shapes = {name: part.shape for name, part in state.items()}
        promises(all(shape[:1] == (num,) for shape in shapes.values()), "every array of a state has one row for each world", shapes)
        seen = world.observe(state)
        promises(same(promises.fits(space, seen, "The observation"), seen), "observations come in the dtype of their space")
        lead = space.batch_shape(seen, what="The observation")
        promises(lead == (num,), "there is one observation for each world", f"batch axes {lead} for {num} worlds")
    first, last = ({name: part.dtype for name, part in state.items()} for state in (path[0], path[-1]))
    promises(first == last, "states keep their parts and dtypes", f"{first} became {last}")


def _check_repeats(promises: Promises, world: AbstractWorld, num: int, seed: int) -> None:
    first, again, other = (world.sample(np.random.default_rng(value), num) for value in (seed, seed, seed + 1))
    promises(same(first, again), "one seed gives one sample; take every number from `rng`")
    promises(not same(first, other), "another seed gives another sample; take the numbers from `rng`")


def _check_purity(promises: Promises, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> None:
    kept, kept_actions = copy.deepcopy(dict(state)), actions.copy()
    after = world.advance(state, actions)
    shared = [name for name, part in after.items() if any(np.shares_memory(part, old) for old in state.values())]
    promises(not shared, "advance returns arrays of its own", f"{shared} share memory with the state before")
    world.observe(state), world.distance(state, after), world.over(state), world.idle(state), world.truth(state)
    if world.has_expert:
        world.expert(state, after)
    promises(same(kept, dict(state)), "no state is altered in place; methods of a world are pure functions")
    promises(same(kept_actions, actions), "actions are not altered in place")


def _check_rows(promises: Promises, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> None:
    path = roll(world, state, actions)
    for index in (0, len(actions[0]) - 1):
        row = slice(index, index + 1)
        for whole, alone in zip(path, roll(world, rows(state, row), actions[:, row]), strict=True):
            promises(same(rows(whole, row), dict(alone)), "a row of a batch moves like the row alone", f"row {index} does not")
            promises(
                same(rows(world.observe(whole), row), world.observe(alone)), "a row of a batch looks like the row alone", f"row {index} does not"
            )


def _check_restoring(promises: Promises, world: AbstractWorld, path: list[WorldState], actions: np.ndarray) -> None:
    middle = len(actions) // 2
    restored = roll(world, copy.deepcopy(dict(path[middle])), actions[middle:])
    promises(same(dict(restored[-1]), dict(path[-1])), "a restored state goes on as before", "something that matters is not part of the state")


def _check_clipping(promises: Promises, world: AbstractWorld, state: WorldState) -> None:
    space = world.spaces.action
    if isinstance(space, DiscreteSpace) or not space.bounded:
        return
    high = np.tile(space.bounds[1], (len(next(iter(state.values()))), 1))
    bounded, beyond, far_beyond = (world.advance(state, high + more) for more in (0, 1, 5))
    # Bounds are single precision, and a world may compute in double.
    clipped = same(beyond, far_beyond) and near(bounded, beyond)
    promises(clipped, "actions beyond the action space are clipped to it")


def _check_pairs(promises: Promises, world: AbstractWorld, kind: str, num: int, seed: int) -> None:
    starts, goals = world.sample_pairs(np.random.default_rng(seed), num, kind)
    again = world.sample_pairs(np.random.default_rng(seed), num, kind)
    promises(same((starts, goals), again), "one seed gives one set of pairs; take every number from `rng`")
    far = world.distance(starts, goals)
    promises(far.shape == (num,), "distance gives one number for each world", f"shape {far.shape} for {num} worlds")
    promises(bool((far > world.rules.radius).all()), f"pairs of the kind '{kind}' are not solved at the start", f"a distance of {far.min():.3g}")
    promises(np.allclose(far, world.distance(goals, starts)), "there and back are equally far")
    promises(bool((world.distance(goals, goals) == 0).all()), "a goal is no distance from itself", world.distance(goals, goals).max())
    for pushed in (world.expert(starts, goals), world.expert(goals, goals)) if world.has_expert else ():
        promises.fits(world.spaces.action, pushed, "The expert's action")
        lead = world.spaces.action.batch_shape(pushed, what="The expert's action")
        promises(lead == (num,), "the expert gives one action for each world", f"batch axes {lead} for {num} worlds")
