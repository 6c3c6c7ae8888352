"""The film of an episode: panels side by side, one picture a step."""

import numpy as np

from telos.evaluation.report.footage import Footage
from telos.evaluation.report.pictures import RGB, fit

HEIGHT, GAP = 256, 16
SCREEN = (22, 25, 30)
"""Colour between the panels; that of the page's screen."""
MOST_PICTURES = 160
SECONDS = 5
"""How long a film should take, within reason."""


def film(footage: Footage) -> tuple[np.ndarray, int]:
    """Pictures `[time height width 3]` of what was seen, what was imagined first, what was gone for and the goal, and how many a second takes.

    The last picture stays for a second. Long episodes are shown in strides.
    """
    assert footage.pictures is not None
    times = film_times(footage.num_steps)
    seen = footage.pictures
    width = 2 * round(HEIGHT * seen.shape[2] / seen.shape[1] / 2)
    beside = [*_imagined(footage), *([] if footage.gone_for is None else [footage.gone_for])]
    panels = [fit(pictures[times], HEIGHT, width) for pictures in (seen, *beside)]
    if footage.goal is not None:
        panels.append(np.broadcast_to(fit(footage.goal, HEIGHT, width), panels[0].shape))
    gap = np.broadcast_to(np.array(SCREEN, dtype=np.uint8), (len(times), HEIGHT, GAP, 3))
    pieces = [panels[0], *(piece for panel in panels[1:] for piece in (gap, panel))]
    frames = np.concatenate(pieces, axis=2)
    per_second = pictures_per_second(len(times))
    return np.concatenate([frames, np.repeat(frames[-1:], per_second, axis=0)]), per_second


def film_times(num_steps: int) -> np.ndarray:
    """The steps that are shown, the first and the last among them."""
    return np.unique(np.linspace(0, num_steps, min(num_steps + 1, MOST_PICTURES)).round().astype(int))


def pictures_per_second(num: int) -> int:
    """Slow enough to follow, fast enough not to bore."""
    return int(np.clip(round(num / SECONDS), 4, 20))


def _imagined(footage: Footage) -> list[RGB]:
    """What was imagined for every step, if anything was; for step 0, where nothing was yet, what was seen there, encoded and decoded."""
    if not footage.imagined:
        return []
    imagined = footage.imagined[0].pictures
    assert footage.first is not None and imagined is not None
    return [np.concatenate([footage.first, imagined])]
