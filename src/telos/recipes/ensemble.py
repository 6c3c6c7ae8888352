"""The recipe for agents that have to know what they do not know."""

from dataclasses import replace

from telos.agent.world_model import EnsemblePredictorConfig, JEPAConfig, MLPPredictorConfig
from telos.core.logs import AbstractLogs
from telos.recipes.recipe import Recipe
from telos.recipes.standard import default


def ensemble(logs: AbstractLogs) -> Recipe:
    """As the default, with five predictors of half the width in place of one: what they disagree about, the logs do not show."""
    recipe = default(logs)
    model = recipe.world_model
    assert isinstance(model, JEPAConfig) and isinstance(model.predictor, MLPPredictorConfig)
    member = replace(model.predictor, width=model.predictor.width // 2)
    return replace(recipe, name=f"{recipe.name}-ensemble", world_model=replace(model, predictor=EnsemblePredictorConfig(member=member)))
