"""World models: what actions lead to, in latent space."""

from telos.agent.world_model.jepa import JEPA, JEPAConfig
from telos.agent.world_model.predictors import MLPPredictor, MLPPredictorConfig, RecurrentPredictor, RecurrentPredictorConfig

__all__ = ["JEPA", "JEPAConfig", "MLPPredictor", "MLPPredictorConfig", "RecurrentPredictor", "RecurrentPredictorConfig"]
