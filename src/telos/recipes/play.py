"""The recipe for worlds in which things go on where nobody sees them."""

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
    near, far = min(14, longest), min(20, longest)
    objectives = (Prediction(), SIGReg(weight=0.2))
    together = Phase(
        name="perception and dynamics", num_steps=3000, batch_size=24, window=near, seen=min(5, near), objectives=objectives, learning_rate=2e-3
    )
    rollouts = Phase(
        name="dynamics, rollouts",
        trains="dynamics",
        num_steps=2000,
        batch_size=128,
        window=far,
        seen=min(6, far),
        learning_rate=2e-3,
        weight_decay=1e-4,
    )
    return Recipe(
        name="play",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=32, predictor=RecurrentPredictorConfig(width=128)),
        curriculum=Curriculum(phases=(together, rollouts), log_every=100),
        agent=pixels(logs).agent,
    )
