"""Logs as a level sees them: every so many steps a latent of the level below, and all that was done in between."""

import hashlib

import numpy as np
from jaxtyping import Float, Num

from telos.core.errors import EpisodeTooShortError
from telos.core.logs import AbstractLogs, Moments, Trajectory, WindowPlaces, Windows
from telos.core.spaces import ActionSpace, Spaces, VectorSpace


class LevelLogs(AbstractLogs):
    """Episodes at the clock of a level. Each logged episode counts several times, from each of its first steps on, so that no frame is lost.

    Args:
        latents: of the level below, for all frames of all episodes, one after the other.
        acts: what the level below did from each frame on, in one step of its own; never read where an episode has not so many steps left.
        lengths: steps of the world in each episode; it has one frame more.
        space: of these acts.
        stride: steps of the level below in one of this level's.
        steps: steps of the world in one of this level's.

    Raises:
        EpisodeTooShortError: no episode has as many steps.
    """

    def __init__(
        self,
        latents: Float[np.ndarray, "rows below"],
        acts: Num[np.ndarray, "rows act"],
        lengths: np.ndarray,
        *,
        space: ActionSpace,
        stride: int,
        steps: int,
    ) -> None:
        if lengths.max(initial=0) < steps:
            raise EpisodeTooShortError(
                f"The longest episode has {lengths.max(initial=0)} steps, and one step of this level is {steps} of the world.",
                fix="take shorter strides, or collect longer episodes",
            )
        self.latents, self.acts, self.stride, self.steps = latents, acts, stride, steps
        self.spaces = Spaces(VectorSpace(latents.shape[1]), VectorSpace(stride * acts.shape[1]))
        self._space = space
        first = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        starts = [np.arange(min(steps, length - steps + 1)) + row for row, length in zip(first, lengths, strict=True) if length >= steps]
        left = [length - np.arange(min(steps, length - steps + 1)) for length in lengths if length >= steps]
        self.first_rows, self._lengths = np.concatenate(starts), np.concatenate(left) // steps
        self._places: dict[int, WindowPlaces] = {}

    @property
    def lengths(self) -> np.ndarray:
        return self._lengths

    @property
    def fingerprint(self) -> str:
        parts = (np.ascontiguousarray(part).data for part in (self.latents, self.acts, self.first_rows))
        digest = hashlib.blake2b(f"{self.stride} {self.steps}".encode(), digest_size=16)
        for part in parts:
            digest.update(part)
        return digest.hexdigest()

    def episode(self, index: int) -> Trajectory:
        observations, actions = self._gather(self.first_rows[index : index + 1], int(self._lengths[index]))
        return Trajectory(observations[0], actions[0])

    def windows(self, rng: np.random.Generator, num: int, num_steps: int, *, per_episode: int = 1) -> Windows:
        if num_steps not in self._places:
            self._places[num_steps] = WindowPlaces(self._lengths, num_steps)
        episodes, starts = self._places[num_steps].draw(rng, num, per_episode=per_episode)
        return Windows(*self._gather(self.first_rows[episodes] + starts * self.steps, num_steps), episodes)

    def moments(self, name: str) -> Moments:
        """Of `observation`; and of `action`, the acts one by one, as the macro-action's guess reads them."""
        column = self.latents if name == "observation" else self.acts
        return Moments(mean=tuple(column.mean(axis=0, dtype=np.float64).tolist()), std=tuple(column.std(axis=0, dtype=np.float64).tolist()))

    def _gather(self, rows: np.ndarray, num_steps: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rows[:, None] + self.steps * np.arange(num_steps + 1)
        within = rows[:, :-1, None] + self.steps // self.stride * np.arange(self.stride)
        return self.latents[rows], self.acts[within].reshape(*within.shape[:2], -1)
