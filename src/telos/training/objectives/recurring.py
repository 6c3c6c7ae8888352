"""Pictures that come again and again, such as blank ones: they tell nothing of where one is."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

DIGITS = 1e5
"""Codes that differ by less than this part of their deviation are those of one and the same picture."""
OFTEN = 0.05
"""Share of a batch that one picture has to make up: far more than a place does where somebody stands still for a while."""


def distinct(codes: Float[Tensor, "frames latent"]) -> Int[Tensor, " frames"]:
    """As many rows as there are, of distinct codes only: each in turn, over and over, since processes gather equally many."""
    kind, counts = _kinds(codes)
    rows = torch.arange(len(codes), device=codes.device)
    first = torch.full_like(counts, len(codes)).scatter_reduce(0, kind, rows, "amin").sort().values
    return first[rows % len(first)]


def recurring(codes: Float[Tensor, "*frames latent"]) -> Bool[Tensor, "*frames"]:
    """Which frames show a picture that a good part of the batch shows."""
    kind, counts = _kinds(codes.reshape(-1, codes.shape[-1]))
    return (counts[kind] > OFTEN * len(kind)).reshape(codes.shape[:-1])


def _kinds(codes: Float[Tensor, "frames latent"]) -> tuple[Int[Tensor, " frames"], Int[Tensor, " kinds"]]:
    """Which codes are of one kind, and how many there are of each."""
    codes = codes.detach()
    scale = codes.std(dim=0).clamp_min(1e-12)
    _, kind, counts = (codes / scale * DIGITS).round().unique(dim=0, return_inverse=True, return_counts=True)
    return kind, counts
