"""What the agent tries to make small: the energy of every place for one goal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.spaces import PixelSpace, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs.gym import Drawable

NUDGE = 0.01
"""Share of the strongest action that tells whether a place is free."""
LARGEST_DRIFT = 0.006
"""How far a nudge may carry, as a share of the arena; from inside a wall, the world pushes one out, and farther."""
ROWS_AT_ONCE = 512


Measure = Callable[[Float[torch.Tensor, "num latent"], Float[torch.Tensor, "1 latent"]], Float[torch.Tensor, " num"]]
"""How far it is from latents to the goal's."""


def distance(latents: Float[torch.Tensor, "num latent"], target: Float[torch.Tensor, "1 latent"]) -> Float[torch.Tensor, " num"]:
    """Mean squared difference."""
    return (latents - target).square().mean(dim=-1)


@dataclass(frozen=True)
class Landscape:
    """How far it is to a goal, over the places where the agent can be."""

    energies: Float[np.ndarray, "rows columns"]
    """Energy of each place, such as the mean squared difference between its latent and the goal's; NaN where nobody can be. Row 0 is on top."""
    goal: WorldState
    """`[1 ...]`"""


def has_position(world: AbstractWorld, state: WorldState) -> bool:
    """Whether places of this world can be drawn on a map: a `position [batch 2]` within the unit square, moved by a bounded action,
    in a world that can be drawn itself."""
    position, action = state.get("position"), world.spaces.action
    if not isinstance(world, Drawable) and not isinstance(world.spaces.observation, PixelSpace):
        return False
    if position is None or position.ndim != 2 or position.shape[1] != 2 or not isinstance(action, VectorSpace) or not action.bounded:
        return False
    return bool((position >= 0).all() and (position <= 1).all())


@torch.no_grad()
def energy_landscape(
    world_model: AbstractWorldModel, world: AbstractWorld, goal: WorldState, *, size: int = 120, measure: Measure = distance
) -> Landscape:
    """The energy on a grid of `size` by `size` places; everything but the position is as in `goal`.

    Args:
        measure: how far it is from latents `[num latent]` to the goal's `[1 latent]`.
    """
    middles = (np.arange(size) + 0.5) / size
    places = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    free = free_places(world, goal, places)
    energies = np.full(len(places), np.nan)
    if free.any():
        target = _latents(world_model, world, goal)
        latents = _latents(world_model, world, _at(goal, places[free]))
        energies[free] = torch.cat([measure(part, target) for part in latents.split(ROWS_AT_ONCE)]).cpu().numpy()
    return Landscape(energies.reshape(size, size), goal)


def free_places(world: AbstractWorld, state: WorldState, places: Float[np.ndarray, "places 2"]) -> Bool[np.ndarray, " places"]:
    """Where the agent can be: places from which a tiny action in any direction carries it a tiny way."""
    space = world.spaces.action
    assert isinstance(space, VectorSpace)
    low, high = space.bounds
    here = _at(state, places)
    free = np.ones(len(places), dtype=bool)
    for number in range(space.size):
        for bound in (low, high):
            action = np.zeros((len(places), space.size), dtype=np.float32)
            action[:, number] = NUDGE * bound[number]
            moved = np.abs(world.advance(here, action)["position"] - places).max(axis=1)
            free &= moved <= LARGEST_DRIFT
    return free


def _at(state: WorldState, places: np.ndarray) -> WorldState:
    rows = {name: np.repeat(part[:1], len(places), axis=0) for name, part in state.items()}
    return {**rows, "position": places.astype(np.asarray(state["position"]).dtype)}


@torch.no_grad()
def _latents(world_model: AbstractWorldModel, world: AbstractWorld, states: WorldState) -> torch.Tensor:
    device = world_model.device
    latents = []
    for start in range(0, len(states["position"]), ROWS_AT_ONCE):
        piece = {name: part[start : start + ROWS_AT_ONCE] for name, part in states.items()}
        seen = map_tree(lambda leaf: torch.from_numpy(np.ascontiguousarray(leaf)).to(device), world.observe(piece))
        latents.append(world_model.observe(None, None, seen).latent)
    return torch.cat(latents)
