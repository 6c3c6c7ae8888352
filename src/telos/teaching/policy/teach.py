"""Distilling plans into a policy: first what logs show in hindsight, then what Mode 2 does where the policy is weak. No environment."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from telos.agent.policies import ArbiterConfig, CalibratedArbiter, GoalPolicy, GoalPolicyConfig
from telos.agent.policies.goal_policy import PolicyMeasures
from telos.core.action_box import ActionBox
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.core.seeding import derive_seed, numpy_generator, torch_generator
from telos.core.spaces import DiscreteSpace
from telos.core.taught import save_taught
from telos.core.types import Plan, Problem
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes, split
from telos.recipes.knowledge import ARBITER, POLICY, load_recipe, load_world_model
from telos.recipes.run_logs import logs_of
from telos.teaching.policy.judging import Judged, calibrate, teach_foresight
from telos.teaching.policy.lessons import Replay, Teacher
from telos.teaching.policy.problems import LoggedProblems, wander_by

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is through, and all."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a policy is taught: about two minutes of one processor for a model of a few hundred neurons.

    Raises:
        ConfigError: a number below 0, or no problem at all.
    """

    hindsight_steps: int = 1500
    """Batches of logs, before any plan is made."""
    reach: float = 1.0
    """How far ahead goals in hindsight lie at the most, as a multiple of the planner's horizon."""
    rounds: int = 16
    """Rounds of: act in imagination, plan where that is weak, learn from the plans. 0: logs alone."""
    problems: int = 1024
    """Problems that a round looks at."""
    plans: int = 384
    """Plans that a round makes: half where a plan is expected to save most, half anywhere."""
    steps: int = 200
    """Batches after each round."""
    batch_size: int = 512
    """Examples in a batch."""
    from_logs: float = 0.25
    """Share of a batch that still comes from logs, in the first round; it falls to none in the last."""
    judged: int = 800
    """Held-out problems that the arbiter is calibrated on."""
    alpha: float = 0.02
    """Share of all steps in which the arbiter may let a reaction through that is not good enough."""
    tolerance: float = 0.003
    """What a reaction may cost above a plan and still be good enough, as a share of what resting costs on the mean."""
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.hindsight_steps, self.rounds, self.steps) < 0 or min(self.problems, self.plans, self.batch_size, self.judged) < 1:
            raise ConfigError("A course has a number below 0, or no problems.", expected="0 or more steps and rounds, 1 or more problems and plans")
        if not (0 < self.alpha < 1 and 0 <= self.from_logs < 1 and self.tolerance >= 0):
            raise ConfigError("A course's alpha and from_logs are shares, and its tolerance is 0 or more.")
        if self.reach <= 0 or self.learning_rate <= 0:
            raise ConfigError("A course's reach and learning_rate are above 0.")


@dataclass(frozen=True, kw_only=True)
class PolicyLesson:
    """What came of it."""

    policy: GoalPolicy
    policy_config: GoalPolicyConfig
    arbiter: CalibratedArbiter

    def to_json(self) -> dict[str, Any]:
        """The measures of both, as one JSON object."""
        assert self.policy_config.measures is not None and self.arbiter.measures is not None
        config = self.arbiter.config
        about = {"alpha": config.alpha, "tolerance": config.tolerance, "threshold": float(self.arbiter.threshold)}
        return {"policy": asdict(self.policy_config.measures), "arbiter": {**asdict(self.arbiter.measures), **about}}


