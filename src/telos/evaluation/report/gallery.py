"""Frames of the logs by what the model makes of them: what a state that was really seen looked like, and where that was."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import WindowPlaces, map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import Tree
from telos.data import AbstractEpisodes

NUM_FRAMES = 6000
"""Enough for some twenty frames in each cell of a maze of 15 by 15 cells."""
AT_ONCE = 500
POSITION = "position"


@dataclass(frozen=True)
class Gallery:
    """Some frames of some logs, drawn by lot."""

    logs: AbstractEpisodes
    episodes: Int[np.ndarray, " frames"]
    times: Int[np.ndarray, " frames"]
    latents: Float[Tensor, "frames latent"]
    positions: Float[np.ndarray, "frames 2"] | None
    """Where the agent truly was; None where the logs do not tell. For pictures only."""

    def nearest(self, latents: Float[Tensor, "num latent"]) -> Int[np.ndarray, " num"]:
        """The frames whose latents come nearest."""
        return torch.cdist(latents.to(self.latents), self.latents).argmin(dim=1).cpu().numpy()

    def observations(self, frames: Int[np.ndarray, " num"]) -> Tree:
        """What was seen `[num ...]`."""
        return _frames(self.logs, self.episodes[frames], self.times[frames])


def gallery_of(world_model: AbstractWorldModel, logs: AbstractEpisodes, *, seed: int, num_frames: int = NUM_FRAMES) -> Gallery:
    """Encodes frames of the logs, drawn by lot."""
    episodes, times = WindowPlaces(logs.lengths, 1).draw(numpy_generator(seed, "gallery"), num_frames)
    parts = []
    for start in range(0, num_frames, AT_ONCE):
        piece = slice(start, start + AT_ONCE)
        parts.append(latents_of(world_model, _frames(logs, episodes[piece], times[piece])))
    return Gallery(logs, episodes, times, torch.cat(parts), _positions(logs, episodes, times))


@torch.no_grad()
def latents_of(world_model: AbstractWorldModel, observations: Tree) -> Float[Tensor, "frames latent"]:
    """What the model makes of frames `[frames ...]`, each by itself."""
    device = world_model.device
    tensors = map_tree(lambda leaf: torch.from_numpy(np.array(leaf)).to(device), observations)
    return world_model.encode_frames(tensors)[:, : world_model.latent_size]


def _frames(logs: AbstractEpisodes, episodes: np.ndarray, times: np.ndarray) -> Tree:
    return map_tree(lambda leaf: leaf[:, 0], logs.gather(episodes, times, 1)[0])


def _positions(logs: AbstractEpisodes, episodes: np.ndarray, times: np.ndarray) -> np.ndarray | None:
    if POSITION not in logs.info_names:
        return None
    places = np.stack([logs.info(POSITION, int(episode))[time] for episode, time in zip(episodes, times, strict=True)])
    return places.astype(np.float64) if places.ndim == 2 and places.shape[1] == 2 else None
