"""One seed for a whole run."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.core.seeding import derive_seed, numpy_generator, torch_generator

seeds = st.integers(0, 2**64)
paths = st.lists(st.text(max_size=8) | st.integers(0, 1000), max_size=3)


@given(seed=seeds, path=paths)
def test_is_the_same_every_time_and_fits_every_generator(seed, path):
    derived = derive_seed(seed, *path)
    assert derived == derive_seed(seed, *path)
    assert 0 <= derived < 2**63


def test_is_the_same_on_every_machine():
    assert [derive_seed(0), derive_seed(0, "sampler", 3), derive_seed(7, "plan", 0)] == [
        7896617691693857887,
        5491394547807281221,
        8632704407894845814,
    ]


def test_who_asks_makes_a_difference():
    asked = [(seed, name, step) for seed in range(5) for name in ("sampler", "plan", "heads") for step in range(50)]
    assert len({derive_seed(*path) for path in asked}) == len(asked)


def test_generators_of_different_paths_are_independent():
    first, second = (numpy_generator(0, name).normal(size=10_000) for name in ("a", "b"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.04
    first, second = (torch.randn(10_000, generator=torch_generator(0, "a", step)) for step in (0, 1))
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 0.04


def test_generators_leave_the_global_ones_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what is looked at
    torch.randn(3, generator=torch_generator(0, "a"))
    numpy_generator(0, "a").normal(size=3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
