"""The latents of all logged frames, and which frames belong together."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, WindowPlaces
from telos.training.codes import encode_logs


@dataclass(frozen=True)
class LoggedLatents:
    """Logs as a critic of time reads them: no actions, no rewards, only what was seen, in order."""

    latents: Float[Tensor, "rows latent"]
    """Of all frames of all episodes, one after the other."""
    lengths: Int[np.ndarray, " episodes"]
    """Steps of each episode; it has one frame more."""

    @classmethod
    def of(cls, world_model: AbstractWorldModel, logs: AbstractLogs) -> "LoggedLatents":
        """Encodes every frame once."""
        codes, _ = encode_logs(world_model, logs)
        return cls(codes[:, : world_model.latent_size], np.asarray(logs.lengths))

    def __len__(self) -> int:
        return len(self.latents)

    @property
    def episodes(self) -> Int[np.ndarray, " rows"]:
        """Of each row."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths + 1)

    @cached_property
    def first_rows(self) -> Int[np.ndarray, " episodes"]:
        """Of each episode."""
        return np.concatenate([[0], np.cumsum(self.lengths + 1)[:-1]])

    def pairs(self, rng: np.random.Generator, num: int, gap: int) -> tuple[Int[np.ndarray, " num"], Int[np.ndarray, " num"]]:
        """Rows that are `gap` steps apart within an episode, any such pair equally likely. Raises EpisodeTooShortError if there is none."""
        episodes, starts = WindowPlaces(self.lengths, gap).draw(rng, num)
        rows = self.first_rows[episodes] + starts
        return rows, rows + gap

    def later(self, rng: np.random.Generator, num: int, longest: int) -> tuple[Int[Tensor, " num"], Int[Tensor, " num"], Float[Tensor, " num"]]:
        """Rows, others of the same episode up to `longest` steps later, and the steps between them; every row that has a next one is equally
        likely, and every step from 1 to as many as are left."""
        episodes, starts = self._single.draw(rng, num)
        left = np.minimum(self.lengths[episodes] - starts, longest)
        gaps = rng.integers(1, left + 1)
        rows = self.first_rows[episodes] + starts
        device, dtype = self.latents.device, self.latents.dtype
        return torch.from_numpy(rows), torch.from_numpy(rows + gaps), torch.from_numpy(gaps).to(device, dtype)

    @cached_property
    def _single(self) -> WindowPlaces:
        return WindowPlaces(self.lengths, 1)
