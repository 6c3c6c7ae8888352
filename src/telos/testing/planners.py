"""What every planner promises, tried on a world whose best plan is known."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.actor import Mean, Worst, make_plan
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk
from telos.core.errors import TelosError
from telos.core.spaces import ActionSpace, DiscreteSpace, VectorSpace
from telos.core.types import Plan, Problem, Rollout
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost
from telos.testing.windy_point_mass import ONE_IN, WindyPointMass

NUM = 4
EFFORT = 0.05
LOPSIDED = VectorSpace(2, (-0.3, 0.1), (0.2, 0.9))
"""Bounds whose middle is not zero."""
SPACES: tuple[ActionSpace, ...] = (VectorSpace(2, (-1, -1), (1, 1)), LOPSIDED, DiscreteSpace(5), VectorSpace(2))


def check_planner(planner: AbstractPlanner, *, within: float | None = None, seed: int = 0) -> None:
    """The promises of a planner: bounds, one seed one plan, rows apart, warm starts, budgets, and plans better than nothing.

    Args:
        planner: The planner.
        within: If given, the energy of its plans for the point mass must be at most this share above the known optimum.
        seed: Of problems and plans.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(planner)
    check_value(planner)
    supported = [space for space in SPACES if planner.supports(space)]
    promises(bool(supported), "it supports bounded vectors or discrete choices", "supports() is False for both")
    for space in supported:
        case = _Case.of(planner, space, seed)
        plan = _check_plan(promises, case, seed)
        _check_rows(promises, case, plan, seed)
        _check_warm_start(promises, case, plan, seed)
        _check_budget(promises, case, seed)
        _check_hopeless(promises, case, seed)
        _check_risk(promises, case, seed)
    if within is not None:
        ratio = optimality(planner, effort_weight=EFFORT, num=NUM, seeds=(seed,)).max().item()
        promises(ratio <= 1 + within, f"its plans are within {100 * within:g} % of the known optimum", f"{100 * (ratio - 1):.1f} % above it")


def optimality(planner: AbstractPlanner, *, effort_weight: float, num: int, seeds: tuple[int, ...]) -> Float[Tensor, "seeds num"]:
    """Energy of its plans for `num` problems of the point mass, as multiples of the known optimum; 1 is perfect."""
    model, rng = TruePointMass(), np.random.default_rng(seeds[0])
    problem, least = known_problem(model, rng, num, horizon=planner.horizon, effort_weight=effort_weight)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    cost = quadratic_cost(effort_weight)
    plans = [make_plan(planner, world_model=model, cost=cost, problem=problem, generator=generator) for generator in generators]
    return torch.stack([plan.energy for plan in plans]) / torch.from_numpy(least)


@dataclass(frozen=True)
class _Case:
    """A planner before a batch of problems in one action space."""

    planner: AbstractPlanner
    model: TruePointMass
    problem: Problem
    cost: AbstractCost

    @classmethod
    def of(cls, planner: AbstractPlanner, space: ActionSpace, seed: int) -> "_Case":
        model = TruePointMass(action=space)
        # From anywhere to anywhere: the best plans lie at the bounds.
        pairs = model.world.sample_pairs(np.random.default_rng(seed), NUM, "anywhere")
        start, goal = (model.observe(None, None, torch.from_numpy(model.world.observe(state))) for state in pairs)
        problem = Problem(state=start, goal=goal)
        return cls(planner, model, problem, quadratic_cost(0.0 if isinstance(space, DiscreteSpace) else EFFORT))

    def plan(self, seed: int, warm_start: Plan | None = None, risk: AbstractRisk | None = None) -> Plan:
        return make_plan(
            self.planner,
            world_model=self.model,
            cost=self.cost,
            problem=self.problem,
            generator=torch.Generator().manual_seed(seed),
            warm_start=warm_start,
            risk=risk,
        )

    def energy_of(self, actions: Tensor) -> Tensor:
        return self.cost.energy(self.model.rollout(self.problem.state, actions), self.problem).sum(dim=1)


def _check_plan(promises: Promises, case: _Case, seed: int) -> Plan:
    before, luck = snapshot(case.problem), torch.get_rng_state()
    try:
        plan = case.plan(seed)
    except TelosError as error:
        raise promises.broken(f"it can search what supports() says it can: {case.model.spaces.action.describe()}", error) from error
    promises(torch.equal(torch.get_rng_state(), luck), "all its chance comes from the generator", "it drew from torch's global generator")
    promises(same(snapshot(case.problem), before), "the problem is not altered in place")
    _check_actions(promises, case, plan)
    promises(same(case.plan(seed).actions, plan.actions), "one seed gives one plan")
    promises(
        len(plan.trace.best) > 0 and plan.trace.num_candidates > 0, "it records the least energy of each round: call evaluate.record", plan.trace
    )
    best = torch.stack(plan.trace.best)
    promises(bool((best.diff(dim=0) <= 0).all()), "the least energy that it records never rises", best)
    found = case.energy_of(plan.actions)
    promises(bool((found <= best[-1] + 1e-5 + 1e-4 * best[-1].abs()).all()), "it returns the best that it has seen", f"{found} after {best[-1]}")
    idle = case.energy_of(_middle(case, plan))
    promises(bool((found <= idle).all()), "its plans are no worse than resting in the middle of the action space", f"{found} against {idle}")
    return plan


