"""Which pair to ask about next: the one whose answer teaches most."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

CANDIDATES = 1500
"""Pairs that are looked at for each question."""
RECENT = 8
"""Questions after which a clip may be shown again: people want to see something new."""


def next_pair(
    logits: Float[Tensor, "clips members"] | None, rng: np.random.Generator, asked: list[tuple[int, int]], num: int | None = None
) -> tuple[int, int]:
    """Rows of two different clips, left and right by chance.

    Args:
        logits: what each critic of an ensemble thinks of each clip, so that a difference is the logit of "is better"; None: nothing is
            known, and chance chooses.
        asked: pairs that were asked already; none is asked twice, while there are others.
        num: clips, if there are no logits.

    Chosen is the pair about whose answer each member is sure, and all together are not: the mutual information between answer and
    critic (BALD).

    Source: Houlsby et al. (2011), "Bayesian active learning for classification and preference learning", arXiv 1112.5745.
    """
    num = num if logits is None else logits.shape[0]
    assert num is not None
    pairs = _candidates(rng, num, asked)
    if logits is None:
        return int(pairs[0, 0]), int(pairs[0, 1])
    gained = information(logits[pairs[:, 0]] - logits[pairs[:, 1]])
    recent = {row for pair in asked[-RECENT:] for row in pair}
    shown = torch.tensor([int(left) in recent or int(right) in recent for left, right in pairs])
    best = int(torch.where(shown, gained / 2, gained).argmax())
    return int(pairs[best, 0]), int(pairs[best, 1])


def information(logits: Float[Tensor, "pairs members"]) -> Float[Tensor, " pairs"]:
    """What an answer says of which member is right, in nats: entropy of the mean less the mean of the entropies."""
    chances = logits.sigmoid()
    return _entropy(chances.mean(dim=1)) - _entropy(chances).mean(dim=1)


def _entropy(chance: Tensor) -> Tensor:
    chance = chance.clamp(1e-9, 1 - 1e-9)
    return -(chance * chance.log() + (1 - chance) * (1 - chance).log())


def _candidates(rng: np.random.Generator, num: int, asked: list[tuple[int, int]]) -> np.ndarray:
    """Different pairs of different clips that were not asked yet `[candidates 2]`; any, if all were."""
    left = rng.integers(num, size=CANDIDATES)
    right = (left + 1 + rng.integers(num - 1, size=CANDIDATES)) % num
    known = {frozenset(pair) for pair in asked}
    fresh = [index for index in range(CANDIDATES) if frozenset((int(left[index]), int(right[index]))) not in known]
    pairs = np.stack([left, right], axis=1)
    return pairs[fresh] if fresh else pairs
