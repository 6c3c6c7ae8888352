"""What every task promises."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.cost import LeastDistance
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractTask
from telos.core.types import Batched, State
from telos.testing.examples import as_tensors, example_actions, example_observations
from telos.testing.promises import Promises
from telos.testing.trees import finite, near, same, snapshot

NUM, STEPS, HORIZON = 3, 4, 5


def check_task(task: AbstractTask, knowledge: Knowledge | AbstractWorldModel, *, seed: int = 0) -> None:
    """The promises of a task: a problem for every row, progress that is a value, that rows can be dropped, and energies of each row alone.

    Args:
        task: What is to be done; a goal of its own must be one for all rows.
        knowledge: What it needs of an agent: a model that it fits, or that and the readouts it speaks of.
        seed: Of the observations.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(task)
    knowledge = knowledge if isinstance(knowledge, Knowledge) else Knowledge(world_model=knowledge)
    world_model = knowledge.world_model
    state = world_model.observe(None, None, as_tensors(example_observations(world_model.spaces.observation, np.random.default_rng(seed), NUM)))
    progress = task.start(knowledge, NUM)
    _check_progress(promises, progress)
    before = snapshot((state, progress))
    problem = task.problem(state, progress)
    promises(same(problem.state, state), "the problem starts from the state that the agent is in")
    goal = problem.goal
    promises(goal is None or goal.num_rows == NUM, "the problem has a goal for every row", None if goal is None else goal.num_rows)
    after = task.advance(progress, state)
    _check_progress(promises, after)
    promises(same(snapshot((state, progress)), before), "neither state nor progress is altered in place; return a new progress")
    promises(same(task.start(knowledge, NUM), progress), "it begins alike twice")
    index = slice(1, 2)
    alone = task.problem(state.select(index), _select(progress, index))
    if goal is not None:
        promises(isinstance(alone.goal, State) and same(alone.goal, goal.select(index)), "a row that is kept keeps its goal")
    _check_energy(promises, task, knowledge, state, after, seed)
    _check_course(promises, task, knowledge, seed)


def _check_energy(promises: Promises, task: AbstractTask, knowledge: Knowledge, state: State, progress: Any, seed: int) -> None:
    """Its cost judges imagined futures of its own problems, each row like the row alone."""
    cost, model = task.cost(LeastDistance(), knowledge), knowledge.world_model
    promises(isinstance(cost, AbstractCost), "its cost is one", type(cost).__name__)
    actions = as_tensors(example_actions(model.spaces.action, np.random.default_rng(seed), NUM, HORIZON))
    with torch.no_grad():
        energy = cost.energy(model.rollout(state, actions), task.problem(state, progress))
        promises(tuple(energy.shape) == (NUM, HORIZON) and finite(energy), "its energy is [batch horizon], and finite", list(energy.shape))
        row = slice(1, 2)
        alone = cost.energy(model.rollout(state.select(row), actions[row]), task.problem(state.select(row), _select(progress, row)))
        promises(near(alone, energy[row]), "a row of a batch is judged like the row alone; what belongs to a row lies in the progress")


def _check_course(promises: Promises, task: AbstractTask, knowledge: Knowledge, seed: int) -> None:
    """Along a few states: rows go on alone as in company, and who is through stays through."""
    rng, model = np.random.default_rng(seed + 1), knowledge.world_model
    whole, through = task.start(knowledge, NUM), None
    part = _select(whole, slice(1, 2))
    for _ in range(STEPS):
        state = model.observe(None, None, as_tensors(example_observations(model.spaces.observation, rng, NUM)))
        whole, part = task.advance(whole, state), task.advance(part, state.select(slice(1, 2)))
        promises(same(_select(whole, slice(1, 2)), part), "a row that is kept goes on as it would in company")
        done = task.done(whole)
        promises(done is None or (done.dtype == torch.bool and tuple(done.shape) == (NUM,)), "done says yes or no for each row, or is None")
        promises(through is None or done is None or bool(done[through].all()), "who is through stays through")
        through = done


def _check_progress(promises: Promises, progress: Any) -> None:
    promise = "its progress is None, a tensor, or a value of telos.core.types with a row for each problem, so that rows can be dropped"
    promises(progress is None or isinstance(progress, (Tensor, Batched)), promise, type(progress).__name__)


def _select(progress: Any, index: slice) -> Any:
    if isinstance(progress, Batched):
        return progress.select(index)
    return progress if progress is None else progress[index]
