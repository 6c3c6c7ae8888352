"""Turns colours around the grey axis."""

import numpy as np
from jaxtyping import Float

GREY = np.full(3, 1 / np.sqrt(3))


def hue_rotations(degrees: Float[np.ndarray, " batch"]) -> Float[np.ndarray, "batch 3 3"]:
    """Matrices that turn the hue of RGB columns by so many degrees; greys stay what they are, and so does the sum of the channels.

    Source: Rodrigues' rotation formula with the grey axis. Luminance is kept only roughly, as by any linear map of this kind.
    """
    angles = np.deg2rad(np.asarray(degrees, np.float64))[:, None, None]
    cross = np.array([[0, -GREY[2], GREY[1]], [GREY[2], 0, -GREY[0]], [-GREY[1], GREY[0], 0]])
    return np.cos(angles) * np.eye(3) + np.sin(angles) * cross + (1 - np.cos(angles)) * np.outer(GREY, GREY)
