"""What every guardrail promises, and that no planner gets past one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Num
from torch import Generator, Tensor

from telos.agent.actor import make_plan
from telos.agent.actor.guard import Guard
from telos.agent.guardrails import Brake, Disc, Guardrail, Hold, KeepOut, Limit, StayInside
from telos.core.contracts import AbstractPlanner
from telos.core.guarding import AbstractFallback, AbstractRequirement
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace, DiscreteSpace, VectorSpace
from telos.core.types import Plan, Problem, Rollout, State
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot
from telos.testing.true_point_mass import TruePointMass, quadratic_cost
from telos.testing.true_readouts import true_knowledge

NUM, HORIZON = 5, 6
PILLAR = Disc(center=(0.5, 0.5), radius=0.15)
STEPS = 3
"""Of a closed loop that begins before the pillar."""
SPACES: tuple[ActionSpace, ...] = (VectorSpace(2, (-1, -1), (1, 1)), DiscreteSpace(5))


def check_requirement(requirement: AbstractRequirement, sizes: Mapping[str, int], *, seed: int = 0) -> None:
    """The promises of a requirement: a value for each step, rows apart, any precision, and memory that is a value.

    Args:
        requirement: What must hold.
        sizes: Numbers of each quantity that it speaks of.
        seed: Of the quantities.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(requirement)
    check_value(requirement)
    generator = torch.Generator().manual_seed(seed)
    now = {name: torch.rand(NUM, sizes[name], generator=generator) for name in requirement.quantities}
    ahead = {name: torch.rand(NUM, HORIZON, sizes[name], generator=generator) for name in requirement.quantities}
    before = snapshot((now, ahead))
    memory = requirement.begin(now)
    promises(memory.ndim == 2 and len(memory) == NUM, "it remembers some numbers for each row, [batch memory]", list(memory.shape))
    value = requirement.value(now, ahead, memory)
    promises(tuple(value.shape) == (NUM, HORIZON), "its value is [batch horizon]", list(value.shape))
    promises(finite(value), "its value is finite")
    promises(same(requirement.value(now, ahead, memory), value), "the same way has the same value twice")
    promises(same(snapshot((now, ahead)), before), "quantities are not altered in place")
    if requirement.of_states:
        elsewhere = {name: torch.rand(NUM, sizes[name], generator=generator) for name in requirement.quantities}
        promises(
            near(requirement.value(elsewhere, ahead, memory), value), "of states: its value does not hang on the present, or `of_states` says so"
        )
    row = slice(1, 2)
    part = ({name: each[row] for name, each in now.items()}, {name: each[row] for name, each in ahead.items()}, memory[row])
    promises(near(requirement.value(*part), value[row]), "a row of a batch is judged like the row alone")
    after = requirement.remember(memory, {name: each[:, 0] for name, each in ahead.items()})
    promises(after.shape == memory.shape, "what it remembers keeps its shape", list(after.shape))
    later = requirement.value({name: each[:, 0] for name, each in ahead.items()}, {name: each[:, 1:] for name, each in ahead.items()}, after)
    promises(near(later, value[:, 1:]), "a way is judged alike from its beginning and from its second step, with what is remembered then")
    finer, along = ({name: each.double() for name, each in part.items()} for part in (now, ahead))
    promises(requirement.value(finer, along, memory.double()).dtype == torch.float64, "the dtype comes from the quantities; none is hard-coded")
    if requirement.graded:
        leaf = {name: each.clone().requires_grad_() for name, each in ahead.items()}
        slopes = torch.autograd.grad(requirement.value(now, leaf, memory).sum(), list(leaf.values()), allow_unused=True)
        promises(all(slope is None or finite(slope) for slope in slopes), "its gradient is finite")


