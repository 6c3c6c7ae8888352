"""The axis of candidates lives here and nowhere else: it is folded into the batch, so that models and costs never see it."""

import time

import torch
from jaxtyping import Float, Num
from torch import Tensor

from telos.core.contracts import AbstractCost, AbstractEvaluator, AbstractWorldModel
from telos.core.spaces import ActionSpace
from telos.core.types import Problem, Rollout

ROWS_AT_ONCE = 4096
"""Rows of one forward pass: enough to keep the processor busy, few enough for its cache and for a small machine's memory."""


class CandidateEvaluator(AbstractEvaluator):
    """Judges candidates by imagining them. Starts and goals were encoded once; here they are only repeated."""

    def __init__(self, *, world_model: AbstractWorldModel, cost: AbstractCost, problem: Problem, action_space: ActionSpace) -> None:
        self.world_model, self.cost, self.problem, self.action_space = world_model, cost, problem, action_space
        self.num_problems = problem.num_rows
        self.num_candidates = 0
        self.best: list[Tensor] = []
        self.ran_out = False
        self.reason = "finished"
        self._started = time.perf_counter()
        self._repeated: dict[int, Problem] = {}

    def __call__(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num"]:
        with torch.no_grad():
            return self.differentiable(actions)

    def differentiable(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num"]:
        self.num_candidates += actions.shape[1]
        at_once = max(1, ROWS_AT_ONCE // self.num_problems)
        return torch.cat([self._energies(part) for part in actions.split(at_once, dim=1)], dim=1)

    def out_of_time(self, num_candidates: int = 0) -> bool:
        budget = self.problem.budget_ms
        self.ran_out = budget is not None and 1000 * self.seconds >= budget
        return self.ran_out

    def stopped(self, reason: str) -> None:
        self.reason = reason

    def record(self, best: Float[Tensor, " batch"]) -> None:
        self.best.append(best.detach().clone())

    @property
    def seconds(self) -> float:
        """Wall-clock time since planning began."""
        return time.perf_counter() - self._started

    def _energies(self, actions: Tensor) -> Tensor:
        num_problems, num = actions.shape[:2]
        if num not in self._repeated:
            self._repeated[num] = self.problem.repeat(num)
        problem = self._repeated[num]
        rollout = self.world_model.rollout(self.problem.state, actions.flatten(0, 1))
        energies = self.cost.energy(rollout, problem).sum(dim=1).unflatten(0, (num_problems, num))
        # A model may diverge far from its data; such a future is bad, and must not poison the others.
        return torch.where(energies.isfinite(), energies, torch.inf)


def imagine(world_model: AbstractWorldModel, cost: AbstractCost, problem: Problem, actions: Tensor) -> tuple[Rollout, Tensor]:
    """One imagined future per problem, and its energies per step."""
    rollout = world_model.rollout(problem.state, actions)
    return rollout, cost.energy(rollout, problem)


def take_best(units: Num[Tensor, "batch num horizon action"], energies: Float[Tensor, "batch num"], num: int) -> tuple[Tensor, Tensor]:
    """The `num` candidates of least energy, best first: `[batch num horizon action]` and `[batch num]`."""
    least = energies.topk(min(num, energies.shape[1]), dim=1, largest=False)
    index = least.indices[..., None, None].expand(-1, -1, *units.shape[2:])
    return units.gather(1, index), least.values
