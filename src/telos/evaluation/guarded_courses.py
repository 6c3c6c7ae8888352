"""The ways that contestants went, for pictures: what guardrails speak of, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.core.guarding import AbstractRequirement
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.closed_loop import Outcome, Reached, play
from telos.evaluation.contestants import AbstractContestant
from telos.evaluation.guarded import Breaches, Judges, true_quantities
from telos.evaluation.protocols import Pairs, Protocol


@dataclass(frozen=True)
class Courses:
    """All episodes of one contestant."""

    name: str
    outcome: Outcome
    breaches: Mapping[str, Breaches]
    """By the guardrail's name."""
    quantities: Mapping[str, Float[np.ndarray, "time episodes size"]]
    """True quantities from the start on, by name; NaN once an episode is through."""


class CourseRecorder:
    """Keeps what `play` records."""

    def __init__(self, world: AbstractWorld, names: tuple[str, ...], starts: WorldState) -> None:
        self.world, self.names = world, names
        self.num = len(next(iter(starts.values())))
        self._frames = [self._read(starts)]

    def __call__(self, episodes: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        frame = {}
        for name, rows in self._read(states).items():
            frame[name] = np.full((self.num, rows.shape[1]), np.nan)
            frame[name][episodes] = rows
        self._frames.append(frame)

    @property
    def quantities(self) -> dict[str, np.ndarray]:
        """`[time episodes size]` by name."""
        return {name: np.stack([frame[name] for frame in self._frames]) for name in self.names}

    def _read(self, states: WorldState) -> dict[str, np.ndarray]:
        return {name: part.numpy() for name, part in true_quantities(self.world, states, self.names).items()}


def record_courses(
    world: AbstractWorld,
    pairs: Pairs,
    contestant: AbstractContestant,
    protocol: Protocol,
    requirements: Mapping[str, AbstractRequirement],
    reached: Reached | None = None,
) -> Courses:
    """Plays all episodes, and keeps the way of each."""
    names = tuple(dict.fromkeys(name for requirement in requirements.values() for name in requirement.quantities))
    recorder, judges = CourseRecorder(world, names, pairs.starts), Judges(world, requirements, pairs.starts)

    def both(episodes: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        recorder(episodes, actions, states)
        judges(episodes, actions, states)

    outcome = play(world, pairs, contestant, protocol, reached=reached, record=both)
    return Courses(contestant.name, outcome, judges.breaches, recorder.quantities)
