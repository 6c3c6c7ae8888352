"""The recipe for transformers throughout: a vision transformer, and a predictor that looks back over a few frames."""

from dataclasses import replace

from telos.agent.perception import EncoderConfig, ViTConfig
from telos.agent.world_model import JEPAConfig, TransformerPredictorConfig
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs
from telos.core.spaces import ObservationSpace, PixelSpace, TreeSpace
from telos.recipes.recipe import Recipe
from telos.recipes.standard import default
from telos.training import Curriculum, Phase
from telos.training.objectives import InverseDynamics, Prediction, SIGReg, Smoothness

GRID = 4
"""Patches a side to aim at."""


def transformer(logs: AbstractLogs) -> Recipe:
    """Pictures seen in patches, the future told from the last three frames, latents spread by SIGReg: LeWorldModel's way, small.

    One step is predicted from every frame of a window at once. As elsewhere the inverse dynamics keep what actions change, and a
    second phase fits the dynamics again on latents that stay as they are, on whole rollouts in the end: plans are rollouts.
    Use where several frames show what one hides, or several things relate to each other. `pixels` is faster where neither holds.

    Source: Maes et al. (2026), LeWorldModel, arXiv 2603.19312.

    Raises:
        ConfigError: nothing is seen in pictures.
    """
    recipe = default(logs)
    patch = _patch(logs.spaces.observation)
    model = JEPAConfig(
        encoder=EncoderConfig(pixels=ViTConfig(patch=patch, width=64, depth=2, num_heads=4, hidden=128, head_hidden=128)),
        latent_size=16,
        predictor=TransformerPredictorConfig(history=3, depth=2, num_heads=4, head_size=16, hidden=256, width=64, output_hidden=128),
    )
    return replace(recipe, name="transformer", world_model=model, curriculum=Curriculum(phases=phases(logs)))


def phases(logs: AbstractLogs) -> tuple[Phase, ...]:
    """How such a model is trained: perception on windows of a few frames, then the dynamics alone, on single steps and on rollouts."""
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    window, far = min(4, longest), min(10, longest)
    objectives = (Prediction(), SIGReg(), Smoothness(), InverseDynamics())
    return (
        Phase(
            name="perception and dynamics",
            num_steps=1500,
            batch_size=64,
            window=window,
            imagines="each step",
            objectives=objectives,
            learning_rate=2e-3,
            weight_decay=1e-3,
        ),
        Phase(name="dynamics, each step", trains="dynamics", num_steps=600, batch_size=256, window=window, imagines="each step"),
        Phase(name="dynamics, rollouts", trains="dynamics", num_steps=400, batch_size=128, window=far, weight_decay=1e-4),
    )


def _patch(space: ObservationSpace) -> int:
    """Pixels a side of a patch that divides every picture, for about `GRID` patches along the shorter side."""
    parts = space.spaces.values() if isinstance(space, TreeSpace) else [space]
    pictures = [part for part in parts if isinstance(part, PixelSpace)]
    if not pictures:
        raise ConfigError(f"A vision transformer sees pictures, and the logs hold {space.describe()}.", fix="take the recipe vector, or recurrent")
    sides = [side for part in pictures for side in (part.height, part.width)]
    fitting = [size for size in range(1, min(sides) + 1) if not any(side % size for side in sides)]
    return min(fitting, key=lambda size: abs(size - min(sides) / GRID))
