"""What an agent would believe at frames of the logs, and what it would imagine from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, map_tree
from telos.core.types import State

ROLLOUTS_AT_ONCE = 512


@dataclass(frozen=True)
class Places:
    """Frames of episodes, in the order of episodes."""

    episodes: np.ndarray
    """`[frames]`"""
    frames: np.ndarray
    """`[frames]`"""

    def __len__(self) -> int:
        return len(self.episodes)

    def by_episode(self) -> Mapping[int, np.ndarray]:
        """The frames of each episode."""
        return {int(episode): self.frames[self.episodes == episode] for episode in np.unique(self.episodes)}


@torch.no_grad()
def states_at(world_model: AbstractWorldModel, logs: AbstractLogs, places: Places) -> State:
    """The states `[frames ...]` of an agent that watched each episode from its beginning; a model without memory looks at these frames alone."""
    assert (np.diff(places.episodes) >= 0).all()
    states, memoryless = [], False
    for episode, frames in places.by_episode().items():
        if memoryless:
            states.append(world_model.observe(None, None, _tensors(world_model, logs.episode(episode).observations, frames)))
        else:
            along = _watch(world_model, logs, episode, int(frames.max()))
            memoryless = not _remembers(along)
            states.append(along.select(torch.from_numpy(frames).to(along.latent.device)))
    return _join(states)


@torch.no_grad()
def imagine(world_model: AbstractWorldModel, states: State, actions: np.ndarray) -> Float[Tensor, "rows horizon belief"]:
    """The beliefs that `actions` `[rows horizon action]` are expected to lead to."""
    parts = []
    for start in range(0, len(actions), ROLLOUTS_AT_ONCE):
        rows = slice(start, start + ROLLOUTS_AT_ONCE)
        told = torch.from_numpy(np.ascontiguousarray(actions[rows])).to(world_model.device)
        parts.append(world_model.rollout(states.select(rows), told).belief)
    return torch.cat(parts)


def actions_after(logs: AbstractLogs, places: Places, horizon: int) -> np.ndarray:
    """`[frames horizon action]`: what was done from each frame on."""
    pieces = [logs.episode(episode).actions[frames[:, None] + np.arange(horizon)] for episode, frames in places.by_episode().items()]
    return np.concatenate(pieces)


def _watch(world_model: AbstractWorldModel, logs: AbstractLogs, episode: int, last: int) -> State:
    """The states `[last + 1 ...]` from an episode's beginning to its frame `last`."""
    trajectory = logs.episode(episode)
    last = max(last, 1)
    observations = _tensors(world_model, trajectory.observations, np.arange(last + 1))
    actions = torch.from_numpy(np.array(trajectory.actions[:last])).to(world_model.device)
    states = world_model.encode_window(map_tree(lambda leaf: leaf[None], observations), actions[None])
    return states._map(lambda tensor: tensor.flatten(0, 1))


def _remembers(state: State) -> bool:
    """Whether a belief holds more than its frame shows."""
    return state.belief.shape[-1] > state.latent.shape[-1] or any(part.numel() for part in state.memory.values())


def _tensors(world_model: AbstractWorldModel, observations, frames: np.ndarray):
    return map_tree(lambda leaf: torch.from_numpy(np.ascontiguousarray(leaf[frames])).to(world_model.device), observations)


def _join(states: Sequence[State]) -> State:
    return State(
        latent=torch.cat([state.latent for state in states]),
        belief=torch.cat([state.belief for state in states]),
        memory={name: torch.cat([state.memory[name] for state in states]) for name in states[0].memory},
    )
