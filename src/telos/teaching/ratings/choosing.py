"""Which pair to ask about next: the one whose answer teaches most."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

CANDIDATES = 800
"""Pairs that are looked at for each question."""
TARGETS = 300
"""Pairs whose answers one would like to know."""
DRAWS = 256
"""Critics of an ensemble that is good enough to choose by."""
RECENT = 8
"""Questions after which a clip may be shown again: people want to see something new."""


def random_pair(rng: np.random.Generator, num: int, asked: list[tuple[int, int]]) -> tuple[int, int]:
    """Rows of two different clips of `num`, by chance; none that was asked already, while there are others."""
    left, right = _candidates(rng, num, asked)[0]
    return int(left), int(right)


def telling_pair(logits: Float[Tensor, "clips members"], rng: np.random.Generator, asked: list[tuple[int, int]]) -> tuple[int, int]:
    """Rows of the two clips whose comparison says most about all other comparisons.

    Args:
        logits: what each critic of an ensemble thinks of each clip, so that a difference is the logit of "is better".
        asked: pairs that were asked already; none is asked twice, while there are others.

    Chosen is the greatest mutual information between the answer and the answers to pairs drawn by chance, under the ensemble (EPIG).
    Information about the critic itself (BALD) is no better than chance where it is spent on clips that hardly ever occur, or that
    are hardly to be told apart (docs/log.md).

    Source: Bickford Smith et al. (2023), "Prediction-oriented Bayesian active learning", arXiv 2304.08151.
    """
    pairs = _candidates(rng, logits.shape[0], asked)
    targets = rng.integers(logits.shape[0], size=(TARGETS, 2))
    gained = shared_information(logits[pairs[:, 0]] - logits[pairs[:, 1]], logits[targets[:, 0]] - logits[targets[:, 1]]).mean(dim=1)
    recent = {row for pair in asked[-RECENT:] for row in pair}
    shown = torch.tensor([int(left) in recent or int(right) in recent for left, right in pairs])
    best = int(torch.where(shown, gained / 2, gained).argmax())
    return int(pairs[best, 0]), int(pairs[best, 1])


def shared_information(asked: Float[Tensor, "pairs members"], wanted: Float[Tensor, "targets members"]) -> Float[Tensor, "pairs targets"]:
    """What the answer to each pair says about the answer to each target, in nats; all are logits."""
    first, second = asked.sigmoid(), wanted.sigmoid()
    both = first @ second.T / first.shape[1]
    left, right = first.mean(dim=1)[:, None], second.mean(dim=1)[None]
    total = torch.zeros_like(both)
    for joint, one, other in (
        (both, left, right),
        (left - both, left, 1 - right),
        (right - both, 1 - left, right),
        (1 - left - right + both, 1 - left, 1 - right),
    ):
        joint = joint.clamp_min(1e-12)
        total += joint * (joint / (one * other).clamp_min(1e-12)).log()
    return total


def _candidates(rng: np.random.Generator, num: int, asked: list[tuple[int, int]]) -> np.ndarray:
    """Different pairs of different clips that were not asked yet `[candidates 2]`; any, if all were."""
    left = rng.integers(num, size=CANDIDATES)
    right = (left + 1 + rng.integers(num - 1, size=CANDIDATES)) % num
    known = {frozenset(pair) for pair in asked}
    fresh = [index for index in range(CANDIDATES) if frozenset((int(left[index]), int(right[index]))) not in known]
    pairs = np.stack([left, right], axis=1)
    return pairs[fresh] if fresh else pairs
