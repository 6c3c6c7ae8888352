"""Logs of purposeful behaviour: the world's scripted expert on its way to one random goal after the other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, Tree
from telos.core.world import AbstractWorld
from telos.data.behaviour import AbstractBehaviour, Acting, HeldRandomActions


@dataclass(frozen=True, kw_only=True)
class WanderingExpert(AbstractBehaviour):
    """The scripted expert of a world, sent to random goals, and led astray for part of the time.

    Use where random actions hardly ever do what matters, such as push a block. The expert sees the true state, as no agent does; the logs say
    nothing of goals. Not without noise: where one thing is done in every state, a model cannot learn what another would lead to.

    Raises:
        ConfigError: the world has no expert, or a field is out of range.
    """

    world: AbstractWorld
    """Whose expert it is."""
    noise: float = 0.5
    """Share of the time in which random actions are held in place of the expert's."""
    max_hold: int = 8
    """Most steps before it may come back to its senses, or lose them."""
    max_goal_steps: int = 60
    """Most steps before it is sent elsewhere; it is also sent on where it has arrived."""

    def __post_init__(self) -> None:
        if not self.world.has_expert:
            raise ConfigError(f"Nobody wrote a scripted expert for {type(self.world).__name__}.", fix="collect with another policy")
        if not 0 <= self.noise <= 1:
            raise ConfigError(f"The expert cannot be led astray for a share of {self.noise} of the time.", expected="a number from 0 to 1")
        if min(self.max_hold, self.max_goal_steps) < 1:
            raise ConfigError(
                f"A behaviour cannot last for {self.max_hold} steps, nor a goal for {self.max_goal_steps}.", expected="1 step or more of each"
            )

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        wander = HeldRandomActions(max_hold=self.max_hold).start(space, num, rng)
        goals = {name: np.array(part) for name, part in self.world.sample(rng, num).items()}
        astray, held, sent = np.zeros(num, dtype=bool), np.zeros(num, dtype=np.int64), np.zeros(num, dtype=np.int64)

        def act(observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
            fresh = started | (sent == 0) | (self.world.distance(state, goals) <= self.world.rules.radius)
            for name, part in self.world.sample(rng, int(fresh.sum())).items():
                goals[name][fresh] = part
            sent[fresh] = rng.integers(1, self.max_goal_steps + 1, size=int(fresh.sum()))
            turns = started | (held == 0)
            astray[turns] = rng.random(int(turns.sum())) < self.noise
            held[turns] = rng.integers(1, self.max_hold + 1, size=int(turns.sum()))
            sent[:], held[:] = sent - 1, held - 1
            actions = np.where(astray[:, None], wander(observations, state, started), self.world.expert(state, goals))
            return actions.astype(space.dtype)

        return act
