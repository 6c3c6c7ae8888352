"""What drivers learn from the logs: dynamics, with and without chance, and what a crash and a speed look like."""

from dataclasses import replace
from pathlib import Path

from benchmarks.highway.reading import ODDS, teach_ahead
from telos.agent.actor import ExhaustiveSearch
from telos.agent.cost import LeastDistance
from telos.agent.loop import AgentSettings
from telos.agent.perception import EncoderConfig, VectorConfig
from telos.agent.world_model import DiscreteCodeConfig, EnsemblePredictorConfig, JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.recipes import Recipe
from telos.recipes.experiment import RecipeLike, train
from telos.recipes.knowledge import READOUTS
from telos.training import Curriculum, Phase
from telos.training.objectives import Covariance, InverseDynamics, LatentInformation, Prediction, Variance

HORIZON = 5
"""Seconds that are looked ahead, and steps of the windows that are learned from: more of them, and most crashes come too early."""
PLANNER = ExhaustiveSearch(horizon=HORIZON, depth=2)
"""All 25 ways of two choices, the second one held."""
PRICE = 0.005
"""Of a nat of what could not be known."""


def deterministic(logs: AbstractLogs) -> Recipe:
    """One future for every way of driving."""
    objectives = (Prediction(), Variance(), Covariance(), InverseDynamics())
    phases = (
        Phase(name="perception and dynamics", num_steps=2500, batch_size=256, window=HORIZON, objectives=objectives),
        Phase(name="dynamics, single steps", trains="dynamics", num_steps=2500, batch_size=512, window=1),
        Phase(name="dynamics, rollouts", trains="dynamics", num_steps=2500, batch_size=256, window=HORIZON, weight_decay=1e-4),
    )
    return Recipe(
        name="highway",
        world_model=JEPAConfig(encoder=EncoderConfig(vector=VectorConfig(width=256)), latent_size=32, predictor=MLPPredictorConfig(depth=3)),
        curriculum=Curriculum(phases=phases, log_every=250),
        agent=AgentSettings(planner=PLANNER, cost=LeastDistance()),
    )


def doubting(logs: AbstractLogs) -> Recipe:
    """The same with a latent variable for what others may do, and an ensemble for what the logs do not show."""
    recipe = deterministic(logs)
    model = recipe.world_model
    assert isinstance(model, JEPAConfig)
    ensemble = EnsemblePredictorConfig(member=MLPPredictorConfig(width=128, depth=3))
    with_chance = replace(model, predictor=ensemble, chance=DiscreteCodeConfig(num_codes=8, price=PRICE))
    phases = tuple(replace(phase, objectives=(*phase.objectives, LatentInformation(weight=PRICE))) for phase in recipe.curriculum.phases)
    return replace(recipe, name="highway-doubting", world_model=with_chance, curriculum=replace(recipe.curriculum, phases=phases))


def learn(logs: list[Path], out: Path, recipe: RecipeLike, seed: int) -> Path:
    """A run folder with all that it takes to drive; one that is there is not made again.

    The dynamics never see the last of the logs: what is imagined along them errs as it will on the road, and readouts learn from that too.
    """
    if not (out / "model.safetensors").exists():
        train(logs[:-1], out, recipe=recipe, seed=seed)
    for column, unit in (("crashed", ODDS), ("speed", "m/s")):
        if not (out / READOUTS / f"{column}.json").exists():
            teach_ahead(out, logs, column, unit=unit, horizon=HORIZON, seed=seed)
    return out
