"""A goal that can be shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from telos.core.logs import map_tree
from telos.core.readouts import Knowledge
from telos.core.spaces import Tree
from telos.core.tasks import AbstractTask
from telos.core.types import Problem, State


@dataclass(frozen=True)
class ReachGoal(AbstractTask):
    """Reach what `observation` shows: a goal image, a goal reading, or a batch of them `[batch ...]`.

    Raises:
        SpaceError: on `agent.set_task`, when the goal is of another size or kind than what the model was trained on.
    """

    observation: Tree = field(repr=False)
    """What is seen there."""
    truth: Mapping[str, np.ndarray] | None = field(default=None, repr=False, compare=False)
    """What was true when it was seen, `[1 ...]` each, for judges of an evaluation; no agent looks at it."""

    def start(self, knowledge: Knowledge, num_rows: int) -> State:
        world_model = knowledge.world_model
        space = world_model.spaces.observation
        goal = space.check(self.observation, what="The goal")
        if not space.batch_shape(goal, what="The goal"):
            goal = map_tree(lambda leaf: np.broadcast_to(leaf, (num_rows, *leaf.shape)).copy(), goal)
        device = world_model.device
        with torch.no_grad():
            return world_model.observe_goal(map_tree(lambda leaf: torch.tensor(leaf).to(device), goal))

    def problem(self, state: State, progress: State) -> Problem:
        return Problem(state=state, goal=progress)
