"""How far apart things are for a level: what one of its steps comes to, and how dense its landmarks lie."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.action_box import ActionBox
from telos.core.levels import AbstractLevel, Landmarks
from telos.core.seeding import torch_generator
from telos.core.spaces import VectorSpace

MOST, TRIED = 256, 8
"""Landmarks that are looked at, and macro-actions that are tried from each."""


@dataclass(frozen=True)
class LevelScale:
    """Distances that are usual up there, as roots of mean squared differences."""

    step: float
    """What a step that makes for somewhere comes to: the farthest of a few macro-actions, the median over landmarks."""
    spacing: float
    """From a landmark to the next one, the median."""


_SCALES: "WeakKeyDictionary[Landmarks, LevelScale]" = WeakKeyDictionary()
"""What was found once; it hangs on weights alone."""


def scale_of(levels: tuple[AbstractLevel, ...], place: int) -> LevelScale:
    """The scale of one of the levels; measured once.

    Args:
        levels: the lowest first.
        place: which of them.
    """
    landmarks = levels[place].landmarks
    if landmarks not in _SCALES:
        _SCALES[landmarks] = _measured(levels, place)
    return _SCALES[landmarks]


def bottom_size(levels: tuple[AbstractLevel, ...]) -> int:
    """Numbers of a latent of the lowest level, with which its beliefs begin."""
    space = levels[0].spaces.observation
    assert isinstance(space, VectorSpace)
    return space.size


def rise(levels: tuple[AbstractLevel, ...], beliefs: Float[Tensor, "rows belief"]) -> Float[Tensor, "rows latent"]:
    """Beliefs of the lowest level as the last of the levels sees them."""
    latents = beliefs[:, : bottom_size(levels)]
    for level in levels:
        latents = level.raised(latents)
    return latents


def apart(one: Float[Tensor, "*#batch latent"], other: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
    """Root of the mean squared difference."""
    return (one - other).square().mean(dim=-1).sqrt()


@torch.no_grad()
def _measured(levels: tuple[AbstractLevel, ...], place: int) -> LevelScale:
    level, landmarks = levels[place], levels[place].landmarks
    some = torch.linspace(0, len(landmarks) - 1, min(MOST, len(landmarks)), device=landmarks.latents.device).long()
    near, _ = landmarks.nearest(landmarks.latents[some], num=min(2, len(landmarks)))
    below = landmarks.beliefs[some][:, : bottom_size(levels)]
    for lower in levels[:place]:
        below = lower.raised(below)
    state = level.observe(None, None, below)
    box = ActionBox(level.spaces.action)
    units = 2 * torch.rand(TRIED, 1, *box.space.shape, generator=torch_generator(0, "macros", device=below.device), device=below.device) - 1
    ahead = level.rollout(state, box.to_actions(units).repeat(len(some), 1, 1)).latent[:, 0].unflatten(0, (-1, TRIED))
    step = apart(ahead, state.latent[:, None]).amax(dim=1).median()
    return LevelScale(step=float(step), spacing=float(near[:, -1].sqrt().median()))
