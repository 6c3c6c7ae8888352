"""Two scales of colour: one for a number from low to high, one for a place in the plane."""

import numpy as np
from jaxtyping import Float, UInt8

RAMP = ((255, 236, 122), (250, 170, 60), (226, 92, 62), (150, 46, 106), (66, 28, 96), (24, 16, 48))
"""From low (bright) to high (dark); as dark in grey as in colour, so that it prints."""
CORNERS = (((46, 120, 214), (214, 60, 120)), ((34, 160, 120), (240, 176, 40)))
"""Of the plane: top left and right, bottom left and right."""


def ramp(values: Float[np.ndarray, "*batch"]) -> UInt8[np.ndarray, "*batch 3"]:
    """Colours of numbers from 0 to 1."""
    anchors = np.array(RAMP, dtype=float)
    place = np.clip(values, 0, 1) * (len(anchors) - 1)
    below = np.minimum(place.astype(int), len(anchors) - 2)
    weight = (place - below)[..., None]
    return ((1 - weight) * anchors[below] + weight * anchors[below + 1]).round().astype(np.uint8)


def plane(places: Float[np.ndarray, "batch 2"]) -> UInt8[np.ndarray, "batch 3"]:
    """Colours of places in the unit square, x to the right and y downwards: neighbours look alike."""
    x, y = np.clip(places, 0, 1).T[..., None]
    (top_left, top_right), (bottom_left, bottom_right) = np.array(CORNERS, dtype=float)
    top, bottom = (1 - x) * top_left + x * top_right, (1 - x) * bottom_left + x * bottom_right
    return ((1 - y) * top + y * bottom).round().astype(np.uint8)


def css(colour: UInt8[np.ndarray, "3"]) -> str:
    """A colour as a style sheet writes it."""
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def ramp_css() -> str:
    """The ramp from left to right."""
    return f"linear-gradient(90deg, {', '.join(css(np.array(colour, dtype=np.uint8)) for colour in RAMP)})"