def check_gate(planner: AbstractPlanner, *, seed: int = 0) -> None:
    """That a planner does not get past a guardrail: what comes out is safe, or is the fallback and says so.

    It is tried on the true point mass behind a pillar, as it is, and with its answers replaced by ones that are forbidden.

    Args:
        planner: The planner.
        seed: Of problems and plans.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(planner)
    for space in filter(planner.supports, SPACES):
        for kind, searching in (("", planner), (" even where its answers are forbidden", _Astray(horizon=planner.horizon, planner=planner))):
            _check_closed_loop(promises, _Behind.of(searching, space), kind, seed)
        _check_hopeless(promises, _Behind.of(planner, space), seed)
        _check_rows(promises, _Behind.of(planner, space), seed)


@dataclass(frozen=True)
class _Behind:
    """A planner before a pillar, with its goal behind."""

    planner: AbstractPlanner
    model: TruePointMass
    guard: Guard

    @classmethod
    def of(cls, planner: AbstractPlanner, space: ActionSpace) -> "_Behind":
        model = TruePointMass(action=space)
        # Choices cannot brake; where the speed is limited, to coast is safe for some steps.
        choices = isinstance(space, DiscreteSpace)
        fallback: AbstractFallback = Hold(action=0, steps=1) if choices else Brake(quantity="velocity", gain=10.0, steps=8)
        readouts = true_knowledge().readouts
        keep = KeepOut(quantity="position", region=PILLAR)
        rules = [Guardrail(name="pillar", requirement=keep, fallback=fallback)]
        if not choices:
            rules.append(Guardrail(name="speed", requirement=Limit(quantity="velocity", most=0.4, of="size"), fallback=fallback))
        return cls(planner, model, Guard(guardrails=tuple(rules), readouts=readouts, committed=1))

    def state(self, position: Tensor, velocity: Tensor) -> State:
        return self.model.observe(None, None, torch.cat([position, velocity], dim=-1))

    def plan(self, state: State, seed: int, warm_start: Plan | None = None, guard: Guard | None = None) -> Plan:
        goal = self.state(torch.tensor([[0.9, 0.5]]).expand(state.num_rows, -1), torch.zeros(state.num_rows, 2))
        cost, generator = quadratic_cost(0.0), torch.Generator().manual_seed(seed)
        problem = Problem(state=state, goal=goal)
        return make_plan(
            self.planner,
            world_model=self.model,
            cost=cost,
            problem=problem,
            generator=generator,
            warm_start=warm_start,
            guard=guard or self.guard,
        )

    def values(self, state: State) -> Tensor:
        """`[batch guardrails]`: how far outside a state is."""
        belief = state.belief[:, None]
        seen = Rollout(latent=state.latent[:, None], actions=belief[..., :1], beyond=(belief[..., self.model.latent_size :],))
        return self.guard.values(seen, Problem(state=state, watch=self.guard.begin(state)))[:, 0]

    def starts(self) -> State:
        position = torch.tensor([[0.1, 0.5], [0.3, 0.45], [0.32, 0.5], [0.4, 0.62]])
        return self.state(position, torch.tensor([[0.0, 0.0], [0.2, 0.0], [0.0, 0.1], [0.0, 0.0]]))


def _check_closed_loop(promises: Promises, case: _Behind, kind: str, seed: int) -> None:
    state, warm_start = case.starts(), None
    unsafe = torch.zeros(state.num_rows, dtype=torch.bool)
    for step in range(STEPS):
        plan = case.plan(state, seed + step, warm_start)
        verdict = plan.verdict
        assert verdict is not None
        told = verdict.feasible | verdict.fallback
        promises(bool(told.all()), f"what is neither safe nor the fallback never runs{kind}", verdict)
        _check_told(promises, case, state, plan, kind)
        unsafe |= ~verdict.feasible
        state, warm_start = case.model.step(state, plan.actions[:, 0]), plan.shift(1)
        values = case.values(state)
        promises(bool(((values <= 1e-5).all(dim=1) | unsafe).all()), f"who was always safe never breaks a guardrail{kind}", values)


def _check_told(promises: Promises, case: _Behind, state: State, plan: Plan, kind: str) -> None:
    """What the verdict says, found out once more by stepping through it."""
    verdict, fallback = plan.verdict, case.guard.guardrails[0].fallback
    assert verdict is not None
    space, fell, safe = case.model.spaces.action, verdict.fallback, verdict.feasible
    expected = fallback.act(state, case.guard.readouts, space)
    promises(near(plan.actions[fell, 0], expected[fell]), f"a plan that says it is the fallback is it{kind}", plan.actions[:, 0])
    now, action = state, plan.actions[:, 0]
    allowance = case.guard.allowance(Problem(state=state, watch=case.guard.begin(state)))
    for _ in range(1 + fallback.steps):
        now = case.model.step(now, action)
        inside = (case.values(now) <= allowance + 1e-5).all(dim=1)
        promises(bool(inside[safe].all()), f"a plan that says it is safe can be broken off safely{kind}", case.values(now))
        action = fallback.act(now, case.guard.readouts, space)


def _check_hopeless(promises: Promises, case: _Behind, seed: int) -> None:
    nowhere = replace(
        case.guard.guardrails[0], name="nowhere", requirement=StayInside(quantity="position", region=Disc(center=(5.0, 5.0), radius=0.1))
    )
    far = replace(case.guard.guardrails[0], name="never", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=9.0)))
    guard = replace(case.guard, guardrails=(*case.guard.guardrails, nowhere, far))
    state = case.starts()
    plan = case.plan(state, seed, guard=guard)
    assert plan.verdict is not None
    expected = guard.fallbacks[0].act(state, guard.readouts, case.model.spaces.action)
    told = plan.verdict.fallback | plan.verdict.feasible
    promises(bool(told.all()), "where nothing is safe it says that the fallback runs", plan.verdict)
    rows = plan.verdict.fallback
    promises(near(plan.actions[rows, 0], expected[rows]), "where nothing is safe the fallback runs", plan.actions[:, 0])


def _check_rows(promises: Promises, case: _Behind, seed: int) -> None:
    state = case.starts()
    plan = case.plan(state, seed)
    for row in (1, state.num_rows - 1):
        alone = case.plan(state.select(slice(row, row + 1)), seed)
        promises(near(alone.actions, plan.actions[row : row + 1]), "a row of a batch with guardrails plans like the row alone")


@dataclass(frozen=True, kw_only=True)
class _Astray(AbstractPlanner):
    """Searches as another planner does, and answers with the opposite of what it should: straight at the pillar, as hard as it can."""

    planner: AbstractPlanner

    def supports(self, action_space: ActionSpace) -> bool:
        return self.planner.supports(action_space)

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        found = self.planner.search(evaluate, warm_start, generator)
        if isinstance(evaluate.action_space, DiscreteSpace):
            return torch.full_like(found, 1)
        hard = torch.zeros_like(found)
        hard[..., 0] = 1
        return hard
