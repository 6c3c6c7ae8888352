"""What every behaviour promises that actions are logged from."""

import numpy as np

from telos.core.spaces import DiscreteSpace
from telos.core.world import AbstractWorld
from telos.data import AbstractBehaviour
from telos.envs import PointMass
from telos.testing.promises import Promises, check_value
from telos.testing.trees import same, snapshot


def check_behaviour(behaviour: AbstractBehaviour, world: AbstractWorld | None = None, *, num: int = 6, steps: int = 8, seed: int = 0) -> None:
    """The promises of a behaviour: actions that fit their space, one seed one sequence, nothing altered in place.

    Args:
        behaviour: What chooses the actions.
        world: Where it acts; the point mass by default.
        num: Episodes side by side.
        steps: Actions in a row; some episodes begin anew half-way.
        seed: Of the world and of the behaviour.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(behaviour)
    check_value(behaviour)
    world = world or PointMass()
    first = _actions(promises, behaviour, world, num, steps, seed)
    promises(
        same(first, _actions(promises, behaviour, world, num, steps, seed)), "one seed gives one sequence of actions; take every number from `rng`"
    )


def _actions(promises: Promises, behaviour: AbstractBehaviour, world: AbstractWorld, num: int, steps: int, seed: int) -> list[np.ndarray]:
    space = world.spaces.action
    state = world.sample(np.random.default_rng(seed), num)
    act = behaviour.start(space, num, np.random.default_rng(seed))
    started = np.ones(num, dtype=bool)
    given, kept = [], []
    for step in range(steps):
        seen = world.observe(state)
        before = snapshot((seen, dict(state), started))
        actions = act(seen, state, started)
        promises(same(snapshot((seen, dict(state), started)), before), "what it is shown is not altered in place")
        fitting = promises.fits(space, actions, "Its action")
        promises(fitting.shape == (num, *space.shape), "its actions are [batch action]", f"{list(fitting.shape)} for {[num, *space.shape]}")
        low, high = (0, space.num - 1) if isinstance(space, DiscreteSpace) else space.bounds
        promises(bool((fitting >= low).all() and (fitting <= high).all()), "its actions are within bounds", f"{fitting.min()} to {fitting.max()}")
        given.append(actions)
        kept.append(np.array(actions))
        state = world.advance(state, fitting)
        # Every other episode begins anew half-way.
        started = (np.arange(num) % 2 == 0) & (step == steps // 2)
    promises(same(given, kept), "actions stay as they were once they are handed out; return copies, not a buffer that is written again")
    return kept