def _middle(case: _Case, plan: Plan) -> Tensor:
    space = case.model.spaces.action
    if isinstance(space, DiscreteSpace):
        return torch.full_like(plan.actions, space.num // 2)
    if not space.bounded:
        return torch.zeros_like(plan.actions)
    low, high = map(torch.from_numpy, space.bounds)
    return ((low + high) / 2).expand_as(plan.actions)


def _check_actions(promises: Promises, case: _Case, plan: Plan) -> None:
    space = case.model.spaces.action
    shape = (NUM, case.planner.horizon, *space.shape)
    promises(tuple(plan.actions.shape) == shape, "its actions are [batch horizon action]", f"{list(plan.actions.shape)} for {list(shape)}")
    promises(finite(plan.actions), "its actions are finite")
    least, most = (0, space.num - 1) if isinstance(space, DiscreteSpace) else space.bounds
    actions = plan.actions.numpy()
    inside = bool((actions >= least).all() and (actions <= most).all())
    promises(inside, "its actions are within the bounds of the action space, to the last bit", f"{actions.min()} to {actions.max()} in {space}")
    whole = not plan.actions.is_floating_point()
    promises(whole == isinstance(space, DiscreteSpace), "discrete actions are integers, others are not", plan.actions.dtype)


def _check_rows(promises: Promises, case: _Case, plan: Plan, seed: int) -> None:
    for row in (slice(0, 1), slice(NUM - 1, NUM)):
        alone = replace(case, problem=case.problem.select(row)).plan(seed)
        promises(near(alone.actions, plan.actions[row]), "a row of a batch plans like the row alone: draw the same numbers for every row")


def _check_warm_start(promises: Promises, case: _Case, plan: Plan, seed: int) -> None:
    _check_actions(promises, case, case.plan(seed + 1, plan.shift(1)))
    again = case.plan(seed + 1, plan)
    worse = case.energy_of(again.actions) - case.energy_of(plan.actions)
    promises(bool((worse <= 1e-6).all()), "its plan is no worse than the warm start it was given", f"worse by {worse.max():.3g}")


def _check_budget(promises: Promises, case: _Case, seed: int) -> None:
    hurried = replace(case, problem=replace(case.problem, budget_ms=0.0)).plan(seed)
    _check_actions(promises, case, hurried)
    promises(
        hurried.trace.stopped in ("out of time", "no time: rest"),
        "it asks evaluate.out_of_time(num_candidates) before every round, and returns the best it has when time is up",
        f"with no time at all it {hurried.trace.stopped} after {hurried.trace.num_candidates} candidates",
    )


def _check_hopeless(promises: Promises, case: _Case, seed: int) -> None:
    lost = replace(case, cost=_Hopeless(part=case.cost))
    _check_actions(promises, lost, lost.plan(seed))


def _check_risk(promises: Promises, case: _Case, seed: int) -> None:
    """In a world where who plans for the mean and who plans for the worst do not do the same, plans differ, each better by its own risk."""
    space = case.model.spaces.action
    if space is LOPSIDED:
        # Too little can be done against the wind there.
        return
    model, cost = WindyPointMass(action=space), quadratic_cost(0.0)
    problem, _ = known_problem(model, np.random.default_rng(seed), NUM, horizon=case.planner.horizon, effort_weight=EFFORT)
    risks = Mean(num_futures=ONE_IN), Worst(num_futures=ONE_IN)
    windy = replace(case, model=model, problem=problem, cost=cost)
    plans = [windy.plan(seed, risk=risk) for risk in risks]
    state = model.futures(problem.state, case.planner.horizon, ONE_IN, torch.Generator().manual_seed(seed))
    folded = replace(problem.repeat(ONE_IN), state=state)
    found = []
    for plan in plans:
        _check_actions(promises, windy, plan)
        along = cost.energy(model.rollout(state, plan.actions.repeat_interleave(ONE_IN, dim=0)), folded).unflatten(0, (-1, ONE_IN))
        promises(near(plan.energies, along.mean(dim=1)), "a plan's energies are the means over the futures")
        found.append([risk(along.sum(dim=2)).sum() for risk in risks])
    promises(bool(found[0][0] < found[1][0] and found[1][1] < found[0][1]), "what it finds is best by the risk that it plans under", found)


@dataclass(frozen=True, kw_only=True)
class _Hopeless(AbstractCost):
    """No future has an energy that is a number, as when a world model diverges."""

    part: AbstractCost

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return self.part.energy(rollout, problem) * torch.nan
