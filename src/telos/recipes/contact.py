"""The recipe for worlds in which things are moved by touching them."""

from dataclasses import replace

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig
from telos.core.logs import AbstractLogs
from telos.recipes.recipe import Recipe
from telos.recipes.standard import dynamics_phases, pixels
from telos.training import Curriculum
from telos.training.objectives import Covariance, InverseDynamics, Prediction, Smoothness, Variance


def contact(logs: AbstractLogs) -> Recipe:
    """Pictures of things that are pushed about: as `pixels`, with a larger latent, and a preference for what changes slowly.

    With the weights of `pixels` the latent is filled with ever finer functions of where the agent is, which are easy to learn, and never shows how
    a block is turned. What moves only when it is touched changes slowly, so smoothness asks for it; the inverse dynamics keep the agent. Many short
    windows in place of few long ones, since the frames of a window all show much the same block.
    """
    recipe = pixels(logs)
    objectives = (Prediction(), Variance(), Covariance(), Smoothness(weight=5.0), InverseDynamics())
    together = replace(recipe.curriculum.phases[0], num_steps=2500, batch_size=256, window=2, objectives=objectives)
    return replace(
        recipe,
        name="contact",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=64),
        curriculum=Curriculum(phases=(together, *dynamics_phases(logs, single=3000, rollouts=3000)), log_every=200),
    )
