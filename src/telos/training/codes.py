"""Windows of cached codes: with perception frozen, every frame is encoded once; pictures are needed for scenery alone."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, WindowPlaces, Windows, first_leaf, map_tree
from telos.core.spaces import Tree
from telos.core.types import Observation

FRAMES_AT_ONCE = 512


class CodeWindows:
    """The codes of all frames of some logs, in memory, and random windows of them."""

    def __init__(self, world_model: AbstractWorldModel, logs: AbstractLogs) -> None:
        self.lengths = np.asarray(logs.lengths)
        self.first_rows = np.concatenate([[0], np.cumsum(self.lengths + 1)[:-1]])
        self.codes, self.actions = encode_logs(world_model, logs)
        self.device = self.codes.device
        self.logs = logs if world_model.reads_scenery else None

    def windows(self, rng: np.random.Generator, num: int, num_steps: int, *, per_episode: int = 1) -> Windows:
        """As `AbstractLogs.windows`, with codes `[batch time+1 code]` for observations."""
        episodes, starts = WindowPlaces(self.lengths, num_steps).draw(rng, num, per_episode=per_episode)
        rows = torch.from_numpy((self.first_rows[episodes] + starts)[:, None] + np.arange(num_steps + 1)).to(self.device)
        return Windows(
            observations=self.codes[rows],
            actions=self.actions[rows[:, :-1]],
            episodes=torch.from_numpy(episodes).to(self.device),
            frames=None if self.logs is None else self._frames(self.logs, rng, episodes),
        )

    def _frames(self, logs: AbstractLogs, rng: np.random.Generator, episodes: np.ndarray) -> Observation:
        """Any frame of each window's episode: scenery must not depend on where the agent happens to be."""
        times = rng.integers(self.lengths[episodes] + 1)
        picked = [map_tree(lambda leaf, time=time: leaf[time], logs.episode(int(i)).observations) for i, time in zip(episodes, times, strict=True)]
        if isinstance(picked[0], Mapping):
            return {name: torch.from_numpy(np.stack([frame[name] for frame in picked])).to(self.device) for name in picked[0]}
        return torch.from_numpy(np.stack(picked)).to(self.device)


@torch.no_grad()
def encode_logs(world_model: AbstractWorldModel, logs: AbstractLogs) -> tuple[Tensor, Tensor]:
    """Codes `[rows code]` and actions `[rows action]` of all frames; an episode's last row has an action of zeros."""
    device = world_model.device
    actions = np.concatenate(
        [np.concatenate([logs.episode(i).actions, np.zeros_like(logs.episode(i).actions[:1])]) for i in range(logs.num_episodes)]
    )
    codes: Tensor | None = None
    row = 0
    for frames in _chunks(logs):
        found = world_model.encode_frames(map_tree(lambda leaf: torch.from_numpy(leaf).to(device), frames))
        # One buffer from the start: small results kept between large temporaries would hold the heap open.
        codes = found.new_empty(len(actions), found.shape[1]) if codes is None else codes
        codes[row : row + len(found)] = found
        row += len(found)
    assert codes is not None
    return codes, torch.from_numpy(actions).to(device)


def _chunks(logs: AbstractLogs) -> Iterator[Tree]:
    """All frames in order, a few hundred at a time."""
    waiting: list[Tree] = []
    for index in range(logs.num_episodes):
        observations = logs.episode(index).observations
        num = len(first_leaf(observations))
        for start in range(0, num, FRAMES_AT_ONCE):
            waiting.append(map_tree(lambda leaf, start=start: leaf[start : start + FRAMES_AT_ONCE], observations))
            if sum(len(first_leaf(part)) for part in waiting) >= FRAMES_AT_ONCE or (index == logs.num_episodes - 1 and start + FRAMES_AT_ONCE >= num):
                yield _join(waiting)
                waiting = []


def _join(parts: list[Tree]) -> Tree:
    if isinstance(parts[0], Mapping):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)
