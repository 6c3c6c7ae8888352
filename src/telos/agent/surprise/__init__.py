"""Noticing what was not expected."""

from telos.agent.surprise.horizons import Expected, Surprise, SurpriseConfig

__all__ = ["Expected", "Surprise", "SurpriseConfig"]
