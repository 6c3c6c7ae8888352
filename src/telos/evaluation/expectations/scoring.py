"""Who ranks pairs of clips right: those who find the impossible clip the more surprising one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from telos.agent.surprise import Surprise
from telos.core.contracts import AbstractWorldModel
from telos.evaluation.expectations.pairs import ClipPairs
from telos.evaluation.intervals import Rate


class AbstractJudge(ABC):
    """Says how surprising each step of a clip is."""

    name: ClassVar[str]

    @abstractmethod
    def surprise(
        self, clips: UInt8[np.ndarray, "batch time height width channel"], actions: Float[np.ndarray, "batch steps action"]
    ) -> Float[np.ndarray, "batch steps"]:
        """How surprising each frame after the first is; in any unit, larger is more."""


@dataclass(frozen=True)
class WorldModelJudge(AbstractJudge):
    """Looks at clips as an agent does: frame by frame, and is surprised by what was not expected."""

    world_model: AbstractWorldModel
    sense: Surprise
    name: ClassVar[str] = "world model"

    def surprise(self, clips: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return self.look(clips, actions)[0]

    @torch.no_grad()
    def look(self, clips: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies in nats, and p-values, `[batch steps]` both."""
        model, sense, device = self.world_model, self.sense, self.world_model.device
        state = model.observe(None, None, torch.tensor(clips[:, 0], device=device))
        expected, energies, p_values = sense.begin(model, state), [], []
        for time in range(actions.shape[1]):
            action = torch.tensor(actions[:, time], device=device)
            expected = sense.expect(model, expected, state, action)
            state = model.observe(state, action, torch.tensor(clips[:, time + 1], device=device))
            energies.append(sense.energy(expected, state))
            p_values.append(sense.p_value(expected, state))
        return _numpy(energies), _numpy(p_values)


@dataclass(frozen=True)
class FrameDifference(AbstractJudge):
    """The floor that knows nothing: how much the picture changes from frame to frame."""

    name: ClassVar[str] = "frame difference"

    def surprise(self, clips: np.ndarray, actions: np.ndarray) -> np.ndarray:
        before, after = clips[:, :-1].astype(np.float32), clips[:, 1:].astype(np.float32)
        return np.square((after - before) / 255).mean(axis=(2, 3, 4))


@dataclass(frozen=True)
class Verdicts:
    """How a judge ranked the pairs of one kind."""

    right: np.ndarray
    """`[pairs]`: whether the impossible clip was the more surprising one, all its steps together."""
    right_by_peak: np.ndarray
    """The same by the most surprising step of each; a tie is not right."""

    @property
    def rate(self) -> Rate:
        return Rate(int(self.right.sum()), len(self.right))

    @property
    def rate_by_peak(self) -> Rate:
        return Rate(int(self.right_by_peak.sum()), len(self.right_by_peak))


def judge_pairs(judge: AbstractJudge, pairs: ClipPairs) -> Verdicts:
    """Both clips of every pair, watched from their beginning."""
    possible, impossible = judge.surprise(pairs.possible, pairs.actions), judge.surprise(pairs.impossible, pairs.actions)
    return Verdicts(impossible.sum(axis=1) > possible.sum(axis=1), impossible.max(axis=1) > possible.max(axis=1))


def _numpy(steps: list[Tensor]) -> np.ndarray:
    return torch.stack(steps, dim=1).cpu().numpy()
