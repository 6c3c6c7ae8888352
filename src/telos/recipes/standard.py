"""The recipes that ship with us. Each looks at the logs and returns a `Recipe`; none reads a configuration file."""

from dataclasses import replace

import numpy as np

from telos.agent.actor import MPPI, choose_planner
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.loop import AgentSettings
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import FilteringJEPAConfig, JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.contracts import AbstractObjective
from telos.core.logs import AbstractLogs
from telos.core.spaces import DiscreteSpace, PixelSpace, VectorSpace
from telos.data import scenery_share
from telos.recipes.recipe import Recipe
from telos.training import Curriculum, Phase
from telos.training.augmentations import ColourJitter, Defocus, PixelNoise, UnevenLight
from telos.training.diagnostics import CollapseWatch
from telos.training.objectives import Belief, Covariance, InverseDynamics, OfFrames, Prediction, SIGReg, Smoothness, Variance

SCENERY_THRESHOLD = 0.02
"""Share of the picture that must change from episode to episode before the scenery gets an encoder of its own."""
COLOURS = 3
"""Channels of one frame; a picture with twice as many, or more, is a clip."""


def default(logs: AbstractLogs) -> Recipe:
    """Chosen by the data: vectors, pictures of one scene, single or in clips, or pictures whose scenery changes from episode to episode."""
    space = logs.spaces.observation
    if isinstance(space, VectorSpace):
        return vector(logs)
    if scenery_share(logs, np.random.default_rng(0)) > SCENERY_THRESHOLD:
        return scenery(logs)
    in_clips = isinstance(space, PixelSpace) and space.channels > COLOURS and space.channels % COLOURS == 0
    return clips(logs) if in_clips else pixels(logs)


def pixels(logs: AbstractLogs) -> Recipe:
    """Pictures of one scene: VICReg terms, a small CNN, and a second phase on cached latents."""
    objectives = (Prediction(), Variance(), Covariance(), Smoothness(), InverseDynamics())
    together = Phase(name="perception and dynamics", num_steps=1200, batch_size=64, window=6, objectives=objectives, learning_rate=2e-3)
    return Recipe(
        name="pixels",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=16),
        curriculum=Curriculum(phases=(together, *dynamics_phases(logs, single=1000, rollouts=600))),
        agent=_agent(logs, noise_exponent=2.0),
    )


def clips(logs: AbstractLogs) -> Recipe:
    """Pictures in clips, several frames laid over each other as channels: as `pixels`, looking far enough ahead to gather momentum."""
    return replace(pixels(logs), name="clips", agent=_agent(logs, horizon=24))


def sigreg(logs: AbstractLogs) -> Recipe:
    """As the default, with SIGReg in place of variance and covariance."""
    recipe = default(logs)
    first, *rest = recipe.curriculum.phases
    kept = tuple(term for term in first.objectives if not isinstance(term, (Variance, Covariance)))
    within = any(isinstance(term, Variance) and term.within_episode for term in first.objectives)
    first = replace(first, objectives=(*kept, SIGReg(within_episode=within)))
    return replace(recipe, name=f"{recipe.name}-sigreg", curriculum=replace(recipe.curriculum, phases=(first, *rest)))


def robust(logs: AbstractLogs) -> Recipe:
    """As the default for pictures, and not to be misled by their look: other colours, light, noise, and a lens out of focus."""
    recipe = default(logs)
    looks = (Defocus(), ColourJitter(), UnevenLight(), PixelNoise())
    phases = tuple(replace(phase, augmentations=looks) if phase.trains == "everything" else phase for phase in recipe.curriculum.phases)
    return replace(recipe, name=f"{recipe.name}-robust", curriculum=replace(recipe.curriculum, phases=phases))


