"""All frames of some logs as one level after the other sees them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from telos.agent.levels import Level
from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs
from telos.core.spaces import ActionSpace, VectorSpace
from telos.teaching.levels.logs import LevelLogs
from telos.training.codes import encode_logs

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Climbed:
    """What a level makes of logs, for all frames of all episodes, one after the other."""

    latents: Float[Tensor, "rows latent"]
    beliefs: Float[Tensor, "rows belief"]
    """Of the lowest level."""
    acts: Num[Tensor, "rows act"]
    """What this level did from each frame on, in one step of its own; zeros where the episode ends before."""
    lengths: Int[np.ndarray, " episodes"]
    """Steps of the world in each episode; it has one frame more."""
    space: ActionSpace
    """Of the acts."""
    sizes: tuple[int, ...]
    """Numbers in the latents of all levels up to this one."""
    steps: int
    """Steps of the world in one step of this level."""

    def logs(self, stride: int) -> LevelLogs:
        """The same as the level above sees them. Raises EpisodeTooShortError if no episode is as long as a step of its."""
        return LevelLogs(
            self.latents.cpu().numpy(), self.acts.cpu().numpy(), self.lengths, space=self.space, stride=stride, steps=stride * self.steps
        )


@torch.no_grad()
def bottom_of(world_model: AbstractWorldModel, logs: AbstractLogs) -> Climbed:
    """All frames as the world model believes them, each episode watched from its beginning."""
    codes, actions = encode_logs(world_model, logs)
    latents, beliefs, first = [], [], 0
    for length in logs.lengths:
        rows = slice(first, first + int(length) + 1)
        states = world_model.assemble(codes[None, rows], actions[None, rows][:, :-1])
        latents.append(states.latent[0])
        beliefs.append(states.belief[0])
        first = rows.stop
    space = logs.spaces.action
    if isinstance(space, VectorSpace) and not space.bounded:
        # Half a range says nothing about the size of what was done.
        space = VectorSpace(space.size)
    return Climbed(torch.cat(latents), torch.cat(beliefs), actions, np.asarray(logs.lengths), space, (world_model.latent_size,), 1)


@torch.no_grad()
def climbed(level: Level, below: Climbed) -> Climbed:
    """The same frames as `level` sees them, whose acts are macro-actions."""
    latents = torch.cat([level.raised(part) for part in below.latents.split(ROWS_AT_ONCE)])
    rows = torch.from_numpy(_rows_with(below.lengths, level.steps)).to(latents.device)
    within = below.steps * torch.arange(level.stride, device=latents.device)
    acts = latents.new_zeros(len(latents), level.macro_size)
    for some in rows.split(ROWS_AT_ONCE):
        ends = torch.stack([below.latents[some], below.latents[some + level.steps]], dim=1)
        acts[some] = level.summarise(ends, below.acts[some[:, None] + within].flatten(1))
    space = level.spaces.action
    return Climbed(latents, below.beliefs, acts, below.lengths, space, (*below.sizes, level.latent_size), level.steps)


def _rows_with(lengths: Int[np.ndarray, " episodes"], steps: int) -> Int[np.ndarray, " rows"]:
    """Frames that have so many steps of their episode before them."""
    first = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    return np.concatenate([row + np.arange(max(0, length - steps + 1)) for row, length in zip(first, lengths, strict=True)])
