"""The latents that anti-collapse terms look at: those of the whole global batch, with or without what scenery alone explains."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from telos.core.logs import Windows
from telos.core.types import State
from telos.training.global_batch import gather


def latents_of_batch(windows: Windows, states: State, *, within_episode: bool) -> Float[Tensor, "samples latent"]:
    """All latents `[batch * (time+1) latent]` of the global batch.

    Args:
        within_episode: subtract from each latent the mean of its episode's latents in the batch. Without it, latents may
            satisfy variance and covariance by coding what never changes within an episode, such as a wall, and forget what
            does (the slow-feature trap; Sobal et al. 2022, arXiv 2211.10831). Needs several windows per episode.
    """
    latents = gather(states.latent)
    num_frames = latents.shape[1]
    if not within_episode:
        return latents.flatten(0, 1)
    return _centre(latents.flatten(0, 1), gather(windows.episodes).repeat_interleave(num_frames))


def _centre(latents: Float[Tensor, "samples latent"], groups: Int[Tensor, " samples"]) -> Float[Tensor, "samples latent"]:
    _, group = groups.unique(return_inverse=True)
    num_groups = int(group.max()) + 1
    counts = torch.bincount(group, minlength=num_groups).to(latents.dtype)
    sums = torch.zeros(num_groups, latents.shape[1], dtype=latents.dtype, device=latents.device).index_add(0, group, latents)
    return latents - (sums / counts[:, None])[group]
