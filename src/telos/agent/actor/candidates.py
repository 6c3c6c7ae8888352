"""The axis of candidates lives here and nowhere else: it is folded into the batch, so that models and costs never see it."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from telos.agent.actor.chunks import pieces, rows_at_once
from telos.agent.actor.clock import RoundClock
from telos.agent.actor.guard import Guard, kept
from telos.agent.actor.guide import Guide
from telos.agent.actor.pace import Pace
from telos.agent.actor.pool import Pool
from telos.core.contracts import AbstractCost, AbstractEvaluator, AbstractWorldModel
from telos.core.spaces import ActionSpace
from telos.core.threads import threads_for
from telos.core.types import Problem, Rollout, State

BROKEN = 1e6
"""Value of a guardrail where a future is no longer a number."""


class CandidateEvaluator(AbstractEvaluator):
    """Judges candidates by imagining them. Starts and goals were encoded once; here they are only repeated.

    Args:
        pace: what rounds have cost so far; None: nobody knows yet.
        fixed_work: no more than one pass for any number of candidates, for a graph that is captured.
        guard: guardrails, which then weigh on the energies; all that is judged is kept for the gate.
    """

    def __init__(
        self,
        *,
        world_model: AbstractWorldModel,
        cost: AbstractCost,
        problem: Problem,
        action_space: ActionSpace,
        pace: Pace | None = None,
        fixed_work: bool = False,
        guard: Guard | None = None,
    ) -> None:
        self.clock = RoundClock(pace or Pace(), problem.num_rows, problem.budget_ms)
        self.world_model, self.cost, self.problem, self.action_space = world_model, cost, problem, action_space
        self.num_problems, self.fixed_work, self.guard = problem.num_rows, fixed_work, guard
        self.pool = Pool(problem.num_rows)
        self.num_candidates = 0
        self.best: list[Tensor] = []
        self.reason = "finished"
        self._repeated: dict[int, Problem] = {}
        self._parts: dict[tuple[int, int], Problem] = {}
        # An evaluator for some of the problems counts what it judges there.
        self._whole: CandidateEvaluator | None = None
        self._rows: Tensor | None = None
        self._guide: Guide | None = None
        self._allowance: Tensor | None = None

    def __call__(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num"]:
        num = self.clock.take(actions.shape[1])
        with torch.no_grad():
            energies, *values = self._piecewise(CandidateEvaluator._judge, actions[:, :num])
            if self.guard is not None:
                energies = self._guided(actions[:, :num], energies, *values)
        return _filled(energies, actions.shape[1], torch.inf)

    def value_and_slope(
        self, actions: Float[Tensor, "batch num horizon action"]
    ) -> tuple[Float[Tensor, "batch num"], Float[Tensor, "batch num horizon action"]]:
        num = self.clock.take(actions.shape[1])
        if self.guard is not None and self._guide is None:
            # The penalty's units are needed before its slope is.
            with torch.no_grad():
                self._guide = Guide.measured(self.guard, *self._piecewise(CandidateEvaluator._judge, actions[:, :num], counted=False))
        energies, slopes, *values = self._piecewise(CandidateEvaluator._value_and_slope, actions[:, :num], gradient=True)
        if self.guard is not None:
            self._keep(actions[:, :num], energies, *values)
        return _filled(energies, actions.shape[1], torch.inf), _filled(slopes, actions.shape[1], 0.0)

    def latents(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num horizon latent"]:
        with torch.no_grad():
            return self._piecewise(lambda part, piece: (part._imagine(piece).latent.unflatten(0, piece.shape[:2]),), actions)[0]

    def virtual(
        self, latents: Float[Tensor, "batch num horizon latent"], actions: Num[Tensor, "batch num horizon action"]
    ) -> tuple[Float[Tensor, "batch num"], Float[Tensor, "batch num"]]:
        self._count(actions)
        lead, problem = actions.shape[:2], self._for_each(actions.shape[1])
        latents, actions = latents.flatten(0, 1), actions.flatten(0, 1)
        states = [problem.state]
        for time_ in range(actions.shape[1]):
            states.append(self.world_model.update(states[-1], actions[:, time_], latents[:, time_]))
        along = _window(states)
        expected = self.world_model.foresee(along, actions).latent
        supposed = Rollout(latent=latents, actions=actions, beyond=(along.belief[:, 1:, latents.shape[-1] :],))
        energies = self.cost.energy(supposed, problem).sum(dim=1)
        if self.guard is not None:
            energies = energies + self._penalty(energies.unflatten(0, lead), self.guard.values(supposed, problem).unflatten(0, lead)).flatten()
        defects = (expected - latents).square().mean(dim=-1).sum(dim=1)
        return energies.unflatten(0, lead), defects.unflatten(0, lead)

    def among(self, rows: Int[Tensor, " some"]) -> "CandidateEvaluator":
        part = copy.copy(self)
        part._whole = self._whole or self
        part.problem, part.num_problems, part._repeated, part._parts = self.problem.select(rows), len(rows), {}, {}
        part._rows = rows if self._rows is None else self._rows[rows]
        part._guide = None if self._guide is None else self._guide.select(rows)
        part._allowance = None
        return part

    def trial(self) -> "CandidateEvaluator":
        """The same with all the time in the world, and a count of its own; what is measured goes to the same pace."""
        problem = replace(self.problem, budget_ms=math.inf)
        return CandidateEvaluator(
            world_model=self.world_model, cost=self.cost, problem=problem, action_space=self.action_space, pace=self.clock.pace, guard=self.guard
        )

    def out_of_time(self, num_candidates: int = 0) -> bool:
        return not self.clock.ask(num_candidates, self.num_problems)

    def outcome(self, actions: Num[Tensor, "batch num horizon action"]) -> tuple[Tensor, Tensor, Tensor]:
        """The best of a few candidates, and what follows: actions `[batch horizon action]`, energies `[batch horizon]`, latents.

        One pass tells both which is the best and what is expected of it.
        """
        num_problems, num = actions.shape[:2]
        with threads_for(self.world_model.step_products * num_problems * num):
            rollout = self._imagine(actions)
            energies = self.cost.energy(rollout, self._for_each(num))
        if num == 1:
            return rollout.actions, energies, rollout.latent
        self._count(actions)
        total = _worst_where_broken(energies.sum(dim=1)).unflatten(0, (num_problems, num))
        rows = total.argmin(dim=1) + num * torch.arange(num_problems, device=total.device)
        return rollout.actions[rows], energies[rows], rollout.latent[rows]

    def prospects(
        self, actions: Num[Tensor, "batch num horizon action"], beside: Num[Tensor, "batch more horizon action"] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Rollout]:
        """Candidates with what guardrails say of their whole way: energies `[batch num]`; the task's own along it, and latents.

        Args:
            beside: what is imagined in the same pass, and not judged; the rollout that comes back holds it, behind the candidates.
        """
        assert self.guard is not None
        imagined, num = actions if beside is None else torch.cat([actions, beside], dim=1), actions.shape[1]
        lead, problem = imagined.shape[:2], self._for_each(imagined.shape[1])
        with threads_for(self.world_model.step_products * lead[0] * lead[1]):
            rollout = self._imagine(imagined)
            along = self.cost.energy(rollout, problem).unflatten(0, lead)[:, :num]
            values = self.guard.values(rollout, problem).unflatten(0, lead)[:, :num]
        self._count(actions)
        total = along.sum(dim=2)
        return _worst_where_broken(total + self._penalty(total, values)), along, rollout.latent.unflatten(0, lead)[:, :num], rollout

    def stopped(self, reason: str) -> None:
        self.reason = reason

    def record(self, best: Float[Tensor, " batch"]) -> None:
        self.best.append(best.detach().clone())
        self.clock.round_ended()

    def _piecewise(
        self, judge: Callable[["CandidateEvaluator", Tensor], tuple[Tensor, ...]], actions: Tensor, *, gradient: bool = False, counted: bool = True
    ) -> tuple[Tensor, ...]:
        """What `judge` finds for all candidates, in passes of a bounded size: nothing else is held for all of them at once."""
        num_problems, num = actions.shape[:2]
        if counted:
            self._count(actions)
        if self.fixed_work:
            return judge(self, actions)
        rows = rows_at_once(self.world_model, self.problem, actions.shape[2], gradient=gradient)
        with threads_for(self.world_model.step_products * min(rows, num_problems * num)):
            if num_problems * num <= rows:
                return judge(self, actions)
            whole: tuple[Tensor, ...] = ()
            for problems, candidates in pieces(num_problems, num, rows):
                found = judge(self._part(problems), actions[problems, candidates])
                whole = whole or tuple(piece.new_empty(num_problems, num, *piece.shape[2:]) for piece in found)
                for into, piece in zip(whole, found, strict=True):
                    into[problems, candidates] = piece
        return whole

    def _count(self, actions: Tensor) -> None:
        (self._whole or self).num_candidates += actions.shape[1]
        self.clock.judged(actions.shape[0] * actions.shape[1])

    def _part(self, problems: slice) -> "CandidateEvaluator":
        key = problems.start, problems.stop
        if key not in self._parts:
            # Kept for all rounds: a world model knows its starts again by their tensors.
            self._parts[key] = self.problem.select(problems)
        part = copy.copy(self)
        part.problem, part._repeated = self._parts[key], {}
        part._guide = None if self._guide is None else self._guide.select(problems)
        return part

    def _for_each(self, num: int) -> Problem:
        if num not in self._repeated:
            self._repeated[num] = self.problem.repeat(num)
        return self._repeated[num]

    def futures(self, num: int) -> Problem:
        """The problems as they are judged with `num` candidates each."""
        return self._for_each(num)

    def _value_and_slope(self, actions: Tensor) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            actions = actions.detach().requires_grad_()
            energies, *values = self._judge(actions)
            if self.guard is not None:
                energies = _worst_where_broken(energies + self._penalty(energies, *values))
            (slope,) = torch.autograd.grad(torch.where(energies.isfinite(), energies, torch.zeros_like(energies)).sum(), actions)
        return energies.detach(), torch.nan_to_num(slope), *(value.detach() for value in values)

    @property
    def allowance(self) -> Float[Tensor, "batch guardrails"]:
        """`Guard.allowance` of the problems, found once."""
        assert self.guard is not None
        if self._allowance is None:
            self._allowance = self.guard.allowance(self.problem)
        return self._allowance

    def _penalty(self, energies: Tensor, values: Tensor) -> Tensor:
        assert self.guard is not None
        if not self.guard.graded:
            return torch.zeros_like(energies)
        if self._guide is None:
            self._guide = Guide.measured(self.guard, energies.detach(), values.detach())
        return self._guide.penalty(self.guard, values)

    def _guided(self, actions: Tensor, energies: Tensor, values: Tensor) -> Tensor:
        """Energies with what guardrails say; what may still become a plan is kept."""
        energies = energies + self._penalty(energies, values)
        self._keep(actions, energies, values)
        return energies

    def _keep(self, actions: Tensor, energies: Tensor, values: Tensor) -> None:
        assert self.guard is not None
        # Who breaks a guardrail before the next plan is made needs no fallback to be found out.
        begins_well = kept(values[:, :, : self.guard.committed], self.allowance[:, None])
        self.pool.add(actions, torch.where(begins_well, energies, torch.inf), self._rows)

    def _imagine(self, actions: Tensor) -> Rollout:
        return self.world_model.rollout(self.problem.state, actions.flatten(0, 1))

    def _judge(self, actions: Tensor) -> tuple[Tensor, ...]:
        """The task's energies `[batch num]`; with guardrails their values `[batch num horizon guardrails]` too."""
        rollout, problem, lead = self._imagine(actions), self._for_each(actions.shape[1]), actions.shape[:2]
        energies = _worst_where_broken(self.cost.energy(rollout, problem).sum(dim=1).unflatten(0, lead))
        if self.guard is None:
            return (energies,)
        # A value that is not a number is a broken future as well: nobody can tell where it leads.
        return energies, torch.nan_to_num(self.guard.values(rollout, problem), nan=BROKEN).unflatten(0, lead)


