"""Recipes for worlds that are not certain: a latent variable says what else may happen, and plans are made for all of it."""

from dataclasses import replace

from telos.agent.actor import Mean
from telos.agent.world_model import AbstractChanceConfig, DiscreteCodeConfig, GaussianCodeConfig, JEPAConfig
from telos.core.logs import AbstractLogs
from telos.recipes.recipe import Recipe
from telos.recipes.standard import default
from telos.training import Phase
from telos.training.objectives import LatentInformation, Prediction

PRICE = 0.02
"""Of a nat. What is told must save more than that of the error: a fork does, the last digits of a prediction do not."""


def chance(logs: AbstractLogs) -> Recipe:
    """As the default, where futures fork: a latent code says which of a few things happens, and plans count the mean over 16 futures.

    Use where the same action in the same place leads to one thing or another. For bad ends that must not happen, plan with
    `CVaR`. Not in worlds that are certain: the code then tells nothing, which training says, and planning costs 16 times as much.
    """
    return _uncertain(logs, DiscreteCodeConfig(num_codes=6, price=PRICE), "chance")


def noise(logs: AbstractLogs) -> Recipe:
    """As `chance`, where what is unknown has a size, such as a gust of any strength: the latent variable is two noisy numbers."""
    return _uncertain(logs, GaussianCodeConfig(num_numbers=2, price=PRICE), "noise")


def _uncertain(logs: AbstractLogs, unknown: AbstractChanceConfig, name: str) -> Recipe:
    recipe = default(logs)
    model, (first, *_) = recipe.world_model, recipe.curriculum.phases
    assert isinstance(model, JEPAConfig)
    told = LatentInformation(weight=unknown.price)
    first = replace(first, objectives=(*first.objectives, told))
    phases = (first, *(replace(phase, objectives=(Prediction(), told)) for phase in _dynamics(logs)))
    return replace(
        recipe,
        name=f"{recipe.name}-{name}",
        world_model=replace(model, chance=unknown),
        curriculum=replace(recipe.curriculum, phases=phases),
        agent=replace(recipe.agent, risk=Mean(num_futures=16)),
    )


def _dynamics(logs: AbstractLogs) -> tuple[Phase, Phase]:
    """Many single steps, for what happens seldom is learned from few of them; then rollouts."""
    longest = int(logs.lengths.max()) if logs.num_episodes else 1
    return (
        Phase(name="dynamics, single steps", trains="dynamics", num_steps=3000, batch_size=512, window=1, learning_rate=3e-3),
        Phase(name="dynamics, rollouts", trains="dynamics", num_steps=800, batch_size=128, window=min(10, longest), weight_decay=1e-4),
    )
