"""What may be asked of an import; every default is said in the report, nothing is guessed in silence."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from telos.core.errors import ConfigError, DataError

Combine = Literal["last", "sum", "mean", "stack"]


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How logs are turned into a store."""

    columns: tuple[str, ...] = ()
    """ROLE=COLUMN, such as observation=obs/image, observation/wrist=obs/wrist_image, action=actions, info=states; ROLE=none leaves a role out."""
    episodes: str = ""
    """Which of them, counted from 0: 0:100 (without the last), or 3,5,8; by default all."""
    resize: int | None = None
    """Pictures become so many pixels wide and high, each the average of the area that it covers."""
    crop: Literal["none", "square"] = "none"
    """Of pictures that are not square: none squeezes the whole of them, square keeps the middle."""
    stride: int = 1
    """Every so many frames one is kept."""
    fps: float | None = None
    """Frames a second to keep, instead of a stride."""
    combine: Combine | None = None
    """What becomes of the actions between two kept frames; must be told where there are any."""
    relative_to: str | None = None
    """A column of observations that is subtracted from the actions: targets become displacements."""
    missing: Literal["split", "hold", "refuse"] = "split"
    """Gaps in the time stamps end an episode, or are filled with what was there before, or are refused."""
    bad: Literal["skip", "refuse"] = "skip"
    """Episodes that are damaged, or hold NaN where models learn, are left out, or refused."""
    bounds: str = "auto"
    """Of actions: auto takes those of the files, else the least and the greatest logged; or LOW:HIGH; or none."""

    def __post_init__(self) -> None:
        if self.resize is not None and not 1 <= self.resize <= 4096:
            raise ConfigError(f"Pictures cannot become {self.resize} pixels wide.", expected="--resize of 1 to 4096")
        if self.stride < 1 or (self.fps is not None and not self.fps > 0):
            raise ConfigError(f"A stride of {self.stride}, or {self.fps} frames a second, leaves nothing.", expected="numbers above zero")
        if self.fps is not None and self.stride != 1:
            raise ConfigError("Both a stride and frames a second were asked for.", expected="--stride or --fps", fix="leave one of them out")
        limits(self.bounds)
        choose_episodes(self.episodes, None)


def limits(bounds: str) -> tuple[float, float] | None:
    """`LOW:HIGH` as numbers, None for `auto` and `none`. Raises ConfigError for anything else."""
    if bounds in ("auto", "none"):
        return None
    try:
        low, high = map(float, bounds.split(":"))
    except ValueError:
        low, high = math.nan, math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"'{bounds}' are no bounds of actions.", expected="auto, none, or LOW:HIGH such as -1:1")
    return low, high


def choose_episodes(text: str, num: int | None) -> list[int]:
    """The episodes that `0:100` or `3,5,8` stands for, out of `num`; only the form is checked where that is not known yet.

    Raises:
        ConfigError: it has another form, or names none.
        DataError: there is no such episode.
    """
    chosen: set[int] = set()
    for part in text.split(",") if text else [":"]:
        if re.fullmatch(r"[0-9]{0,12}:[0-9]{0,12}|[0-9]{1,12}", part.strip()) is None:
            raise ConfigError(f"'{text}' names no episodes.", expected="0:100 (without the last), or 3,5,8")
        first, colon, last = part.strip().partition(":")
        if num is None:
            continue
        start, stop = int(first or 0), int(last or num) if colon else int(first) + 1
        if stop > num or start >= stop:
            raise DataError(f"There are no episodes {part.strip()}: the source has {num:,}.", expected=f"0:{num}")
        chosen.update(range(start, stop))
    return sorted(chosen)
