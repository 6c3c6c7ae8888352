"""What observations and actions look like: shapes, units and ranges, free of any framework.

Sizes that come from data live here and nowhere else; a config never holds them. Spaces validate at the border:
`check` raises one clear `SpaceError` for a wrong shape, dtype or a value that is not a number.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.errors import SpaceError

Tree = Any
"""An array, or a mapping of names to arrays."""


class AbstractSpace(ABC):
    """One observation or action."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Axes of one element."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """How stores keep it."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The space as JSON; `space_from_json` reads it back."""

    def batch_shape(self, value: Any, *, what: str) -> tuple[int, ...]:
        """The leading axes of `value` in front of one element of this space.

        Raises:
            SpaceError: the trailing axes are not those of the space.
        """
        shape = tuple(value.shape)
        lead = len(shape) - len(self.shape)
        if lead < 0 or shape[lead:] != self.shape:
            raise SpaceError(
                f"{what} has shape {list(shape)}.",
                expected=f"{list(self.shape)}, after any number of batch axes ({self.describe()})",
                fix="check which environment or data set it comes from; 'telos show RUN' tells what a run was trained on",
            )
        return shape[:lead]

    def check(self, value: np.ndarray, *, what: str) -> np.ndarray:
        """`value` in the space's dtype.

        Raises:
            SpaceError: wrong shape, or a value that is not a finite number.
        """
        value = np.asarray(value)
        if value.dtype.kind not in "biuf":
            raise SpaceError(f"{what} holds {value.dtype} values.", expected="numbers")
        self.batch_shape(value, what=what)
        _check_finite(value, what)
        with np.errstate(over="ignore"):
            kept = value.astype(self.dtype, copy=False)
        if kept is not value and kept.dtype.kind == "f" and not np.isfinite(kept).all():
            raise SpaceError(f"{what} holds numbers too large for {kept.dtype}.", expected="numbers up to 3e38", fix="choose another unit")
        return kept

    def describe(self) -> str:
        """A few words for people."""
        return f"{type(self).__name__} {list(self.shape)}"


def _check_finite(value: np.ndarray, what: str) -> None:
    if value.dtype.kind == "f" and not (finite := np.isfinite(value)).all():
        raise SpaceError(
            f"{what} holds {int((~finite).sum())} values that are not finite numbers (NaN or infinity).",
            expected="finite numbers",
            fix="drop or repair these frames before you go on",
        )


@dataclass(frozen=True)
class PixelSpace(AbstractSpace):
    """A picture `[height width channel]`, uint8 from 0 to 255."""

    height: int
    width: int
    channels: int = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.height, self.width, self.channels)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    def check(self, value: np.ndarray, *, what: str) -> np.ndarray:
        value = np.asarray(value)
        if value.dtype != np.uint8:
            raise SpaceError(
                f"{what} holds {value.dtype} values.", expected="uint8 from 0 to 255", fix="(frame * 255).astype('uint8') if they run from 0 to 1"
            )
        return super().check(value, what=what)

    def describe(self) -> str:
        return f"a picture of {self.height} x {self.width} with {self.channels} channels"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "pixels", "height": self.height, "width": self.width, "channels": self.channels}


