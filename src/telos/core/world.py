"""The contract of a world: pure functions over a batch of states."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from telos.core.errors import UnknownNameError
from telos.core.spaces import DiscreteSpace, Spaces, Tree

WorldState = Mapping[str, np.ndarray]
"""The full true state of a batch of worlds: named arrays `[batch ...]`. For evaluation only; no model ever sees it."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What counts as success in a world, unless somebody asks for other rules."""

    radius: float = 0.05
    """Inside counts as reached; in the unit of `AbstractWorld.distance`."""
    unit: str = "arena widths"
    """Of the radius."""
    hold: int = 5
    """Steps in a row inside the radius that make a success."""
    at_end: bool = False
    """Whether the last `hold` steps of the time allowed must lie inside, instead of any `hold` in a row."""
    steps: int | None = None
    """Time allowed; None: a multiple of what the scripted expert takes, or of the offset where there is no expert."""


@dataclass(frozen=True, kw_only=True)
class AbstractWorld(ABC):
    """A world that ships its own dynamics: values in, values out, nothing hidden, so any state can be restored.

    Subclasses are frozen dataclasses whose fields are the world's parameters; sizes are shares of the arena's width.
    `telos.envs` turns every world into a Gymnasium environment and a Gymnasium vector environment.
    """

    action_repeat: int = 1
    """How often one action is carried out; the clock of the agent ticks once."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("anywhere",)
    """Kinds of start and goal that `sample_pairs` knows; the first is the default of the evaluation."""
    rules: ClassVar[Rules] = Rules()
    """What counts as success."""
    units: ClassVar[Mapping[str, str]] = {}
    """Units of parts of a state that are worth telling: whatever is in `radians` winds, and is read as a direction."""
    has_expert: ClassVar[bool] = True
    """Whether somebody wrote a scripted expert for this world."""

    @property
    @abstractmethod
    def spaces(self) -> Spaces:
        """What is observed and what can be done."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        """`num` random states, each with a layout of its own where layouts vary."""

    @abstractmethod
    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        """`num` starts and goals, each pair in one layout and not solved at the start.

        Raises:
            UnknownNameError: `kind` is not among `pair_kinds`.
        """

    @abstractmethod
    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        """The states after `actions [batch action]`, in the environment's units, clipped to the action space."""

    @abstractmethod
    def observe(self, state: WorldState) -> Tree:
        """What a sensor sees: `[batch ...]` as the observation space says."""

    @abstractmethod
    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """The scripted expert's actions `[batch action]`; it may look at the true state."""

    @abstractmethod
    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Straight distance `[batch]` between two states, in the unit of `rules` (arena widths). Success is judged on it."""

    def over(self, state: WorldState) -> np.ndarray:
        """`[batch]`: whether the episode has come to an end of its own; most worlds have none."""
        return np.zeros(len(next(iter(state.values()))), dtype=bool)

    def idle(self, state: WorldState) -> np.ndarray | None:
        """Actions `[batch action]` that do nothing: zeros, or None where the actions are choices."""
        space = self.spaces.action
        return None if isinstance(space, DiscreteSpace) else np.zeros((len(next(iter(state.values()))), *space.shape), dtype=space.dtype)

    def truth(self, state: WorldState) -> WorldState:
        """What logs keep of a state, for evaluation only."""
        return state

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        """A state `[1 ...]` from what logs kept of it.

        Args:
            truth: as `truth` gave it; stores keep no truth values and half the digits, so the world's dtypes come back here.
            actions: `[time action]`, everything done in the episode before.
        """
        usual = self.truth(self.sample(np.random.default_rng(0), 1))
        return {name: np.array(truth[name], part.dtype) for name, part in usual.items()}

    def check_pair_kind(self, kind: str) -> None:
        """Raises UnknownNameError for a kind of start and goal that this world does not have."""
        if kind not in self.pair_kinds:
            raise UnknownNameError.of(f"kind of start and goal in {type(self).__name__}", kind, self.pair_kinds)
