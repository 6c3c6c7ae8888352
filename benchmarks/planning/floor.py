"""The least arithmetic that a plan needs, at the rate at which this machine multiplies matrices of exactly these shapes.

What the cached algorithm computes, for a LeWorldModel with a context as long as its history:

- Tokens before the first action that is searched for are the same for all candidates: once per problem, too little to count.
- The window then holds 1, 2, … `history` tokens that hang on the candidate. Positions are learned and the window slides, so
  at every step all of them are new; none can be carried over from the step before.
- In the last layer only the last token goes on: the others need their keys and values there, and nothing else.
- Embeddings of actions, and the scales, shifts and gates made of them, are computed once for each action.

Attention's own products (queries with keys, weights with values) are left out, and so is all that is no matrix product.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.planning.sizes import Search, Size
from benchmarks.planning.timing import seconds_of

MOST_ROWS = 4096
"""Larger products are measured in pieces of so many rows."""
LEAST_SECONDS = 0.004
TRIES = 5


class Product(NamedTuple):
    """`[rows size_in] @ [size_in size_out]`."""

    rows: int
    size_in: int
    size_out: int

    @property
    def operations(self) -> float:
        return 2.0 * self.rows * self.size_in * self.size_out


def products(size: Size, search: Search, num_problems: int = 1) -> Counter[Product]:
    """The products of a whole plan, and how often each is needed."""
    rows, width, inner = search.candidates * num_problems, size.width, size.inner
    one: Counter[Product] = Counter()
    for step in range(search.horizon):
        window = rows * min(step + 1, size.history)
        for shape in ((width, 3 * inner), (inner, width), (width, size.hidden), (size.hidden, width)):
            one[Product(window, *shape)] += size.depth - 1
        one[Product(window, width, 2 * inner)] += 1
    for shape in ((width, inner), (inner, width), (width, size.hidden), (size.hidden, width)):
        one[Product(rows, *shape)] += search.horizon
    for shape in ((width, size.projection), (size.projection, width)):
        one[Product(rows, *shape)] += search.horizon
    actions = rows * search.horizon
    one[Product(actions, width, 6 * width)] += size.depth
    for shape in ((size.action, size.action), (size.action, 4 * width), (4 * width, width)):
        one[Product(actions, *shape)] += 1
    return Counter({product: num * search.iterations for product, num in one.items()})


def perceptron_products(sizes: list[int], search: Search) -> Counter[Product]:
    """The same for a memoryless predictor with layers of these sizes."""
    steps = search.horizon * search.iterations
    return Counter({Product(search.candidates, *pair): num * steps for pair, num in Counter(pairwise(sizes)).items()})


@dataclass(frozen=True)
class Floor:
    """Seconds of a plan's products: by torch's default, by packed oneDNN, and by whichever is faster for each shape."""

    plain: float
    packed: float
    best: float
    operations: float

    @property
    def rate(self) -> float:
        """Operations per second, in billions."""
        return self.operations / self.best / 1e9


def measure(needed: Counter[Product], device: str = "cpu", dtype: torch.dtype = torch.float32) -> Floor:
    """Each product on random numbers, as often as gives a time; the best of several tries counts."""
    plain = packed = best = 0.0
    for product, num in needed.items():
        rows = min(product.rows, MOST_ROWS)
        pieces = num * product.rows / rows
        times = _seconds(product._replace(rows=rows), device, dtype)
        plain, packed, best = plain + pieces * times[0], packed + pieces * times[1], best + pieces * min(times)
    return Floor(plain, packed, best, sum(product.operations * num for product, num in needed.items()))


@torch.no_grad()
def _seconds(product: Product, device: str, dtype: torch.dtype) -> tuple[float, float]:
    """Of one such product, plain and packed."""
    made = {"device": device, "dtype": dtype}
    value, weight = torch.randn(product.rows, product.size_in, **made), torch.randn(product.size_out, product.size_in, **made)
    bias = torch.randn(product.size_out, **made)
    plain = _once(lambda: functional.linear(value, weight, bias), device)
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return plain, plain
    layout = torch.ops.mkldnn._reorder_linear_weight(weight, product.rows)
    return plain, _once(lambda: torch.ops.mkldnn._linear_pointwise(value, layout, bias, "none", [], ""), device)


def _once(work: Callable[[], Tensor], device: str) -> float:
    """Seconds of one call."""

    def several(num: int) -> float:
        return seconds_of(lambda: [work() for _ in range(num)], device)

    several(1)
    num = 1
    while (passed := several(num)) < LEAST_SECONDS:
        num = max(num + 1, int(num * min(10.0, 1.2 * LEAST_SECONDS / max(passed, 1e-9))))
    return min(passed, *(several(num) for _ in range(TRIES - 1))) / num