@dataclass(frozen=True)
class VectorSpace(AbstractSpace):
    """Numbers `[size]`, float32; `low` and `high` per number (None: not bounded), in the environment's own units."""

    size: int
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, nowhere in (("low", math.inf), ("high", -math.inf)):
            bound = getattr(self, name)
            if bound is not None and len(bound) != self.size:
                raise SpaceError(f"The {name} bound of a vector of {self.size} numbers has {len(bound)} numbers.", expected=f"{self.size} numbers")
            if bound is not None and any(math.isnan(value) or value == nowhere for value in bound):
                raise SpaceError(f"The {name} bound of a vector is {bound}, which no number can keep.", expected="numbers, and not NaN")
        if self.low is not None and self.high is not None and any(low > high for low, high in zip(self.low, self.high, strict=True)):
            raise SpaceError(f"A lower bound lies above its upper bound: {self.low} against {self.high}.")

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    @property
    def bounded(self) -> bool:
        """Whether every number has a finite range, as planning needs it for actions."""
        low, high = self.bounds
        return bool(np.isfinite(low).all() and np.isfinite(high).all())

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound `[size]`, infinite where there is none."""
        low = np.full(self.size, -np.inf) if self.low is None else np.array(self.low)
        high = np.full(self.size, np.inf) if self.high is None else np.array(self.high)
        return low.astype(np.float32), high.astype(np.float32)

    def describe(self) -> str:
        return f"a vector of {self.size} number{'s' if self.size != 1 else ''}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "vector", "size": self.size, "low": _bound_to_json(self.low), "high": _bound_to_json(self.high)}


@dataclass(frozen=True)
class DiscreteSpace(AbstractSpace):
    """One of `num` choices, an integer `[1]` from 0 to `num - 1`."""

    num: int

    @property
    def shape(self) -> tuple[int]:
        return (1,)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.int64)

    def check(self, value: np.ndarray, *, what: str) -> np.ndarray:
        value = super().check(value, what=what)
        if value.size and (value.min() < 0 or value.max() >= self.num):
            raise SpaceError(f"{what} holds choices from {value.min()} to {value.max()}.", expected=f"0 to {self.num - 1}")
        return value

    def describe(self) -> str:
        return f"one of {self.num} choices"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "discrete", "num": self.num}


@dataclass(frozen=True)
class TreeSpace:
    """A named tree of observations, flat: `{"camera": PixelSpace(...), "proprio": VectorSpace(...)}`."""

    spaces: Mapping[str, "PixelSpace | VectorSpace"]

    def check(self, value: Any, *, what: str) -> dict[str, np.ndarray]:
        """Each part in its dtype. Raises SpaceError for a missing or an unknown part, and as the parts do."""
        if not isinstance(value, Mapping) or set(value) != set(self.spaces):
            found = sorted(value) if isinstance(value, Mapping) else type(value).__name__
            raise SpaceError(f"{what} has the parts {found}.", expected=f"a dictionary of {sorted(self.spaces)}")
        return {name: space.check(value[name], what=f"{what}, part '{name}',") for name, space in self.spaces.items()}

    def batch_shape(self, value: Any, *, what: str) -> tuple[int, ...]:
        shapes = {name: space.batch_shape(value[name], what=f"{what}, part '{name}',") for name, space in self.spaces.items()}
        if len(set(shapes.values())) != 1:
            raise SpaceError(f"The parts of {what} disagree about the batch: {shapes}.", expected="the same leading axes for every part")
        return next(iter(shapes.values()))

    def describe(self) -> str:
        return "; ".join(f"{name}: {space.describe()}" for name, space in self.spaces.items())

    def to_json(self) -> dict[str, Any]:
        return {"kind": "tree", "spaces": {name: space.to_json() for name, space in self.spaces.items()}}


ObservationSpace = PixelSpace | VectorSpace | TreeSpace
ActionSpace = VectorSpace | DiscreteSpace


@dataclass(frozen=True)
class Spaces:
    """Everything a model needs to know of the world that it is to learn."""

    observation: ObservationSpace
    action: ActionSpace

    def fit(self, other: "Spaces") -> bool:
        """Whether a model of these spaces can work in the others: bounds of actions may differ, nothing else."""
        same_choices = getattr(self.action, "num", None) == getattr(other.action, "num", None)
        return self.observation == other.observation and self.action.shape == other.action.shape and same_choices

    def describe(self) -> str:
        """A few words for people."""
        return f"{self.observation.describe()}, and actions that are {self.action.describe()}"

    def to_json(self) -> dict[str, Any]:
        return {"observation": self.observation.to_json(), "action": self.action.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Spaces":
        return cls(observation=space_from_json(data["observation"]), action=space_from_json(data["action"]))


def space_from_json(data: Mapping[str, Any]) -> Any:
    """Reads back what `to_json` wrote. Raises SpaceError for a kind that it does not know."""
    match data.get("kind"):
        case "pixels":
            return PixelSpace(height=data["height"], width=data["width"], channels=data["channels"])
        case "vector":
            return VectorSpace(size=data["size"], low=_bound_from_json(data["low"], -math.inf), high=_bound_from_json(data["high"], math.inf))
        case "discrete":
            return DiscreteSpace(num=data["num"])
        case "tree":
            return TreeSpace({name: space_from_json(part) for name, part in data["spaces"].items()})
        case kind:
            raise SpaceError(f"'{kind}' is no kind of space.", expected="pixels, vector, discrete or tree")


def _bound_to_json(bound: tuple[float, ...] | None) -> list[float | None] | None:
    return None if bound is None else [value if math.isfinite(value) else None for value in bound]


def _bound_from_json(bound: list[float | None] | None, unbounded: float) -> tuple[float, ...] | None:
    if bound is None:
        return None
    return tuple(unbounded if value is None else float(value) for value in bound)


def space_from_gym(space: Any, *, what: str) -> Any:
    """The Telos space for a Gymnasium one: images, boxes, discrete choices, and dictionaries of images and boxes.

    Raises:
        SpaceError: a kind of space that Telos does not read.
    """
    import gymnasium

    match space:
        case gymnasium.spaces.Discrete():
            return DiscreteSpace(int(space.n))
        case gymnasium.spaces.Box() if space.dtype == np.uint8 and len(space.shape) == 3:
            return PixelSpace(*map(int, space.shape))
        case gymnasium.spaces.Box():
            size = math.prod(space.shape)
            low, high = (tuple(map(float, np.broadcast_to(bound, space.shape).reshape(-1))) for bound in (space.low, space.high))
            return VectorSpace(size, low if any(map(math.isfinite, low)) else None, high if any(map(math.isfinite, high)) else None)
        case gymnasium.spaces.Dict():
            return TreeSpace({name: space_from_gym(part, what=f"{what}, part '{name}',") for name, part in space.spaces.items()})
    raise SpaceError(f"{what} has the space {space}.", expected="Box, Discrete, or a Dict of Boxes")