def imagine(world_model: AbstractWorldModel, cost: AbstractCost, problem: Problem, actions: Tensor) -> tuple[Rollout, Tensor]:
    """One imagined future per problem, and its energies per step."""
    rollout = world_model.rollout(problem.state, actions)
    return rollout, cost.energy(rollout, problem)


def _worst_where_broken(energies: Tensor) -> Tensor:
    # A model may diverge far from its data; such a future is bad, and must not poison the others.
    return torch.where(energies.isfinite(), energies, torch.inf)


def _filled(found: Tensor, num: int, value: float) -> Tensor:
    """`found [batch fewer ...]` with `value` for the candidates that there was no time to judge."""
    missing = num - found.shape[1]
    return found if missing == 0 else torch.cat([found, found.new_full((found.shape[0], missing, *found.shape[2:]), value)], dim=1)


def _window(states: list[State]) -> State:
    """States one after another as those of a window `[batch time ...]`."""
    memory = {name: torch.stack([state.memory[name] for state in states], dim=1) for name in states[0].memory}
    return State(torch.stack([state.latent for state in states], dim=1), torch.stack([state.belief for state in states], dim=1), memory)


def take_best(units: Num[Tensor, "batch num horizon action"], energies: Float[Tensor, "batch num"], num: int) -> tuple[Tensor, Tensor]:
    """The `num` candidates of least energy, best first: `[batch num horizon action]` and `[batch num]`; of several that are best, the first."""
    least = energies.min(dim=1, keepdim=True) if num == 1 else energies.topk(min(num, energies.shape[1]), dim=1, largest=False)
    index = least.indices[..., None, None].expand(-1, -1, *units.shape[2:])
    return units.gather(1, index), least.values
