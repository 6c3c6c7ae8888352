"""Critics of time: how many steps lie between two states."""

from telos.agent.critics.landmark_graph import LandmarkGraph, LandmarkGraphConfig
from telos.agent.critics.pair_network import PairNetwork, PairNetworkConfig
from telos.agent.critics.quasimetric import Quasimetric, QuasimetricConfig

__all__ = ["LandmarkGraph", "LandmarkGraphConfig", "PairNetwork", "PairNetworkConfig", "Quasimetric", "QuasimetricConfig"]
