"""World models: what actions lead to, in latent space."""

from telos.agent.world_model.chance import AbstractChance, AbstractChanceConfig
from telos.agent.world_model.discrete_code import DiscreteCode, DiscreteCodeConfig
from telos.agent.world_model.ensemble import EnsemblePredictor, EnsemblePredictorConfig
from telos.agent.world_model.filtering import FilteringJEPA, FilteringJEPAConfig
from telos.agent.world_model.gaussian_code import GaussianCode, GaussianCodeConfig
from telos.agent.world_model.jepa import JEPA, JEPAConfig
from telos.agent.world_model.predictors import MLPPredictor, MLPPredictorConfig, RecurrentPredictor, RecurrentPredictorConfig
from telos.agent.world_model.transformer import TransformerPredictor, TransformerPredictorConfig

__all__ = [
    "AbstractChance",
    "AbstractChanceConfig",
    "DiscreteCode",
    "DiscreteCodeConfig",
    "EnsemblePredictor",
    "EnsemblePredictorConfig",
    "FilteringJEPA",
    "FilteringJEPAConfig",
    "GaussianCode",
    "GaussianCodeConfig",
    "JEPA",
    "JEPAConfig",
    "MLPPredictor",
    "MLPPredictorConfig",
    "RecurrentPredictor",
    "RecurrentPredictorConfig",
    "TransformerPredictor",
    "TransformerPredictorConfig",
]