def scenery(logs: AbstractLogs) -> Recipe:
    """Pictures whose scenery changes from episode to episode: it gets an encoder of its own, and anti-collapse terms look within episodes."""
    objectives: tuple[AbstractObjective, ...] = (
        Prediction(),
        Variance(within_episode=True),
        Covariance(within_episode=True),
        Smoothness(),
        InverseDynamics(),
    )
    together = Phase(
        name="perception and dynamics", num_steps=3500, batch_size=96, windows_per_episode=6, window=6, objectives=objectives, learning_rate=2e-3
    )
    # Here most of the learning is left to the second phase: where the door is shows in long rollouts only (docs/log.md).
    *_, rollouts = dynamics_phases(logs, single=1, rollouts=14_000)
    return Recipe(
        name="scenery",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=16, scenery_size=48, predictor=MLPPredictorConfig(width=256, depth=3)),
        curriculum=Curriculum(phases=(together, replace(rollouts, windows_per_episode=2)), log_every=200),
        # Far enough to see the door at the other end of the wall; slow noise, since ways through doors are long straight legs.
        agent=_agent(logs, horizon=24, hurry=0.1, noise_exponent=2.0),
    )


def vector(logs: AbstractLogs) -> Recipe:
    """Sensor readings: as `pixels`, with a small perceptron for perception."""
    objectives = (Prediction(), Variance(), Covariance(), InverseDynamics())
    together = Phase(name="perception and dynamics", num_steps=1500, batch_size=256, window=6, objectives=objectives)
    return Recipe(
        name="vector",
        world_model=JEPAConfig(encoder=EncoderConfig(), latent_size=8),
        curriculum=Curriculum(phases=(together, *dynamics_phases(logs, single=1500, rollouts=1000))),
        agent=_agent(logs, horizon=24),
    )


def recurrent(logs: AbstractLogs) -> Recipe:
    """As the default, with a predictor that remembers: for frames that hide velocity or other things their past shows."""
    recipe = default(logs)
    model = recipe.world_model
    assert isinstance(model, JEPAConfig)
    return replace(recipe, name=f"{recipe.name}-recurrent", world_model=replace(model, predictor=RecurrentPredictorConfig()))


def filtering(logs: AbstractLogs) -> Recipe:
    """Frames that hide what matters now and then (blank frames, things in the way, a view of the surroundings only): a belief is carried
    from step to step, and perception is learned before it, from what frames show."""
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    # As long as the belief is worth nothing, what it expects is a drag on perception; it only keeps what frames show within bounds.
    together = Phase(
        name="perception and belief",
        num_steps=400,
        batch_size=64,
        window=min(8, longest),
        objectives=(Belief(after=4, weight=0.1), OfFrames()),
        learning_rate=2e-3,
    )
    window = min(20, longest)
    looks = 1 if isinstance(logs.spaces.action, DiscreteSpace) else 4
    belief = Phase(
        name="belief",
        trains="dynamics",
        num_steps=3000,
        batch_size=128,
        window=window,
        seen=min(7, window),
        objectives=(Belief(),),
        learning_rate=2e-3,
        weight_decay=1e-4,
    )
    return Recipe(
        name="filtering",
        world_model=FilteringJEPAConfig(encoder=EncoderConfig(), looks=looks),
        # A belief varies once it has learned to look, long after perception does: the watch is more patient than usual.
        curriculum=Curriculum(phases=(together, belief), watch=CollapseWatch(patience=20)),
        agent=_agent(logs, horizon=24, noise_exponent=2.0),
    )


def dynamics_phases(logs: AbstractLogs, *, single: int, rollouts: int) -> tuple[Phase, Phase]:
    """The second phase: perception frozen, the predictor fitted again, single steps first, then whole rollouts."""
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    return (
        Phase(name="dynamics, single steps", trains="dynamics", num_steps=single, batch_size=1024, window=1),
        Phase(name="dynamics, rollouts", trains="dynamics", num_steps=rollouts, batch_size=256, window=min(14, longest), weight_decay=1e-4),
    )


def _agent(logs: AbstractLogs, *, horizon: int = 14, hurry: float = 0.3, noise_exponent: float = 1.0) -> AgentSettings:
    cost = LeastDistance() + hurry * RunningMinimum()
    planner = choose_planner(logs.spaces.action, horizon=horizon, noise_exponent=noise_exponent)
    # Twice the candidates of the knee: a recipe is for worlds of which nothing is measured yet.
    return AgentSettings(planner=replace(planner, num_candidates=64) if isinstance(planner, MPPI) else planner, cost=cost)
