"""The logs, and the models that learn from them: one that is certain, one with a code, one with noisy numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from telos import data
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.envs import WindyBridge, WorldVectorEnv
from telos.recipes import Recipe, chance, noise
from telos.recipes.experiment import train
from telos.teaching.readouts import teach_readout
from telos.training import Phase
from telos.training.objectives import LatentInformation

EPISODES, STEPS, COPIES = 40_000, 4, 2_000
"""Of the logs: short ones, for every start is a new one on the bridge or elsewhere."""
WORLD = WindyBridge()


def collected(folder: Path, seed: int) -> Path:
    """Random wandering."""
    out = folder / f"logs{seed}"
    if not out.exists():
        about = {"spaces": WORLD.spaces, "environment": {"name": "windy-bridge", "args": {}}}
        env = WorldVectorEnv(WORLD, COPIES, max_steps=STEPS)
        data.collect(env, data.RandomActions(), out, episodes=EPISODES, steps=STEPS, seed=seed, **about)
    return out


def coded(logs: AbstractLogs) -> Recipe:
    """The recipe `chance`, smaller: the position is all there is to see."""
    return _small(chance(logs))


def noisy(logs: AbstractLogs) -> Recipe:
    """The recipe `noise`, likewise."""
    return _small(noise(logs))


def certain(logs: AbstractLogs) -> Recipe:
    """The same model without a latent variable, trained for as long."""
    recipe = coded(logs)
    assert isinstance(recipe.world_model, JEPAConfig)
    phases = tuple(replace(phase, objectives=_without_information(phase)) for phase in recipe.curriculum.phases)
    return replace(
        recipe,
        name="bridge-certain",
        world_model=replace(recipe.world_model, chance=None),
        curriculum=replace(recipe.curriculum, phases=phases),
        agent=replace(recipe.agent, risk=None),
    )


RECIPES: dict[str, Callable[[AbstractLogs], Recipe]] = {"certain": certain, "code": coded, "numbers": noisy}


def trained(folder: Path, kind: str, seed: int) -> Path:
    """The run of a recipe, with the position as a readout; trained now if it is not there."""
    out = folder / f"{kind}{seed}"
    if not (out / "readouts").exists():
        train(collected(folder, seed), out, recipe=RECIPES[kind], seed=seed)
        teach_readout(out, "position")
    return out


def _small(recipe: Recipe) -> Recipe:
    model, (first, single, rollouts) = recipe.world_model, recipe.curriculum.phases
    assert isinstance(model, JEPAConfig)
    assert model.chance is not None
    phases = replace(first, num_steps=500, batch_size=128, window=3), replace(single, num_steps=3500), replace(rollouts, window=STEPS)
    return replace(
        recipe,
        world_model=JEPAConfig(
            encoder=EncoderConfig(),
            latent_size=4,
            predictor=MLPPredictorConfig(width=128),
            chance=replace(model.chance, width=64),
        ),
        curriculum=replace(recipe.curriculum, phases=phases, log_every=100),
    )


def _without_information(phase: Phase):
    return tuple(term for term in phase.objectives if not isinstance(term, LatentInformation))
