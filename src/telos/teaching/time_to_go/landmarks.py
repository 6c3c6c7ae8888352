"""Drawing a map from logs: which states become landmarks, and which moves between them were seen."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from telos.agent.critics.shortest_paths import mainland
from telos.core.seeding import torch_generator
from telos.teaching.time_to_go.logged import LoggedLatents

MOST_FRAMES = 20_000
"""Frames that landmarks are chosen from."""
ROUNDS = 6
"""Of k-means; what comes after hardly moves anything."""
ROWS_AT_ONCE = 512
LAGS = range(1, 7)
"""Steps between two frames that make an edge. Over more than one step the size of a landmark's surroundings counts for less; over many, random
logs dawdle."""
SEEN = 3
"""Times that a move must have been seen: what was seen less often may be two states taken for one."""


@dataclass(frozen=True)
class Chart:
    """Landmarks, as rows of the logs, and the moves between them."""

    rows: Int[Tensor, " landmarks"]
    edges: Int[np.ndarray, "2 edges"]
    """From which to which."""
    steps: Float[np.ndarray, " edges"]
    """The fewest in which each was seen often enough."""
    stay: float
    """Steps that logs stay in the surroundings of one landmark, in the mean."""

    @property
    def longer_lags(self) -> range:
        """Steps that lead out of a landmark's surroundings: who crosses a border makes a move in one step, wherever it began."""
        least = max(LAGS.start, round(self.stay))
        return range(least, max(LAGS.stop, 2 * least + 1))


def draw_chart(logged: LoggedLatents, num: int, *, lags: range = LAGS, seed: int = 0, seen: int = SEEN) -> Chart:
    """About `num` landmarks, or fewer where logs are few, and the moves between them.

    Landmarks from which no way was seen back to the others, or none to them, are left out, and their surroundings go to their neighbours.

    Args:
        lags: steps between two frames that make an edge.
        seed: of the frames that landmarks are chosen from.
        seen: times that a move must have been seen.
    """
    rows = choose_landmarks(logged.latents, num, seed=seed)
    while True:
        at = nearest(logged.latents, logged.latents[rows]).numpy()
        edges, steps = count_moves(at, logged.episodes, len(rows), lags=lags, seen=seen)
        kept = mainland(edges, len(rows))
        if kept.all():
            return Chart(rows, edges, steps, stay(at, logged.episodes))
        rows = rows[torch.from_numpy(kept)]


def choose_landmarks(latents: Float[Tensor, "rows latent"], num: int, *, seed: int = 0) -> Int[Tensor, " num"]:
    """Rows in the middle of clusters of what was seen: more of them where logs are dense, as k-means has it, but none far from all that was seen.

    Source: Lloyd (1982) for k-means; the frame nearest to each mean is its landmark, since a mean of states need not be a state.
    """
    generator = torch_generator(seed, "landmarks")
    rows = torch.randperm(len(latents), generator=generator)[:MOST_FRAMES]
    some = latents[rows].cpu()
    means = some[: min(num, len(some))].clone()
    for _ in range(ROUNDS):
        at = nearest(some, means)
        sizes = torch.bincount(at, minlength=len(means))
        sums = torch.zeros_like(means).index_add_(0, at, some)
        means = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], means)
    return rows[nearest(means, some).unique()]


def count_moves(
    at: Int[np.ndarray, " rows"], episodes: Int[np.ndarray, " rows"], num: int, *, lags: range = LAGS, seen: int = SEEN
) -> tuple[Int[np.ndarray, "2 edges"], Float[np.ndarray, " edges"]]:
    """Which moves between landmarks were seen, and the fewest steps in which each was seen often enough.

    Args:
        at: landmark of each frame, in order.
        episodes: episode of each frame.
    """
    keys, steps = [], []
    for lag in lags:
        together = (episodes[lag:] == episodes[:-lag]) & (at[lag:] != at[:-lag])
        found, times = np.unique(at[:-lag][together].astype(np.int64) * num + at[lag:][together], return_counts=True)
        keys.append(found[times >= seen])
        steps.append(np.full(len(keys[-1]), lag, np.float32))
    # In order of steps, so that the first of each move is the fastest.
    moves, first = np.unique(np.concatenate(keys), return_index=True)
    return np.stack([moves // num, moves % num]).astype(np.int32), np.concatenate(steps)[first]


def stay(at: Int[np.ndarray, " rows"], episodes: Int[np.ndarray, " rows"]) -> float:
    """Mean number of frames in a row that belong to one landmark."""
    changes = (at[1:] != at[:-1]) | (episodes[1:] != episodes[:-1])
    return len(at) / (1 + int(changes.sum()))


def nearest(latents: Float[Tensor, "rows latent"], others: Float[Tensor, "num latent"]) -> Int[Tensor, " rows"]:
    """Which of the others is nearest to each."""
    squares = others.square().sum(dim=1)
    return torch.cat([torch.addmm(squares, part, others.T, alpha=-2).argmin(dim=1) for part in latents.split(ROWS_AT_ONCE)]).cpu()
