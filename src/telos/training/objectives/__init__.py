"""What a world model is trained on; one term a file."""

from telos.training.objectives.belief import Belief
from telos.training.objectives.covariance import Covariance
from telos.training.objectives.information import LatentInformation
from telos.training.objectives.inverse_dynamics import InverseDynamics
from telos.training.objectives.of_frames import OfFrames
from telos.training.objectives.prediction import Prediction
from telos.training.objectives.sigreg import SIGReg
from telos.training.objectives.smoothness import Smoothness
from telos.training.objectives.variance import Variance
from telos.training.objectives.volume import Volume

__all__ = ["Belief", "Covariance", "InverseDynamics", "LatentInformation", "OfFrames", "Prediction", "SIGReg", "Smoothness", "Variance", "Volume"]
