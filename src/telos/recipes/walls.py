"""The recipe for bodies with momentum among walls, known by their sensors."""

from dataclasses import replace

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.core.logs import AbstractLogs
from telos.core.spaces import DiscreteSpace
from telos.recipes.recipe import Recipe
from telos.recipes.standard import vector


def walls(logs: AbstractLogs) -> Recipe:
    """Sensor readings of a body among walls: as `vector`, trained on rollouts as long as its plans, and less in a hurry.

    The way round a wall leads away from the goal at first. A plan must be long and right enough to see the end of it, and what it
    would save by being nearer on the way must not count for more: hence small weight on the time. Pushes are slow noise, since
    such ways are long legs.
    """
    recipe = vector(logs)
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    *first, rollouts = recipe.curriculum.phases
    rollouts = replace(rollouts, num_steps=2500, batch_size=192, window=min(24, longest))
    planner = recipe.agent.planner
    if not isinstance(logs.spaces.action, DiscreteSpace):
        planner = MPPI(horizon=planner.horizon, num_candidates=128, num_iterations=3, noise_exponent=2.0)
    return replace(
        recipe,
        name="walls",
        curriculum=replace(recipe.curriculum, phases=(*first, rollouts)),
        agent=replace(recipe.agent, planner=planner, cost=LeastDistance() + 0.05 * RunningMinimum()),
    )
