"""The contract of an episodic memory: what surprised the agent is kept, and comes back where it matters again."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from telos.core.types import Batched


@dataclass(frozen=True)
class Entries(Batched):
    """What each row of a batch remembers. An empty slot has no strength."""

    keys: Float[Tensor, "batch slots key"]
    """When each entry matters."""
    values: Float[Tensor, "batch slots value"]
    """What was found."""
    strengths: Float[Tensor, "batch slots"]
    """How far each entry is believed, 0 to 1."""
    ages: Float[Tensor, "batch slots"]
    """Steps since it was written, or seen to be true once more."""


class Recalled(NamedTuple):
    """What comes back for a question."""

    value: Float[Tensor, "rows value"]
    """Zero where nothing is remembered."""
    weight: Float[Tensor, " rows"]
    """How far something like it is remembered, 0 to 1."""


class AbstractMemory(ABC):
    """Write, read and forget, as pure functions of `Entries`: what an agent remembers travels in its state, row by row."""

    threshold: float | Float[Tensor, ""]
    """How far what is seen may differ from what was expected before it is worth remembering: a distance between latents."""

    @abstractmethod
    def begin(self, num_rows: int, key_size: int, value_size: int, like: Tensor) -> Entries:
        """Nothing remembered yet; `like` says on which device, in which digits."""

    @abstractmethod
    def key(self, latent: Float[Tensor, "rows latent"], action: Float[Tensor, "rows features"]) -> Float[Tensor, "rows key"]:
        """What is looked up for an action in some place; near keys mean the same."""

    @abstractmethod
    def read(self, entries: Entries, keys: Float[Tensor, "rows key"]) -> Recalled:
        """What is remembered: one question for each row of the entries, or several side by side (`rows / batch`)."""

    @abstractmethod
    def write(
        self, entries: Entries, keys: Float[Tensor, "batch key"], values: Float[Tensor, "batch value"], where: Bool[Tensor, " batch"]
    ) -> Entries:
        """With one more entry in the rows of `where`: in the place of one that says the same, else of the one that is missed least."""

    @abstractmethod
    def contradict(self, entries: Entries, keys: Float[Tensor, "batch key"], where: Bool[Tensor, " batch"]) -> Entries:
        """With less belief in what the rows of `where` remember near these keys: it was found to be so no more."""

    @abstractmethod
    def age(self, entries: Entries) -> Entries:
        """A step later: what fades has faded a little."""
