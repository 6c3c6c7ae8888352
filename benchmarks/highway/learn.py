"""What drivers learn from the logs: dynamics, with and without chance, and what a crash and a speed look like."""

from pathlib import Path

from benchmarks.highway.perception import NearFirstConfig
from benchmarks.highway.reading import ODDS, teach_ahead
from telos.agent.actor import ExhaustiveSearch
from telos.agent.cost import LeastDistance
from telos.agent.loop import AgentSettings
from telos.agent.world_model import DiscreteCodeConfig, EnsemblePredictorConfig, JEPAConfig, MLPPredictorConfig
from telos.core.contracts import AbstractObjective
from telos.core.logs import AbstractLogs
from telos.recipes import Recipe
from telos.recipes.experiment import RecipeLike, train
from telos.recipes.knowledge import READOUTS
from telos.training import Curriculum, Phase
from telos.training.objectives import LatentInformation, Prediction

HORIZON = 5
"""Seconds that are looked ahead, and steps of the windows that are learned from: more of them, and most crashes come too early."""
PLANNER = ExhaustiveSearch(horizon=HORIZON, depth=2)
"""All 25 ways of two choices, the second one held."""
PRICE = 0.005
"""Of a nat of what could not be known."""


def deterministic(logs: AbstractLogs) -> Recipe:
    """One future for every way of driving."""
    size = logs.spaces.observation.shape[0]
    model = JEPAConfig(encoder=NearFirstConfig(), latent_size=size, predictor=MLPPredictorConfig(depth=3))
    return _recipe("highway", model, single=2500, rollouts=2000, objectives=(Prediction(),))


def doubting(logs: AbstractLogs) -> Recipe:
    """The same with a latent variable for what others may do, and an ensemble for what the logs do not show."""
    size = logs.spaces.observation.shape[0]
    ensemble = EnsemblePredictorConfig(member=MLPPredictorConfig(width=128, depth=3))
    model = JEPAConfig(encoder=NearFirstConfig(), latent_size=size, predictor=ensemble, chance=DiscreteCodeConfig(num_codes=8, price=PRICE))
    # Every code is tried wherever z is inferred: a step takes several times as long.
    return _recipe("highway-doubting", model, single=2000, rollouts=1500, objectives=(Prediction(), LatentInformation(weight=PRICE)))


def _recipe(name: str, model: JEPAConfig, *, single: int, rollouts: int, objectives: tuple[AbstractObjective, ...]) -> Recipe:
    phases = (
        Phase(name="dynamics, single steps", trains="dynamics", num_steps=single, batch_size=512, window=1, objectives=objectives),
        Phase(
            name="dynamics, rollouts",
            trains="dynamics",
            num_steps=rollouts,
            batch_size=256,
            window=HORIZON,
            weight_decay=1e-4,
            objectives=objectives,
        ),
    )
    agent = AgentSettings(planner=PLANNER, cost=LeastDistance())
    return Recipe(name=name, world_model=model, curriculum=Curriculum(phases=phases, log_every=250), agent=agent)


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
