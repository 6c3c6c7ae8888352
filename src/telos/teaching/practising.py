"""A skill that grows: an agent in mode `auto` learns from the plans that it makes, and needs fewer of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.loop import Agent
from telos.agent.policies import ArbiterConfig, CalibratedArbiter, GoalPolicy, GoalPolicyConfig
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.seeding import derive_seed, numpy_generator, torch_generator
from telos.core.types import Batched, Problem
from telos.core.world import AbstractWorld
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.protocols import Protocol, draw_pairs
from telos.teaching.policy.judging import Judged, calibrate, teach_foresight
from telos.teaching.policy.lessons import Replay, Teacher
from telos.teaching.practice_curve import Block, PracticeCurve


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """How an agent practises. Raises ConfigError for numbers that cannot be."""

    episodes: int = 20
    """Episodes, side by side, after which it learns: a block."""
    audits: int = 100
    """Steps of a block, drawn evenly from all of them, for which a plan is made afterwards: they tell the arbiter what reacting is worth where
    nobody planned. They count as planner calls."""
    most_audits: int = 1000
    """The latest that are kept; what the policy would do there is imagined anew each time."""
    steps: int = 300
    """Batches that the policy learns from after a block."""
    batch_size: int = 256
    """Examples in a batch."""
    learning_rate: float = 1e-3
    """Of the policy."""

    def __post_init__(self) -> None:
        if min(self.episodes, self.audits, self.most_audits, self.batch_size) < 1 or self.steps < 0 or self.learning_rate <= 0:
            raise ConfigError("An exercise has a number below 1.", expected="1 or more episodes, audits and examples, and 0 or more batches")


class Practice:
    """What an agent has planned, and what its policy and its arbiter learn from it. Guardrails bind before and after.

    Args:
        agent: in mode `auto`, with a `GoalPolicy` and a `CalibratedArbiter`, which are changed in place.
        seed: of what is learned from.

    Raises:
        ConfigError: the agent is in another mode, or has a policy or arbiter of another kind.
    """

    def __init__(self, agent: Agent, exercise: Exercise | None = None, *, seed: int = 0) -> None:
        policy, arbiter = agent.knowledge.policy, agent.knowledge.arbiter
        if agent.settings.mode != "auto" or not isinstance(policy, GoalPolicy) or not isinstance(arbiter, CalibratedArbiter):
            raise ConfigError(
                f"An agent in mode '{agent.settings.mode}' does not practise.",
                expected="mode 'auto', with a policy and an arbiter such as 'telos practise RUN' teaches",
            )
        self.agent, self.exercise = agent, exercise or Exercise()
        self.policy, self.arbiter = policy, arbiter
        self.replay = Replay(100_000)
        self.planned: Judged | None = None
        self.audits: tuple[Problem, Tensor] | None = None
        self.num_plans = 0
        self._seen: list[Problem] = []
        self._cost: AbstractCost = agent.settings.cost
        self._rng, self._generator = numpy_generator(seed, "practice"), torch_generator(seed, "practice")
        self._optimizer = torch.optim.Adam(policy.parameters(), lr=self.exercise.learning_rate)

    @torch.no_grad()
    def note(self) -> None:
        """Remembers the step that `agent.act` has just decided on: what was planned, and where it might be asked again."""
        plan, now = self.agent.last_plan, self.agent.problem
        if plan is None or now is None or now[0].goal is None or plan.choice is None:
            return
        problem, self._cost = now
        problem = replace(problem, watch={})
        self._seen.append(problem)
        rows = plan.choice.planned
        if not self.agent.num_planned or not rows.any():
            return
        self.num_plans += int(rows.sum())
        some, made = problem.select(rows), plan.select(rows)
        self.replay.add(self._teacher.examples(some, made))
        # What reacting would have cost there is not known any more; what the plan reaches is all that foresight needs.
        self.planned = Judged.of(some, made, made).joined(self.planned, 20_000)

    def rest(self) -> None:
        """Learns from what was planned, after the episodes are over, and calibrates the arbiter for what it has become."""
        self._audit()
        if len(self.replay):
            self._learn()
        self._calibrate()
        self._seen = []

    @property
    def _teacher(self) -> Teacher:
        return Teacher(world_model=self.agent.world_model, planner=self.agent.settings.planner, cost=self._cost)

    @torch.no_grad()
    def _audit(self) -> None:
        """Plans for steps that are drawn evenly from all: only those that were planned anyway would say nothing of the others."""
        sizes = np.array([problem.num_rows for problem in self._seen])
        if not sizes.sum():
            return
        picked = np.sort(self._rng.choice(sizes.sum(), min(self.exercise.audits, int(sizes.sum())), replace=False))
        steps, ends = np.searchsorted(sizes.cumsum(), picked, side="right"), sizes.cumsum()
        parts = [self._seen[step].select(torch.from_numpy(picked[steps == step] - (ends[step] - sizes[step]))) for step in np.unique(steps)]
        fresh = _joined(parts)
        plan = self._teacher.plan(fresh, self._generator, self.policy, num=1)
        self.num_plans += fresh.num_rows
        self.replay.add(self._teacher.examples(fresh, plan))
        self.planned = Judged.of(fresh, plan, plan).joined(self.planned, 20_000)
        if self.audits is not None:
            latest = slice(-self.exercise.most_audits, None)
            fresh, energy = _joined([self.audits[0], fresh]).select(latest), torch.cat([self.audits[1], plan.energy])[latest]
        else:
            energy = plan.energy
        self.audits = fresh, energy

    def _learn(self) -> None:
        self.policy.train().requires_grad_(True)
        with torch.enable_grad():
            for step in range(self.exercise.steps):
                # It comes to rest before the arbiter looks at it: otherwise each block would end with another policy.
                self._optimizer.param_groups[0]["lr"] = self.exercise.learning_rate * (1 - step / self.exercise.steps)
                drawn = self.replay.draw(self.exercise.batch_size, self._generator)
                loss = self.policy.surprise(drawn.belief, drawn.goal, drawn.action).mean()
                self._optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
                self._optimizer.step()
        self.policy.requires_grad_(False).eval()

    @torch.no_grad()
    def _calibrate(self) -> None:
        """A plan for a new policy may be better than it was for the old one, never worse: energies that were reached stay within reach."""
        if self.audits is None or self.planned is None:
            return
        problem, planning = self.audits
        self.arbiter.calibrated_for(cost=self._cost, horizon=self.agent.settings.planner.horizon)
        teach_foresight(self.arbiter, self.planned, steps=2 * self.exercise.steps, generator=self._generator)
        reaction = self._teacher.react(self.policy, problem, self._generator)
        judged = Judged.of(problem, reaction, reaction)
        calibrate(self.arbiter, replace(judged, planning=planning))


class PractisingContestant(AgentContestant):
    """An agent that notes what it does."""

    def __init__(self, agent: Agent, practice: Practice) -> None:
        super().__init__(agent, "practising agent")
        self.practice = practice

    def act(self, states):
        actions = super().act(states)
        self.practice.note()
        return actions


def practise(
    agent: Agent,
    world: AbstractWorld,
    protocol: Protocol,
    *,
    blocks: int = 10,
    exercise: Exercise | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> PracticeCurve:
    """Plays blocks of fresh episodes, and learns after each: from slow to fast.

    Args:
        agent: in mode `auto`; its policy and arbiter change.
        protocol: its kind of starts and goals, and its rule; its number of episodes and its seed are not used.
        seed: of episodes and learning; no evaluation plays the same, whatever its seed.
        progress: called with what is going on, blocks that are through, and all.

    Raises:
        ConfigError: the agent cannot practise, or there are no blocks.
    """
    if blocks < 1:
        raise ConfigError(f"There are {blocks} blocks of practice.", expected="1 or more")
    exercise = exercise or Exercise()
    practice, done, started = Practice(agent, exercise, seed=seed), [], time.process_time()
    for block in range(blocks):
        if progress is not None:
            progress("practice", block, blocks)
        now = replace(protocol, episodes=exercise.episodes, seed=derive_seed(seed, f"practice {block}") % 2**31)
        pairs = draw_pairs(world, now, lambda starts, goals, now=now: expert_steps(world, now, starts, goals))
        contestant = PractisingContestant(agent, practice)
        plans = practice.num_plans
        outcome = play(world, pairs, contestant, now)
        practice.rest()
        conduct = contestant.conduct
        done.append(
            Block(
                episodes=(block + 1) * exercise.episodes,
                planned=conduct.searches / max(1, conduct.decisions),
                success=outcome.rate.value,
                steps=conduct.decisions,
                searches=conduct.searches,
                plans=practice.num_plans - plans,
                cpu_seconds=time.process_time() - started,
            )
        )
    return PracticeCurve(kind=protocol.name, blocks=tuple(done))


def fresh_skill(world_model: AbstractWorldModel, *, cost: AbstractCost, horizon: int, beliefs: Tensor, tolerance: float, seed: int = 0) -> Knowledge:
    """A policy that has learned nothing and an arbiter that lets nothing through: an agent that begins slow in everything.

    Args:
        beliefs: `[frames belief]`, for the scale of inputs.
        tolerance: energy that a reaction may cost above a plan.
    """
    torch.manual_seed(derive_seed(seed, "policy weights"))
    sizes = {"belief_size": beliefs.shape[1], "latent_size": world_model.latent_size}
    policy = GoalPolicyConfig(**sizes, action=world_model.spaces.action).build()
    policy.set_scale(beliefs)
    arbiter = ArbiterConfig(**sizes, horizon=horizon, cost=cost, tolerance=tolerance).build()
    for mine, known in ((arbiter.belief, policy.belief), (arbiter.goal, policy.goal)):
        mine.load_state_dict(known.state_dict())
    return Knowledge(world_model=world_model, policy=policy.requires_grad_(False).eval(), arbiter=arbiter.requires_grad_(False).eval())


def _joined(parts: list[Any]) -> Any:
    """Several batches as one: tensors, and whatever holds them."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts)
    if isinstance(first, Mapping):
        return {name: _joined([part[name] for part in parts]) for name in first if all(name in part for part in parts)}
    if isinstance(first, tuple):
        return tuple(_joined(list(some)) for some in zip(*parts, strict=True))
    if isinstance(first, Batched):
        return replace(first, **{name: _joined([getattr(part, name) for part in parts]) for name in vars(first)})  # type: ignore[type-var]
    return first
