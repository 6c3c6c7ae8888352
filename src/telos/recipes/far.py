"""The recipe for far goals among walls, learned from random wandering."""

from dataclasses import replace

from telos.agent.actor import MPPI, choose_planner
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.recipes.recipe import Recipe
from telos.recipes.standard import default, dynamics_phases
from telos.training import Curriculum

HORIZON = 8
"""Steps of a plan: where the goal is far the way is somebody else's business, a critic's or a level's above; long searches find tunnels."""


def far(logs: AbstractLogs) -> Recipe:
    """A world model to build levels and critics of time on: as the default, and longer at the dynamics.

    A search tries whatever the model lets through, and a way through a wall is worth more to it than any honest one. So the second phase,
    with perception frozen, is the longest: many single steps first, for the walls, then short rollouts. Plans are short, since what is far
    is left to critics (`telos time-to-go`) and levels (`telos levels`); without either this recipe reaches near goals only.
    """
    recipe = default(logs)
    first, *_ = recipe.curriculum.phases
    single, rollouts = dynamics_phases(logs, single=3000, rollouts=2500)
    phases = (
        replace(first, num_steps=1500),
        replace(single, weight_decay=1e-4),
        replace(rollouts, window=min(6, rollouts.window)),
    )
    model = recipe.world_model
    assert isinstance(model, JEPAConfig)
    planner = choose_planner(logs.spaces.action, horizon=HORIZON, noise_exponent=2.0)
    if isinstance(planner, MPPI):
        planner = replace(planner, num_candidates=64, num_iterations=3)
    return replace(
        recipe,
        name="far",
        world_model=replace(model, predictor=MLPPredictorConfig(width=256, depth=3)),
        curriculum=Curriculum(phases=phases),
        agent=replace(recipe.agent, planner=planner, replan_every=2),
    )
