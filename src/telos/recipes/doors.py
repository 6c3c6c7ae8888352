"""The recipe for far goals where doors are open or shut, and others move about who do not matter."""

from dataclasses import replace

from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.recipes.far import far
from telos.recipes.recipe import Recipe
from telos.recipes.standard import pixels
from telos.training import Curriculum


def doors(logs: AbstractLogs) -> Recipe:
    """As `far`, where pictures also show which ways are open, in a few ways that come again and again, and things that move by themselves.

    What is open must be in the latent, since a critic of time reads nothing else: as scenery with an encoder of its own (which `far` chooses
    for such pictures) it would be lost. What moves by itself must not be in it, or no two states are ever the same. A small latent has no
    room for it, and long windows make it a bad choice: who may suddenly be elsewhere is hard to predict, and the agent is not.

    Plans are longer than those of `far`: rooms are wider than corridors, for such small steps.
    """
    recipe, short = pixels(logs), far(logs)
    together, *_ = recipe.curriculum.phases
    _, *dynamics = short.curriculum.phases
    model = recipe.world_model
    assert isinstance(model, JEPAConfig)
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    together = replace(together, num_steps=2500, batch_size=48, window=min(12, longest))
    planner = replace(short.agent.planner, horizon=14)
    return replace(
        recipe,
        name="doors",
        world_model=replace(model, latent_size=8, predictor=MLPPredictorConfig(width=256, depth=3)),
        curriculum=Curriculum(phases=(together, *dynamics)),
        agent=replace(recipe.agent, planner=planner, replan_every=2),
    )