def teach_policy(
    run: Run | Path | str, logs: AbstractEpisodes | None = None, *, seed: int = 0, course: Course | None = None, progress: Progress | None = None
) -> PolicyLesson:
    """Teaches a run's agent to act without planning, and keeps policy and arbiter as RUN/policy and RUN/arbiter.

    Args:
        logs: where starts, goals and first examples come from; by default the logs that the run was trained on.
        seed: of all chance.
        course: how long and with what; None: as usual.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed.
        ConfigError: the actions have no bounds.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    logs = logs_of(run) if logs is None else logs
    known, held_out = split(logs, held_out=run.description["held_out"], seed=run.description["seed"])
    agent = load_recipe(run).agent
    lesson = distil(world_model, known, held_out, planner=agent.planner, cost=agent.cost, seed=seed, course=course, progress=progress)
    tie = fingerprint(world_model)
    save_taught(run.path / POLICY, lesson.policy_config, lesson.policy, tie=tie)
    save_taught(run.path / ARBITER, lesson.arbiter.config, lesson.arbiter, tie=tie)
    return lesson


def distil(
    world_model: AbstractWorldModel,
    known: AbstractLogs,
    held_out: AbstractLogs,
    *,
    planner: AbstractPlanner,
    cost: AbstractCost,
    seed: int = 0,
    course: Course | None = None,
    progress: Progress | None = None,
) -> PolicyLesson:
    """The same for any world model: a policy learned from `known`, judged on `held_out`.

    Source: plans as targets in states that the learner itself comes to: Ross et al. (2011), "DAgger", arXiv 1011.0686; Levine & Koltun
    (2013), "Guided policy search".
    """
    work = _Distilling(Teacher(world_model=world_model, planner=planner, cost=cost), known, held_out, seed, course or Course(), progress)
    return work.lesson()


class _Distilling:
    """One course, from fresh weights to a calibrated arbiter."""

    def __init__(self, teacher: Teacher, known: AbstractLogs, held_out: AbstractLogs, seed: int, course: Course, progress: Progress | None) -> None:
        self.started = time.process_time()
        self.teacher, self.course, self.progress = teacher, course, progress or (lambda stage, done, total: None)
        self.model, self.horizon = teacher.world_model, teacher.planner.horizon
        self.rng, self.generator = numpy_generator(seed, "policy"), torch_generator(seed, "policy")
        self.known, self.others = LoggedProblems(self.model, known), LoggedProblems(self.model, held_out)
        sample = self.known.draw(self.rng, 2048, self.horizon).state
        self.config = GoalPolicyConfig(belief_size=sample.belief.shape[-1], latent_size=self.model.latent_size, action=self.model.spaces.action)
        torch.manual_seed(derive_seed(seed, "policy weights"))
        self.policy = self.config.build()
        self.policy.set_scale(sample.belief)
        self.replay, self.num_plans = Replay(300_000), 0
        self.judged: Judged | None = None
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=course.learning_rate)

    def lesson(self) -> PolicyLesson:
        course = self.course
        for step in range(course.hindsight_steps):
            self._learn(share_of_logs=1.0)
            if step % 50 == 0:
                self.progress("hindsight", step, course.hindsight_steps)
        exam = self._exam()
        from_logs = float(self._react(exam).energy.mean())
        arbiter = self._fresh_arbiter(exam)
        for round_ in range(course.rounds):
            self.progress("plans", round_, course.rounds)
            self._plan_where_weak(arbiter)
            rest = 1 - round_ / max(1, course.rounds - 1)
            self._set_rate(course.learning_rate * (0.1 + 0.9 * rest))
            for _ in range(course.steps):
                self._learn(share_of_logs=course.from_logs * rest)
            self._foresee(arbiter, steps=100)
        self.policy.requires_grad_(False).eval()
        return self._concluded(arbiter, exam, from_logs)

    def _learn(self, *, share_of_logs: float) -> None:
        num_logged = round(self.course.batch_size * share_of_logs) if len(self.replay) else self.course.batch_size
        drawn = []
        if num_logged:
            drawn.append(self.known.hindsight(self.rng, num_logged, max(1, round(self.course.reach * self.horizon))))
        if num_logged < self.course.batch_size:
            drawn.append(self.replay.draw(self.course.batch_size - num_logged, self.generator))
        loss = sum(self.policy.surprise(part.belief, part.goal, part.action).sum() for part in drawn) / self.course.batch_size
        assert isinstance(loss, Tensor)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
        self.optimizer.step()

    def _set_rate(self, rate: float) -> None:
        self.optimizer.param_groups[0]["lr"] = rate

    @torch.no_grad()
    def _plan_where_weak(self, arbiter: CalibratedArbiter) -> None:
        """Half of the plans are made where one is expected to save most, half anywhere: guesses of what is weak may be wrong."""
        drawn = self.known.draw(self.rng, self.course.problems, self.horizon)
        problem = wander_by(self.policy, self.model, drawn, self.rng, farthest=self.horizon)
        reaction = self._react(problem)
        num = min(self.course.plans, problem.num_rows)
        gap = torch.nan_to_num(arbiter.gap(problem, reaction.energy))
        weak = gap.argsort(descending=True) if self.judged is not None else torch.arange(problem.num_rows)
        others = torch.randperm(problem.num_rows - num // 2, generator=self.generator)[: num - num // 2]
        rows = torch.cat([weak[: num // 2], weak[num // 2 :][others]])
        some = problem.select(rows)
        plan = self.teacher.plan(some, self.generator, self.policy)
        self.num_plans += len(rows)
        self.replay.add(self.teacher.examples(some, plan))
        self.judged = Judged.of(some, reaction.select(rows), plan).joined(self.judged, 20_000)

    def _foresee(self, arbiter: CalibratedArbiter, *, steps: int) -> None:
        if self.judged is not None:
            teach_foresight(arbiter, self.judged, steps=steps, generator=self.generator)

    @torch.no_grad()
    def _exam(self) -> Problem:
        return self.others.draw(self.rng, self.course.judged, self.horizon)

    def _react(self, problem: Problem) -> Plan:
        return self.teacher.react(self.policy, problem, self.generator)

    def _fresh_arbiter(self, exam: Problem) -> CalibratedArbiter:
        """It does not know yet what resting costs, which its tolerance is a share of."""
        resting = float(_resting(self.teacher, exam).mean())
        config = ArbiterConfig(
            belief_size=self.config.belief_size,
            latent_size=self.config.latent_size,
            horizon=self.horizon,
            cost=self.teacher.cost,
            tolerance=self.course.tolerance * resting,
            alpha=self.course.alpha,
        )
        arbiter = config.build()
        for mine, known in ((arbiter.belief, self.policy.belief), (arbiter.goal, self.policy.goal)):
            mine.load_state_dict(known.state_dict())
        return arbiter

    @torch.no_grad()
    def _concluded(self, arbiter: CalibratedArbiter, exam: Problem, from_logs: float) -> PolicyLesson:
        """Measures on held-out problems; those on which the arbiter is calibrated are met on the policy's own way, as in use."""
        self.progress("measures", 0, 2)
        exam_plan = self.teacher.plan(exam, self.generator)
        error, floor = imitation(self.policy, exam, exam_plan)
        self.progress("measures", 1, 2)
        met = wander_by(self.policy, self.model, self._exam(), self.rng, farthest=self.horizon)
        plan, reaction = self.teacher.plan(met, self.generator, self.policy, num=1), self._react(met)
        if self.judged is None:
            self.judged = Judged.of(exam, self._react(exam), exam_plan)
        self._foresee(arbiter, steps=600)
        calibrate(arbiter, Judged.of(met, reaction, plan))
        measures = PolicyMeasures(
            imitation_error=error,
            imitation_floor=floor,
            energy_reacting=float(self._react(exam).energy.mean()),
            energy_planning=float(exam_plan.energy.mean()),
            energy_resting=float(_resting(self.teacher, exam).mean()),
            energy_from_logs=from_logs,
            num_plans=self.num_plans,
            cpu_seconds=time.process_time() - self.started,
        )
        config = replace(self.config, measures=measures)
        self.policy.config = config
        return PolicyLesson(policy=self.policy, policy_config=config, arbiter=arbiter)


@torch.no_grad()
def imitation(policy: GoalPolicy, problem: Problem, plan: Plan) -> tuple[float, float]:
    """How far the policy is from the first actions of plans, and how far whoever always does the same is."""
    done, planned = policy.act(problem), plan.actions[:, 0]
    space = policy.config.action
    if isinstance(space, DiscreteSpace):
        usual = planned.mode(dim=0).values
        return float((done != planned).float().mean()), float((planned != usual).float().mean())
    box = ActionBox(space)
    planned = box.to_units(planned)
    errors = (box.to_units(done) - planned, planned - planned.mean(dim=0))
    return tuple(float(part.square().mean().sqrt()) for part in errors)  # type: ignore[return-value]


def _resting(teacher: Teacher, problem: Problem) -> Tensor:
    """What resting in the middle of the action space costs `[batch]`."""
    space, horizon = teacher.world_model.spaces.action, teacher.planner.horizon
    actions = ActionBox(space).to_actions(torch.zeros(problem.num_rows, horizon, *space.shape))
    with torch.no_grad():
        return teacher.cost.energy(teacher.world_model.rollout(problem.state, actions), problem).sum(dim=1)
