"""What every task promises."""

from typing import Any

import numpy as np
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractTask
from telos.core.types import Batched, State
from telos.testing.examples import as_tensors, example_observations
from telos.testing.promises import Promises
from telos.testing.trees import same, snapshot

NUM = 3


def check_task(task: AbstractTask, knowledge: Knowledge | AbstractWorldModel, *, seed: int = 0) -> None:
    """The promises of a task: a problem for every row, progress that is a value, and that rows can be dropped.

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


def _check_progress(promises: Promises, progress: Any) -> None:
    promise = "its progress is None, a tensor, or a value of telos.core.types with a row for each problem, so that rows can be dropped"
    promises(progress is None or isinstance(progress, (Tensor, Batched)), promise, type(progress).__name__)


def _select(progress: Any, index: slice) -> Any:
    if isinstance(progress, Batched):
        return progress.select(index)
    return progress if progress is None else progress[index]
