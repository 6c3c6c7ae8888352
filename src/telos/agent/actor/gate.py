"""The gate: whatever a search has found, what runs stays inside of every guardrail, or is the fallback."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Generator, Tensor, nn

from telos.agent.actor.candidates import CandidateEvaluator
from telos.agent.actor.chunks import rows_at_once
from telos.agent.actor.futures import Futures
from telos.agent.actor.guard import Guard, SafeRest, leads_back
from telos.agent.actor.shield import carry_out, imagine_shield
from telos.core.contracts import AbstractRisk, AbstractWorldModel
from telos.core.guarding import AbstractFallback
from telos.core.types import Batched, Plan, PlanTrace, Problem, Rollout, Verdict

FIRST = 2
"""Best candidates of a search whose shields are imagined at once."""
THEN = 64
"""More of them where none of the first is safe."""
FEW = 4
"""Answers of a search that are compared without being judged once more."""
TOGETHER = 32
"""Futures that candidates and their shields may be for both to be imagined in one pass: with few, calls take the time, and not numbers."""


@dataclass(frozen=True)
class Shields:
    """What candidates, each followed by a fallback, lead to."""

    safe: Bool[Tensor, "batch num"]
    """Whether all of it stays inside, by the fallback that suits best."""
    worst: Float[Tensor, "batch num guardrails"]
    """The greatest value of each guardrail on the way, margin included."""


def shields_of(
    candidates: Num[Tensor, "batch num horizon action"],
    *,
    world_model: AbstractWorldModel,
    problem: Problem,
    guard: Guard,
    futures: Futures | None = None,
    judged: Problem | None = None,
    allowance: Tensor | None = None,
) -> Shields:
    """What happens if each candidate is begun and a fallback has to take over; each fallback is tried, and all guardrails count.

    Args:
        futures: what may happen; a candidate is safe if one and the same fallback keeps it inside in each of them. None: one future.
        judged: the problems, a row for each future and candidate, where somebody has them already.
        allowance: `Guard.allowance` of the problems, likewise.
    """
    num, num_futures = candidates.shape[1], 1 if futures is None else futures.num
    problems = problem if futures is None else futures.problem
    judged = judged or problems.repeat(num)
    allowance = (guard.allowance(problem) if allowance is None else allowance).repeat_interleave(num * num_futures, dim=0)
    candidates = candidates if futures is None else futures.spread(candidates)
    safe = worst = None
    for fallback in guard.fallbacks:
        begun = candidates if fallback.resumes else candidates[:, :, : guard.committed]
        rollout = imagine_shield(world_model, problems.state, begun, fallback, guard.readouts)
        good, most = (part.unflatten(0, (-1, num)) for part in _found(rollout, guard, judged, allowance))
        if futures is not None:
            good, most = futures.apart(good).all(dim=1), futures.apart(most).amax(dim=1)
        if safe is None or worst is None:
            safe, worst = good, most
        else:
            better = (good & ~safe) | ((good == safe) & (most.amax(dim=-1) < worst.amax(dim=-1)))
            safe, worst = safe | good, torch.where(better[..., None], most, worst)
    assert safe is not None and worst is not None
    return Shields(safe, worst)


def _found(rollout: Rollout, guard: Guard, judged: Problem, allowance: Tensor) -> tuple[Bool[Tensor, " rows"], Float[Tensor, "rows guardrails"]]:
    """Whether each way stays inside, or leads back, and the greatest value of each guardrail."""
    values = guard.values(rollout, judged)
    possible = rollout.latent.isfinite().flatten(1).all(dim=1)
    return leads_back(values, allowance) & possible, values.amax(dim=1)


@dataclass(frozen=True)
class Gate:
    """Chooses what runs among what a search has judged."""

    evaluate: CandidateEvaluator
    guard: Guard
    rest: SafeRest | None = None
    """What is left of the last safe plan."""
    problem: Problem = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", self.evaluate.problem)

    def choose(self, answers: Num[Tensor, "batch num horizon action"]) -> Plan:
        """The safe candidate of least energy, among the `answers` of a search and all that it judged; else the fallback."""
        evaluate, guard = self.evaluate, self.guard
        if answers.shape[1] > FEW:
            evaluate(answers)
            answers = answers[:, :FEW]
        candidates, known = torch.cat([answers, *self._resting(answers)], dim=1), 0
        if evaluate.pool:
            best, energies = evaluate.pool.best(FIRST)
            # A place that nothing fills is filled by an answer, which is judged anyway.
            best = torch.where(energies.isfinite()[..., None, None], best, answers[:, :1])
            # Most searches answer with the best that they have judged.
            candidates, known = torch.cat([candidates, best[:, int(torch.equal(best[:, 0], answers[:, 0])) :]], dim=1), best.shape[1]
        energies, along, latents, shields = self._look_at(candidates)
        best = torch.where(shields.safe, energies, math.inf).argmin(dim=1)
        # A view where there is one problem: five calls, in every plan.
        place = (slice(None), int(best)) if len(best) == 1 else (torch.arange(len(best), device=best.device), best)
        chosen = _Chosen(candidates[place], along[place], latents[place], shields.worst[place], found=shields.safe[place])
        lost = (~chosen.found).nonzero()[:, 0]
        if len(lost) and known:
            chosen = self._look_further(chosen, lost)
            lost = (~chosen.found).nonzero()[:, 0]
        if len(lost):
            chosen = self._fall_back(chosen, lost)
        return replace(chosen.plan(guard), feelings=evaluate.feelings(chosen.actions, chosen.energies))

    def shields(self, evaluate: CandidateEvaluator, candidates: Num[Tensor, "batch num horizon action"]) -> Shields:
        """Of candidates for the problems of an evaluator."""
        return shields_of(
            candidates,
            world_model=evaluate.world_model,
            problem=evaluate.problem,
            guard=self.guard,
            futures=evaluate.futures,
            judged=evaluate.judged(candidates.shape[1]),
            allowance=evaluate.allowance,
        )

    def _look_at(self, candidates: Num[Tensor, "batch num horizon action"]) -> tuple[Tensor, Tensor, Tensor, Shields]:
        """Energies, what they are made of and latents of a few candidates, as `CandidateEvaluator.prospects` gives them, and their shields."""
        evaluate, guard, (num_problems, num, horizon) = self.evaluate, self.guard, candidates.shape[:3]
        fallback = guard.fallbacks[0]
        end = guard.committed + fallback.steps
        alike = len(guard.fallbacks) == 1 and fallback.open_loop and not fallback.resumes and end <= horizon
        if not alike or evaluate.futures is not None or 2 * num_problems * num > TOGETHER:
            return *evaluate.prospects(candidates)[:3], self.shields(evaluate, candidates)
        (held,) = self._resting(candidates)
        shielded = torch.cat([candidates[:, :, : guard.committed], held[:, :, guard.committed :].expand(-1, num, -1, -1)], dim=2)
        energies, along, latents, rollout = evaluate.prospects(candidates, shielded)
        readings: dict[nn.Module, Tensor] = {guard.readouts[name]: rollout.read(guard.readouts[name])[:, :end] for name in guard.quantities}
        begun = Rollout(latent=rollout.latent[:, :end], actions=rollout.actions[:, :end], readings=readings)
        allowance = evaluate.allowance if num_problems == 1 else evaluate.allowance.repeat_interleave(2 * num, dim=0)
        found = _found(begun, guard, evaluate.judged(2 * num), allowance)
        return energies, along, latents, Shields(*(part.unflatten(0, (num_problems, 2 * num))[:, num:] for part in found))

    def _resting(self, like: Tensor) -> list[Num[Tensor, "batch 1 horizon action"]]:
        """What every open-loop fallback does: always candidates."""
        return [way.to(like.dtype)[:, None, None].expand(-1, 1, like.shape[2], -1) for way in self._open_loop]

    @cached_property
    def _open_loop(self) -> list[Num[Tensor, "batch action"]]:
        state, readouts, space = self.problem.state, self.guard.readouts, self.evaluate.action_space
        return [fallback.act(state, readouts, space) for fallback in self.guard.fallbacks if fallback.open_loop]

    def _look_further(self, chosen: "_Chosen", lost: Int[Tensor, " some"]) -> "_Chosen":
        """The rest of what was judged, for problems without a safe candidate so far."""
        actions, energies = self.evaluate.pool.best(FIRST + THEN)
        actions, energies = actions[lost, FIRST:], energies[lost, FIRST:]
        if not energies.isfinite().any():
            return chosen
        problem, some = self.problem.select(lost), self.evaluate.among(lost)
        actions = torch.where(energies.isfinite()[..., None, None], actions, chosen.actions[lost, None])
        rows = rows_at_once(self.evaluate.world_model, problem, self.guard.committed + max(fallback.steps for fallback in self.guard.fallbacks))
        parts = [self.shields(some, part) for part in actions.split(max(1, rows // (len(lost) * some.num_futures)), dim=1)]
        safe, worst = torch.cat([part.safe for part in parts], dim=1), torch.cat([part.worst for part in parts], dim=1)
        safe = safe & energies.isfinite()
        best = torch.where(safe, energies, math.inf).argmin(dim=1)
        found, taken = _pick(safe, best), _pick(actions, best)
        _, along, latents, _ = some.prospects(taken[:, None])
        return chosen.replaced(lost[found], *(part[found] for part in (taken, along[:, 0], latents[:, 0], _pick(worst, best), _pick(safe, best))))

    def _fall_back(self, chosen: "_Chosen", lost: Int[Tensor, " some"]) -> "_Chosen":
        """The fallback, for problems without any safe candidate."""
        problem, some, horizon = self.problem.select(lost), self.evaluate.among(lost), chosen.actions.shape[1]
        rest = None if self.rest is None else self.rest.select(lost)
        way = fall_back(self.evaluate.world_model, problem, self.guard, rest=rest, horizon=horizon, futures=some.futures)
        _, along, latents, _ = some.prospects(way.actions[:, None])
        return chosen.replaced(lost, way.actions, along[:, 0], latents[:, 0], way.worst, way.safe, fell_back=True)


@dataclass(frozen=True)
class _Chosen:
    """What runs, a row for each problem."""

    actions: Num[Tensor, "batch horizon action"]
    energies: Float[Tensor, "batch horizon"]
    latents: Float[Tensor, "batch horizon latent"]
    worst: Float[Tensor, "batch guardrails"]
    found: Bool[Tensor, " batch"]
    """Whether it is a safe candidate."""
    safe: Bool[Tensor, " batch"] | None = None
    """Whether it stays inside, be it a candidate or the fallback."""

    def replaced(self, rows: Tensor, actions: Tensor, energies: Tensor, latents: Tensor, worst: Tensor, safe: Tensor, *, fell_back: bool = False):
        before = self.found if self.safe is None else self.safe
        parts = zip((self.actions, self.energies, self.latents, self.worst, before), (actions, energies, latents, worst, safe), strict=True)
        actions, energies, latents, worst, safe = (whole.index_copy(0, rows, part.to(whole.dtype)) for whole, part in parts)
        found = self.found if fell_back else self.found.index_fill(0, rows, True)
        return _Chosen(actions, energies, latents, worst, found, safe)

    def plan(self, guard: Guard) -> Plan:
        safe = self.found if self.safe is None else self.safe
        return Plan(self.actions, self.energies, self.latents, PlanTrace(), _verdict(guard, safe, ~self.found, self.worst))


@dataclass(frozen=True)
class Way(Batched):
    """What the fallback does from now on."""

    actions: Num[Tensor, "batch horizon action"]
    safe: Bool[Tensor, " batch"]
    worst: Float[Tensor, "batch guardrails"]


def fall_back(
    world_model: AbstractWorldModel,
    problem: Problem,
    guard: Guard,
    *,
    horizon: int,
    rest: SafeRest | None = None,
    begun: Num[Tensor, "batch steps action"] | None = None,
    futures: Futures | None = None,
) -> Way:
    """What the fallback does in `horizon` steps; of several the one that does least harm, for each problem.

    Args:
        rest: what is left of the last safe plan, for a fallback that goes on with it.
        begun: what is carried out before any other fallback sets in; None: nothing.
        futures: it is safe if it stays inside in all of them; what it does is what it would do in the likeliest one. None: that is the only one.
    """
    chosen: Way | None = None
    left = None if begun is None else SafeRest(begun, torch.full((len(begun),), begun.shape[1], device=begun.device))
    for fallback in guard.fallbacks:
        first, steps = rest if fallback.resumes else left, max(horizon, guard.committed + fallback.steps)
        rollout, actions = carry_out(world_model, problem.state, fallback, guard.readouts, steps=steps, horizon=horizon, first=first)
        safe, worst = _found(rollout, guard, problem, guard.allowance(problem))
        if futures is not None:
            safe, worst = _in_all(world_model, fallback, guard, futures, steps=steps, first=_carried(actions, guard, first), problem=problem)
        if chosen is None:
            chosen = Way(actions, safe, worst)
            continue
        better = (safe & ~chosen.safe) | ((safe == chosen.safe) & (worst.amax(dim=-1) < chosen.worst.amax(dim=-1)))
        actions = torch.where(better[:, None, None], actions, chosen.actions)
        chosen = Way(actions, torch.where(better, safe, chosen.safe), torch.where(better[:, None], worst, chosen.worst))
    assert chosen is not None
    return chosen


def _carried(actions: Num[Tensor, "batch horizon action"], guard: Guard, first: SafeRest | None) -> SafeRest:
    """What is done whatever happens: the actions that are carried out before anybody looks again."""
    least = min(guard.committed, actions.shape[1])
    if first is None:
        return SafeRest(actions, torch.full((len(actions),), least, device=actions.device))
    return SafeRest(actions, first.left.clamp(least, actions.shape[1]))


def _in_all(
    world_model: AbstractWorldModel, fallback: AbstractFallback, guard: Guard, futures: Futures, *, steps: int, first: SafeRest, problem: Problem
) -> tuple[Bool[Tensor, " batch"], Float[Tensor, "batch guardrails"]]:
    """Whether a fallback stays inside in every future, and the greatest value of each guardrail in any."""
    state, first = futures.problem.state, first.repeat(futures.num)
    rollout, _ = carry_out(world_model, state, fallback, guard.readouts, steps=steps, horizon=1, first=first)
    safe, worst = _found(rollout, guard, futures.problem, futures.spread(guard.allowance(problem)))
    return futures.apart(safe).all(dim=1), futures.apart(worst).amax(dim=1)


def check_plan(
    plan: Plan,
    *,
    world_model: AbstractWorldModel,
    problem: Problem,
    guard: Guard,
    risk: AbstractRisk | None = None,
    generator: Generator | None = None,
) -> Plan:
    """The plan with another verdict: whether it is safe from the state of `problem`, wherever it was made for.

    Args:
        risk: asks for so many futures to be safe in; None: the likeliest one.
        generator: draws them.
    """
    futures = None
    if risk is not None:
        assert generator is not None
        steps = plan.actions.shape[1] + guard.committed + max(fallback.steps for fallback in guard.fallbacks)
        futures = Futures.drawn(world_model, problem, risk, steps, generator)
    shields = shields_of(plan.actions[:, None], world_model=world_model, problem=problem, guard=guard, futures=futures)
    safe = shields.safe[:, 0]
    return replace(plan, verdict=_verdict(guard, safe, torch.zeros_like(safe), shields.worst[:, 0]))


def _verdict(guard: Guard, feasible: Tensor, fallback: Tensor, worst: Tensor) -> Verdict:
    names = (guardrail.name for guardrail in guard.guardrails)
    return Verdict(feasible, fallback, dict(zip(names, worst.unbind(dim=-1), strict=True)), guard.fingerprint)


def _pick(part: Tensor, index: Int[Tensor, " batch"]) -> Tensor:
    """Of every row the entry at its index: `[batch num ...]` becomes `[batch ...]`."""
    return part[torch.arange(len(index), device=index.device), index]
