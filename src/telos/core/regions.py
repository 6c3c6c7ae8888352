"""Regions of space as signed distances: what guardrails keep out of, and tasks go to."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor


class AbstractRegion(ABC):
    """A set of points. A frozen dataclass."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Numbers of a point."""

    @abstractmethod
    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        """How far each point lies outside: negative inside, 0 on the border; differentiable almost everywhere."""
