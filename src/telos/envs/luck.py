"""Chance that is part of a state: a whole number from which all that is random in an episode follows, whatever is done."""

import numpy as np
from jaxtyping import Float, Int

MODULUS = 1 << 24
"""As many numbers as the single precision of logs tells apart."""
FACTOR, INCREMENT = 1_140_671_485, 12_820_163
"""Of a linear congruential generator of full period (Hull & Dobell 1962: odd increment, factor 1 modulo 4)."""
STRIDE = 10_368_889
"""Between the numbers that one luck gives: odd, and about 0.618 of the modulus."""


def next_luck(luck: Int[np.ndarray, " batch"]) -> Int[np.ndarray, " batch"]:
    """One step later."""
    return (luck * FACTOR + INCREMENT) % MODULUS


def uniform(luck: Int[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """From 0 to 1; mixed, since neighbouring numbers of such a generator are related."""
    mixed = (luck ^ (luck >> 13)) * 0x5BD1E995 % 2**32
    mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D % 2**32
    return ((mixed ^ (mixed >> 12)) % MODULUS) / MODULUS


def draws(luck: Int[np.ndarray, " batch"], num: int) -> Float[np.ndarray, "batch {num}"]:
    """Several numbers from 0 to 1 for one step."""
    return uniform((luck[:, None] + np.arange(num) * STRIDE) % MODULUS)
