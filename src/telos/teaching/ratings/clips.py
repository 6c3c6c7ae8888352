"""Clips: short pieces of episodes, with what the agent believes of them."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import DataError
from telos.core.logs import first_leaf, map_tree
from telos.core.spaces import Tree
from telos.data.base import AbstractEpisodes

BATCH = 64
"""Clips that are encoded at a time."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a clip lies in its logs; it names the clip."""

    episode: int
    start: int
    """Frame that it begins with."""

    def to_json(self) -> list[int]:
        return [self.episode, self.start]


@dataclass(frozen=True)
class Clips:
    """Clips of equal length, and what a world model believes of them."""

    places: tuple[Place, ...]
    beliefs: Float[Tensor, "clips frames belief"]
    actions: Num[Tensor, "clips steps action"]

    def __len__(self) -> int:
        return len(self.places)

    def __add__(self, other: "Clips") -> "Clips":
        return Clips(self.places + other.places, torch.cat([self.beliefs, other.beliefs]), torch.cat([self.actions, other.actions]))

    @property
    def steps(self) -> int:
        return self.actions.shape[1]


def draw_places(logs: AbstractEpisodes, rng: np.random.Generator, num: int, steps: int) -> tuple[Place, ...]:
    """`num` different clips of `steps` steps, every one of the logs equally likely; all there are, if there are fewer.

    Raises:
        DataError: no episode is so long, or there are fewer than two such clips.
    """
    room = np.maximum(np.asarray(logs.lengths) - steps + 1, 0)
    total = int(room.sum())
    if total < 2:
        raise DataError(
            f"The logs have {total} clips of {steps} steps.", expected="2 or more to compare", fix=f"--steps {max(1, int(max(logs.lengths)) // 2)}"
        )
    ends = np.cumsum(room)
    chosen = np.sort(rng.choice(total, min(num, total), replace=False))
    episodes = np.searchsorted(ends, chosen, side="right")
    return tuple(Place(int(episode), int(index - ends[episode] + room[episode])) for episode, index in zip(episodes, chosen, strict=True))


@torch.no_grad()
def read_clips(world_model: AbstractWorldModel, logs: AbstractEpisodes, places: tuple[Place, ...], steps: int) -> Clips:
    """The clips at `places`, as the world model sees them.

    Raises:
        DataError: an episode is not there, or ends sooner.
    """
    for place in places:
        if not 0 <= place.episode < logs.num_episodes or not 0 <= place.start <= int(logs.lengths[place.episode]) - steps:
            raise DataError(f"The logs have no clip of {steps} steps at frame {place.start} of episode {place.episode}.")
    beliefs, taken = [], []
    for first in range(0, len(places), BATCH):
        some = places[first : first + BATCH]
        observations, actions = _gather(logs, some, steps)
        tensors = map_tree(lambda leaf: torch.from_numpy(leaf).to(world_model.device), observations)
        done = torch.from_numpy(actions)
        beliefs.append(world_model.encode_window(tensors, done.to(world_model.device)).belief.cpu())
        taken.append(done)
    return Clips(places, torch.cat(beliefs), torch.cat(taken))


def frames_of(logs: AbstractEpisodes, place: Place, steps: int) -> tuple[Tree, np.ndarray]:
    """What was seen `[steps+1 ...]` and done `[steps action]` in one clip."""
    observations, actions = _gather(logs, (place,), steps)
    return map_tree(lambda leaf: leaf[0], observations), actions[0]


def _gather(logs: AbstractEpisodes, places: tuple[Place, ...], steps: int) -> tuple[Tree, np.ndarray]:
    episodes, starts = (np.array([getattr(place, name) for place in places]) for name in ("episode", "start"))
    observations, actions = logs.gather(episodes, starts, steps)
    assert first_leaf(observations).shape[1] == steps + 1
    return observations, actions


def digest_of(logs: AbstractEpisodes, steps: int) -> str:
    """Tells clips of these logs from those of others: answers speak of no other ones."""
    return hashlib.blake2b(f"{logs.fingerprint} {steps}".encode(), digest_size=8).hexdigest()
