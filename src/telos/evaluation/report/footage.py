"""What was seen beside what was imagined for the same moments."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import Tree
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.report.codec import Codec
from telos.evaluation.report.episode import Episode, imagined_before
from telos.evaluation.report.imagery import AbstractImagery, NearestImagery, as_numbers
from telos.evaluation.report.pictures import RGB


@dataclass(frozen=True)
class Imagined:
    """One way of imagining an episode, decoded."""

    label: str
    decoded: np.ndarray
    """`[time ...]` for steps 1, 2, ...: pictures, or vectors."""
    pictures: RGB | None
    """`[time height width 3]`; None if there is no way to draw them."""


@dataclass(frozen=True)
class Footage:
    """One episode: what was seen, and what was imagined of it."""

    pictures: RGB | None
    """`[time+1 height width 3]` of what was seen; None if there is no way to draw it."""
    numbers: np.ndarray | None
    """`[time+1 numbers]` of what was seen, if it is numbers."""
    first: RGB | None
    """`[1 height width 3]`: the first frame, encoded and decoded."""
    imagined: tuple[Imagined, ...]
    """Empty if there was nothing to decode with."""
    num_steps: int
    goal: RGB | None = None
    """`[height width 3]`"""
    gone_for: RGB | None = None
    """`[time+1 height width 3]`: what the lowest level was after, moment by moment; None if there is one level, or no way to draw it."""


def footage_of_episode(episode: Episode, world: AbstractWorld, codec: Codec | None, imagery: AbstractImagery, lag: int) -> Footage:
    """An attempt of the agent, beside what it had imagined `lag` steps before, and with eyes closed from the start."""
    observations = world.observe(episode.states)
    if isinstance(imagery, NearestImagery):
        pictures, goals = imagery.of_states(episode.states), imagery.of_states(episode.goal)
    else:
        pictures, goals = imagery.seen(observations), imagery.seen(world.observe(episode.goal))
    goal = None if goals is None else goals[0]
    if codec is None:
        numbers = None if imagery.sees_pictures else as_numbers(observations)
        return Footage(pictures, numbers, None, (), episode.num_steps, goal)
    before = f"imagined {lag} step{'s' if lag > 1 else ''} before"
    ways = {before: imagined_before(episode, lag), "imagined, eyes closed": imagine_from_start(codec.world_model, observations, episode.actions)}
    return _footage(observations, ways, codec, imagery, goal, pictures)


def footage_of_logs(logs: AbstractEpisodes, codec: Codec, imagery: AbstractImagery, *, seed: int, most_steps: int = 40) -> Footage:
    """A held-out episode, drawn by lot, beside what the model imagines from its first frame and its actions alone."""
    longest = np.flatnonzero(logs.lengths >= min(most_steps, logs.lengths.max()))
    trajectory = logs.episode(int(numpy_generator(seed, "footage").choice(longest)))
    num_steps = min(most_steps, trajectory.num_steps)
    observations = map_tree(lambda leaf: np.array(leaf[: num_steps + 1]), trajectory.observations)
    ways = {"imagined, eyes closed": imagine_from_start(codec.world_model, observations, np.array(trajectory.actions[:num_steps]))}
    return _footage(observations, ways, codec, imagery)


@torch.no_grad()
def imagine_from_start(world_model: AbstractWorldModel, observations: Tree, actions: np.ndarray) -> Tensor:
    """Latents `[time latent]` imagined from the first of the observations `[time+1 ...]` under the actions `[time action]`."""
    device = world_model.device
    first = map_tree(lambda leaf: torch.from_numpy(np.array(leaf[:1])).to(device), observations)
    return world_model.rollout(world_model.observe(None, None, first), torch.from_numpy(actions)[None].to(device)).latent[0]


def _footage(
    observations: Tree, ways: dict[str, Tensor], codec: Codec, imagery: AbstractImagery, goal: RGB | None = None, pictures: RGB | None = None
) -> Footage:
    pictures = imagery.seen(observations) if pictures is None else pictures
    first_code = codec.encode(map_tree(lambda leaf: leaf[:1], observations))
    imagined = []
    for label, latents in ways.items():
        decoded = codec.decode_latents(latents, first_code[0])
        imagined.append(Imagined(label, decoded, imagery.imagined(decoded)))
    numbers = None if imagery.sees_pictures else as_numbers(observations)
    num_steps = len(next(iter(ways.values())))
    return Footage(pictures, numbers, imagery.imagined(codec.decode(first_code)), tuple(imagined), num_steps, goal)
