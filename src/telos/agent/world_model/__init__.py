"""World models: what actions lead to, in latent space."""

from telos.agent.world_model.jepa import JEPA, JEPAConfig
from telos.agent.world_model.predictors import MLPPredictor, MLPPredictorConfig, RecurrentPredictor, RecurrentPredictorConfig
from telos.agent.world_model.transformer import TransformerPredictor, TransformerPredictorConfig

__all__ = [
    "JEPA",
    "JEPAConfig",
    "MLPPredictor",
    "MLPPredictorConfig",
    "RecurrentPredictor",
    "RecurrentPredictorConfig",
    "TransformerPredictor",
    "TransformerPredictorConfig",
]
