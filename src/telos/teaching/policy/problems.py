"""Problems to learn from without any environment: starts and goals from logs, and whatever imagination makes of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from telos.core.acting import AbstractPolicy
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import DataError
from telos.core.logs import AbstractLogs
from telos.core.types import Problem, State
from telos.training.codes import CodeWindows

OWN_EPISODE = 0.5
"""Share of the goals that are taken from the start's own episode; the others come from anywhere."""


@dataclass(frozen=True)
class Examples:
    """What was done in which state, towards which goal."""

    belief: Float[Tensor, "num belief"]
    goal: Float[Tensor, "num latent"]
    action: Num[Tensor, "num action"]

    def __len__(self) -> int:
        return len(self.belief)


class LoggedProblems:
    """States of logs, encoded once.

    Raises:
        DataError: no episode has a single step.
    """

    def __init__(self, world_model: AbstractWorldModel, logs: AbstractLogs) -> None:
        if not logs.num_episodes or int(logs.lengths.max()) < 1:
            raise DataError("The logs hold no step to learn from.", expected="episodes of 1 step or more")
        self.world_model, self.windows = world_model, CodeWindows(world_model, logs)
        self.longest = int(self.windows.lengths.max())

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, num: int, memory_steps: int) -> Problem:
        """Starts anywhere in the logs, each with a goal from its own episode or from anywhere.

        Args:
            memory_steps: so many steps before a start a model that remembers is shown at the most.
        """
        states, _, episodes = self._states(rng, num, memory_steps)
        times = torch.from_numpy(rng.integers(0, states.latent.shape[1], num))
        return Problem(state=at_times(states, times), goal=self._goals(rng, episodes))

    @torch.no_grad()
    def hindsight(self, rng: np.random.Generator, num: int, farthest: int) -> Examples:
        """What was done in a state, with a goal that was reached 1 to `farthest` steps later.

        Source: Ghosh et al. (2019), arXiv 1912.06088; goals in hindsight after Andrychowicz et al. (2017), arXiv 1707.01495.
        """
        states, actions, _ = self._states(rng, num, farthest)
        steps = actions.shape[1]
        times = rng.integers(0, steps, num)
        later = times + 1 + rng.integers(0, np.iinfo(np.int64).max, num) % (steps - times)
        rows, when = torch.arange(num), torch.from_numpy(times)
        return Examples(states.belief[rows, when], states.latent[rows, torch.from_numpy(later)], actions[rows, when])

    def _states(self, rng: np.random.Generator, num: int, num_steps: int) -> tuple[State, Tensor, Int[np.ndarray, " batch"]]:
        drawn = self.windows.windows(rng, num, max(1, min(num_steps, self.longest)))
        codes, actions = torch.as_tensor(drawn.observations), torch.as_tensor(drawn.actions)
        return self.world_model.assemble(codes, actions, drawn.frames), actions, np.asarray(drawn.episodes)

    def _goals(self, rng: np.random.Generator, episodes: Int[np.ndarray, " batch"]) -> State:
        windows, size = self.windows, self.world_model.latent_size
        own = windows.first_rows[episodes] + rng.integers(0, windows.lengths[episodes] + 1)
        anywhere = rng.integers(0, len(windows.codes), len(episodes))
        # In another layout a goal may lie in a wall.
        share = 1.0 if self.world_model.reads_scenery else OWN_EPISODE
        rows = np.where(rng.random(len(episodes)) < share, own, anywhere)
        latent = windows.codes[torch.from_numpy(rows)][:, :size]
        return State(latent=latent, belief=latent)


def at_times(states: State, times: Int[Tensor, " batch"]) -> State:
    """Of windows of states `[batch time ...]` one state each."""
    rows = torch.arange(len(times))
    return states._map(lambda part: part[rows, times.to(part.device)])


@torch.no_grad()
def wander_by(policy: AbstractPolicy, world_model: AbstractWorldModel, problem: Problem, rng: np.random.Generator, *, farthest: int) -> Problem:
    """The problems as they are met on the policy's own way, after 0 to `farthest` steps: what it will have to cope with."""
    left = torch.from_numpy(rng.integers(0, farthest + 1, problem.num_rows)).to(problem.state.latent.device)
    state = problem.state
    for step in range(farthest):
        moved = world_model.step(state, policy.act(replace(problem, state=state)))
        state = _where(left > step, moved, state)
    return replace(problem, state=state)


def _where(rows: Tensor, yes: State, no: State) -> State:
    def pick(first: Tensor, second: Tensor) -> Tensor:
        return torch.where(rows.view(-1, *[1] * (first.ndim - 1)), first, second)

    memory = {name: pick(value, no.memory[name]) for name, value in yes.memory.items()}
    return State(latent=pick(yes.latent, no.latent), belief=pick(yes.belief, no.belief), memory=memory)
