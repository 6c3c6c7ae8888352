"""The recipe for worlds in which things are moved by touching them, known by their sensors."""

from dataclasses import replace

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.core.spaces import DiscreteSpace
from telos.recipes.recipe import Recipe
from telos.recipes.standard import vector


def touch(logs: AbstractLogs) -> Recipe:
    """Sensor readings of things that are pushed about (`contact` is for pictures): as `vector`, a deeper predictor and longer rollouts.

    Contact bends what actions do, which takes a deeper predictor; what a push did to a block shows some steps later.
    """
    recipe = vector(logs)
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    together, single, rollouts = recipe.curriculum.phases
    rollouts = replace(rollouts, num_steps=2500, batch_size=192, window=min(20, longest))
    phases = (replace(together, num_steps=2000), replace(single, num_steps=2000), rollouts)
    assert isinstance(recipe.world_model, JEPAConfig)
    planner = replace(recipe.agent.planner, horizon=15)
    if not isinstance(logs.spaces.action, DiscreteSpace):
        planner = MPPI(horizon=planner.horizon, num_candidates=64, num_iterations=2, noise_exponent=1.0)
    return replace(
        recipe,
        name="touch",
        world_model=replace(recipe.world_model, latent_size=12, predictor=MLPPredictorConfig(width=256, depth=3)),
        curriculum=replace(recipe.curriculum, phases=phases),
        agent=replace(recipe.agent, planner=planner, cost=LeastDistance() + 0.1 * RunningMinimum(), replan_every=2),
    )
