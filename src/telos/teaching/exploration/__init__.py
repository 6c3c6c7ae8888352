"""Collecting better logs: a trained agent goes where its logs have not been."""

from telos.teaching.exploration.explore import Explore, map_of
from telos.teaching.exploration.places import Places

__all__ = ["Explore", "Places", "map_of"]
