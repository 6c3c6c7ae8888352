"""The axes of candidates and of futures live here and nowhere else: folded into the batch, so that models and costs never see them."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from telos.agent.actor.chunks import pieces, rows_at_once
from telos.agent.actor.clock import RoundClock
from telos.agent.actor.futures import Futures
from telos.agent.actor.guard import Guard, kept
from telos.agent.actor.guide import Guide
from telos.agent.actor.pace import Pace
from telos.agent.actor.pool import Pool
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace
from telos.core.threads import threads_for
from telos.core.types import Feelings, Plan, Problem, Rollout, State

BROKEN = 1e6
"""Value of a guardrail where a future is no longer a number."""


class CandidateEvaluator(AbstractEvaluator):
    """Judges candidates by imagining them. Starts and goals were encoded once; here they are only repeated.

    Args:
        pace: what rounds have cost so far; None: nobody knows yet.
        fixed_work: no more than one pass for any number of candidates, for a graph that is captured.
        guard: guardrails, which then weigh on the energies; all that is judged is kept for the gate.
        futures: what may happen; every candidate is then imagined in each of them, and the risk says what that is worth. Of a guardrail
            the worst of the futures counts. None: the likeliest future is the only one.
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
        futures: Futures | None = None,
    ) -> None:
        self.futures, self.num_futures = futures, 1 if futures is None else futures.num
        self.clock = RoundClock(pace or Pace(), problem.num_rows * self.num_futures, problem.budget_ms)
        self.world_model, self.cost, self.problem, self.action_space = world_model, cost, problem, action_space
        self.num_problems, self.fixed_work, self.guard = problem.num_rows, fixed_work, guard
        self.pool = Pool(problem.num_rows)
        self.num_candidates = 0
        self.best: list[Tensor] = []
        self.reason = "finished"
        self._repeated: dict[tuple[int, bool], Problem] = {}
        self._parts: dict[tuple[int, int], tuple[Problem, Futures | None]] = {}
        self._disagrees = False
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
            return self._piecewise(lambda part, piece: (part._likeliest(piece).latent.unflatten(0, piece.shape[:2]),), actions)[0]

    def virtual(
        self, latents: Float[Tensor, "batch num horizon latent"], actions: Num[Tensor, "batch num horizon action"]
    ) -> tuple[Float[Tensor, "batch num"], Float[Tensor, "batch num"]]:
        self._count(actions)
        # What is supposed is one future; the model's word on it is the likeliest one. What comes of the actions is judged under the risk.
        lead, problem = actions.shape[:2], self._for_each(actions.shape[1], likeliest=True)
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
        part.futures = None if self.futures is None else self.futures.select(rows)
        part._rows = rows if self._rows is None else self._rows[rows]
        part._guide = None if self._guide is None else self._guide.select(rows)
        part._allowance = None
        return part

    def trial(self) -> "CandidateEvaluator":
        """The same with all the time in the world, and a count of its own; what is measured goes to the same pace."""
        problem = replace(self.problem, budget_ms=math.inf)
        return CandidateEvaluator(
            world_model=self.world_model,
            cost=self.cost,
            problem=problem,
            action_space=self.action_space,
            pace=self.clock.pace,
            guard=self.guard,
            futures=self.futures,
        )

    def out_of_time(self, num_candidates: int = 0) -> bool:
        return not self.clock.ask(num_candidates, self.num_problems * self.num_futures)

    def outcome(self, actions: Num[Tensor, "batch num horizon action"]) -> Plan:
        """The best of a few candidates, and what follows. One pass tells both which is the best and what is expected of it."""
        num_problems, num = actions.shape[:2]
        with threads_for(self.world_model.step_products * num_problems * num * self.num_futures):
            rollout, problem = self._imagine(actions)
            energies = self.cost.energy(rollout, problem)
        if num > 1:
            self._count(actions)
        if self.futures is None:
            if num > 1:
                rows = self._best_rows(energies.sum(dim=1), num)
                rollout, energies = rollout.select(rows), energies[rows]
            return Plan(rollout.actions, energies, rollout.latent, feelings=_feelings(energies, rollout.disagreement))
        best = self._under_risk(energies.sum(dim=1), num).argmin(dim=1)
        places = torch.arange(num_problems, device=best.device)
        along, apart = energies.unflatten(0, (self._num_rows, num)), rollout.disagreement
        along = self.futures.apart(along)[places, :, best]
        if apart is not None:
            apart = self.futures.apart(apart.unflatten(0, (self._num_rows, num)))[places, :, best]
        chosen = actions[places, best]
        latents = self._likeliest(chosen[:, None]).latent
        return Plan(chosen, along.mean(dim=1), latents, feelings=_feelings(along.flatten(1), None if apart is None else apart.flatten(1)))

    def feelings(self, actions: Num[Tensor, "batch horizon action"], energies: Float[Tensor, "batch horizon"]) -> Feelings:
        """What is expected of a plan with these energies; where there is more to it than they say, it is imagined once more."""
        if self.futures is None and not self._disagrees:
            return _feelings(energies, None)
        rollout, problem = self._imagine(actions[:, None])
        along, apart = self.cost.energy(rollout, problem), rollout.disagreement
        lead = len(actions), -1
        return _feelings(along.reshape(lead), None if apart is None else apart.reshape(lead))

    def prospects(
        self, actions: Num[Tensor, "batch num horizon action"], beside: Num[Tensor, "batch more horizon action"] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Rollout]:
        """Candidates with what guardrails say of their whole way: energies `[batch num]`; the task's own along it, and latents.

        Args:
            beside: what is imagined in the same pass, and not judged; the rollout that comes back holds it, behind the candidates.
        """
        assert self.guard is not None
        imagined, num = actions if beside is None else torch.cat([actions, beside], dim=1), actions.shape[1]
        lead = imagined.shape[:2]
        with threads_for(self.world_model.step_products * lead[0] * lead[1] * self.num_futures):
            rollout, problem = self._imagine(imagined)
            along, values = self.cost.energy(rollout, problem), self.guard.values(rollout, problem)
        self._count(actions)
        self._disagrees = rollout.disagreement is not None
        if self.futures is None:
            along, values = (part.unflatten(0, lead)[:, :num] for part in (along, values))
            total, latents = along.sum(dim=2), rollout.latent.unflatten(0, lead)[:, :num]
        else:
            assert beside is None
            total, values = self._under_risk(along.sum(dim=1), num), self._worst_of(values, num)
            along = self.futures.apart(along.unflatten(0, (self._num_rows, num))).mean(dim=1)
            latents = self._likeliest(actions).latent.unflatten(0, lead)
        return _worst_where_broken(total + self._penalty(total, values)), along, latents, rollout

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
        # All futures of a candidate come in one pass: the risk looks at them together.
        rows = max(1, rows_at_once(self.world_model, self.problem, actions.shape[2], gradient=gradient) // self.num_futures)
        with threads_for(self.world_model.step_products * min(rows, num_problems * num) * self.num_futures):
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
        self.clock.judged(actions.shape[0] * actions.shape[1] * self.num_futures)

    def _part(self, problems: slice) -> "CandidateEvaluator":
        key = problems.start, problems.stop
        if key not in self._parts:
            # Kept for all rounds: a world model knows its starts again by their tensors.
            self._parts[key] = self.problem.select(problems), None if self.futures is None else self.futures.select(problems)
        part = copy.copy(self)
        (part.problem, part.futures), part._repeated = self._parts[key], {}
        part._guide = None if self._guide is None else self._guide.select(problems)
        return part

    def _for_each(self, num: int, *, likeliest: bool = False) -> Problem:
        """The problems as they are judged with `num` candidates each, in every future; or in the likeliest one only."""
        key = num, likeliest or self.futures is None
        if key not in self._repeated:
            problem = self.problem if likeliest or self.futures is None else self.futures.problem
            self._repeated[key] = problem.repeat(num)
        return self._repeated[key]

    def judged(self, num: int) -> Problem:
        """The problems as they are judged with `num` candidates each, a row for each future and candidate."""
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

    def _likeliest(self, actions: Tensor) -> Rollout:
        return self.world_model.rollout(self.problem.state, actions.flatten(0, 1))

    def _imagine(self, actions: Tensor) -> tuple[Rollout, Problem]:
        """What candidates lead to, and the problems to judge that by: a row for each problem, future and candidate, in this order."""
        problem = self._for_each(actions.shape[1])
        if self.futures is None:
            return self._likeliest(actions), problem
        return self.world_model.rollout(self.futures.problem.state, self.futures.spread(actions).flatten(0, 1)), problem

    def _judge(self, actions: Tensor) -> tuple[Tensor, ...]:
        """The task's energies `[batch num]`; with guardrails their values `[batch num horizon guardrails]` too."""
        (rollout, problem), num = self._imagine(actions), actions.shape[1]
        energies = self._under_risk(self.cost.energy(rollout, problem).sum(dim=1), num)
        return (energies,) if self.guard is None else (energies, self._worst_of(self.guard.values(rollout, problem), num))

    def _under_risk(self, energies: Float[Tensor, " rows"], num: int) -> Float[Tensor, "batch {num}"]:
        """What candidates are worth, from what each comes to in each future."""
        energies = _worst_where_broken(energies.unflatten(0, (self._num_rows, num)))
        if self.futures is None:
            return energies
        return _worst_where_broken(self.futures.risk(self.futures.apart(energies).transpose(1, 2)))

    def _worst_of(self, values: Float[Tensor, "rows horizon guardrails"], num: int) -> Float[Tensor, "batch {num} horizon guardrails"]:
        """Of guardrails the worst of all futures."""
        # A value that is not a number is a broken future as well: nobody can tell where it leads.
        values = torch.nan_to_num(values, nan=BROKEN).unflatten(0, (self._num_rows, num))
        return values if self.futures is None else self.futures.apart(values).amax(dim=1)

    @property
    def _num_rows(self) -> int:
        """Of problems and futures; said outright, since there may be no candidates to tell it from."""
        return self.problem.num_rows * self.num_futures

    def _best_rows(self, energies: Float[Tensor, " rows"], num: int) -> Int[Tensor, " batch"]:
        total = self._under_risk(energies, num)
        # Not `len`, which a captured graph would take for a constant.
        return total.argmin(dim=1) + num * torch.arange(total.shape[0], device=total.device)


def _feelings(along: Float[Tensor, "batch steps"], disagreement: Float[Tensor, "batch steps"] | None) -> Feelings:
    """From energies of all steps, in all futures."""
    best, worst = along.aminmax(dim=1)
    return Feelings(best, along.mean(dim=1), worst, None if disagreement is None else disagreement.amax(dim=1))


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
