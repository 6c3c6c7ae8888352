"""A fixed number of slots for each episode: keys, values, how far they are believed, and how old they are."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from telos.core.errors import ConfigError
from telos.core.memory import AbstractMemory, Entries, Recalled
from telos.core.taught import AbstractDescription

SAME = 0.5
"""Keys that are nearer than this share of the reach belong to one entry."""
EDGE = 4.0
"""How steeply what is remembered fades beyond its reach."""
GONE = 0.05
"""An entry that is believed less than this is forgotten: its slot is free."""


@dataclass(frozen=True, kw_only=True)
class EpisodicMemoryConfig(AbstractDescription):
    """What an episodic memory keeps, and for how long. `telos.teaching.memory` finds thresholds and reach in logs.

    Raises:
        ConfigError: a number is out of range.
    """

    threshold: float
    """How far what is seen may differ from what was expected before it is remembered: a distance between latents."""
    latent_reach: float
    """How far around a place what was found there counts: a distance between latents."""
    action_reach: float = 1.0
    """The same for actions, in halves of their range where they have one; between two choices lies 1.4."""
    slots: int = 8
    """Entries that each episode has room for."""
    half_life: float | None = None
    """Steps after which an entry that is not seen to be true again is believed half as much; None: it does not fade."""

    def __post_init__(self) -> None:
        for name in ("threshold", "latent_reach", "action_reach"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"An episodic memory has {name} = {getattr(self, name)}.", expected="a number above 0")
        if self.slots < 1:
            raise ConfigError(f"An episodic memory has {self.slots} slots.", expected="1 or more")
        if self.half_life is not None and not 0 < self.half_life < float("inf"):
            raise ConfigError(f"An episodic memory has half_life = {self.half_life}.", expected="a number of steps above 0, or None")

    def build(self) -> "EpisodicMemory":
        return EpisodicMemory(self)


class EpisodicMemory(nn.Module, AbstractMemory):
    """Reads by nearness: all that lies within reach counts fully, what lies beyond fades fast.

    A reading is the mean of what is near, weighed by nearness and belief, times how far the best of it counts. Forgotten is what fades with
    age, what is contradicted, and, where there is no room, what is believed least (of several, the oldest).

    Source: key-value memories read by similarity after Pritzel et al. (2017), Neural Episodic Control, arXiv 1703.01988; there values are
    returns, here they are corrections of a prediction.
    """

    numbers: Tensor

    def __init__(self, config: EpisodicMemoryConfig) -> None:
        super().__init__()
        self.config = config
        # What is read is this buffer, so that the agent's fingerprint depends on it, and a seal watches it.
        self.register_buffer("numbers", torch.tensor([config.threshold, config.latent_reach, config.action_reach, config.half_life or 0.0]))

    @property
    def threshold(self) -> Float[Tensor, ""]:  # type: ignore[override]
        return self.numbers[0]

    def begin(self, num_rows: int, key_size: int, value_size: int, like: Tensor) -> Entries:
        slots = self.config.slots
        return Entries(
            keys=like.new_zeros(num_rows, slots, key_size),
            values=like.new_zeros(num_rows, slots, value_size),
            strengths=like.new_zeros(num_rows, slots),
            ages=like.new_zeros(num_rows, slots),
        )

    def key(self, latent: Float[Tensor, "rows latent"], action: Float[Tensor, "rows features"]) -> Float[Tensor, "rows key"]:
        return torch.cat([latent / self.numbers[1], action / self.numbers[2]], dim=-1)

    def read(self, entries: Entries, keys: Float[Tensor, "rows key"]) -> Recalled:
        near = self._nearness(entries, keys)
        weights = near * entries.strengths[:, None]
        best = weights.amax(dim=-1)
        shares = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-9)
        value = best[..., None] * torch.matmul(shares, entries.values)
        return Recalled(value.flatten(0, 1), best.flatten())

    def write(
        self, entries: Entries, keys: Float[Tensor, "batch key"], values: Float[Tensor, "batch value"], where: Bool[Tensor, " batch"]
    ) -> Entries:
        away = torch.where(entries.strengths > 0, self._distances(entries, keys)[:, 0], torch.inf)
        least, nearest = away.min(dim=-1)
        # Least believed first, the oldest of those; a slot that was never used has no strength at all.
        missed = (entries.strengths - 1e-3 * entries.ages / (1 + entries.ages)).argmin(dim=-1)
        slot = torch.where(least <= SAME, nearest, missed)
        chosen = where[:, None] & (torch.arange(self.config.slots, device=slot.device) == slot[:, None])
        return Entries(
            keys=torch.where(chosen[..., None], keys[:, None], entries.keys),
            values=torch.where(chosen[..., None], values[:, None], entries.values),
            strengths=torch.where(chosen, torch.ones_like(entries.strengths), entries.strengths),
            ages=torch.where(chosen, torch.zeros_like(entries.ages), entries.ages),
        )

    def contradict(self, entries: Entries, keys: Float[Tensor, "batch key"], where: Bool[Tensor, " batch"]) -> Entries:
        near = self._nearness(entries, keys)[:, 0] * where[:, None]
        return replace(entries, strengths=_kept(entries.strengths * (1 - near)))

    def age(self, entries: Entries) -> Entries:
        older = replace(entries, ages=torch.where(entries.strengths > 0, entries.ages + 1, entries.ages))
        if self.config.half_life is None:
            return older
        return replace(older, strengths=_kept(entries.strengths * 0.5 ** (1 / self.config.half_life)))

    def _distances(self, entries: Entries, keys: Float[Tensor, "rows key"]) -> Float[Tensor, "batch num slots"]:
        apart = keys.unflatten(0, (len(entries.keys), -1))[:, :, None] - entries.keys[:, None]
        # A root has no slope at zero.
        return apart.square().sum(dim=-1).clamp_min(1e-12).sqrt()

    def _nearness(self, entries: Entries, keys: Float[Tensor, "rows key"]) -> Float[Tensor, "batch num slots"]:
        return torch.exp(-EDGE * (self._distances(entries, keys) - 1).clamp_min(0).square())


def _kept(strengths: Tensor) -> Tensor:
    return torch.where(strengths < GONE, torch.zeros_like(strengths), strengths)
