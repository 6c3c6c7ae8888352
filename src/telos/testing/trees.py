"""Comparing what components give: arrays, tensors, values that hold them, and trees of all these."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

TOLERANCE = 1e-5
"""Batches of different sizes are summed in different orders; more than this is no rounding."""


def leaves(tree: Any) -> list[np.ndarray]:
    """All arrays in a tree of arrays, tensors, mappings, sequences and dataclasses."""
    match tree:
        case Tensor():
            return [tree.detach().cpu().numpy()]
        case np.ndarray() | np.generic() | bool() | int() | float() | str():
            return [np.asarray(tree)]
        case None:
            return []
        case Mapping():
            return [leaf for name in sorted(tree) for leaf in leaves(tree[name])]
        case tuple() | list():
            return [leaf for part in tree for leaf in leaves(part)]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return leaves({field.name: getattr(tree, field.name) for field in dataclasses.fields(tree) if field.compare})
    raise TypeError(f"a {type(tree).__name__} holds no arrays that could be compared")


def same(left: Any, right: Any) -> bool:
    """Whether two trees are equal bit for bit, dtypes included."""
    pairs = _pairs(left, right)
    return pairs is not None and all(
        one.dtype == two.dtype and np.array_equal(one, two, equal_nan=one.dtype.kind in "fc" and two.dtype.kind in "fc") for one, two in pairs
    )


def near(left: Any, right: Any) -> bool:
    """Whether two trees are equal but for rounding."""
    pairs = _pairs(left, right)
    return pairs is not None and all(one.shape == two.shape and np.allclose(one, two, rtol=10 * TOLERANCE, atol=TOLERANCE) for one, two in pairs)


def finite(tree: Any) -> bool:
    """Whether a tree holds no NaN and no infinity."""
    return all(np.isfinite(leaf).all() for leaf in leaves(tree))


def rows(tree: Any, index: Any) -> Any:
    """Rows of every array of a tree."""
    if isinstance(tree, Mapping):
        return {name: rows(part, index) for name, part in tree.items()}
    return tuple(rows(part, index) for part in tree) if isinstance(tree, tuple) else tree[index]


def snapshot(tree: Any) -> list[np.ndarray]:
    """Copies of all arrays of a tree, to see later whether anybody wrote into them."""
    return [leaf.copy() for leaf in leaves(tree)]


def _pairs(left: Any, right: Any) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Leaves side by side; None if the trees have different ones."""
    if isinstance(left, Mapping) and isinstance(right, Mapping) and left.keys() != right.keys():
        return None
    one, two = leaves(left), leaves(right)
    return list(zip(one, two, strict=True)) if len(one) == len(two) else None
