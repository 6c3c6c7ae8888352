"""The recipe for worlds in which things go on where nobody sees them."""

from dataclasses import replace

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig
from telos.core.logs import AbstractLogs
from telos.recipes.recipe import Recipe
from telos.recipes.standard import pixels
from telos.training import Curriculum, Phase
from telos.training.objectives import Prediction, SIGReg


def play(logs: AbstractLogs) -> Recipe:
    """Pictures of things that move, hide and come back: a predictor that remembers, and many steps foretold at once.

    Some frames of each window are seen, so that the predictor knows what moves where, and the rest is foretold without looking: what
    hides on the way has to be remembered for what is seen later. One step alone would never ask for that.

    SIGReg over the whole batch, not within episodes: what never changes, such as a thing's colour, is to be in the latent here.
    """
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    near, far, farthest = (min(steps, longest) for steps in (8, 20, 24))
    # A heavy regulariser makes the latent a Gaussian of whatever is to be had, and places can no longer be read from it.
    objectives = (Prediction(), SIGReg(weight=0.02))
    together = Phase(
        name="perception and dynamics", num_steps=2500, batch_size=48, window=near, seen=min(3, near), objectives=objectives, learning_rate=2e-3
    )
    rollouts = Phase(
        name="dynamics, rollouts",
        trains="dynamics",
        num_steps=2500,
        batch_size=64,
        window=far,
        seen=min(8, far),
        learning_rate=2e-3,
        weight_decay=1e-4,
    )
    # What hides while it is watched has to be kept over many frames that do not show it: half of each window is seen.
    longer = replace(rollouts, name="dynamics, longer memory", num_steps=3000, window=farthest, seen=max(1, farthest // 2), learning_rate=1.5e-3)
    return Recipe(
        name="play",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=16, predictor=RecurrentPredictorConfig(width=192)),
        curriculum=Curriculum(phases=(together, rollouts, longer), log_every=100),
        agent=pixels(logs).agent,
    )
