"""What every sense of surprise promises."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Generator

from telos.core.acting import AbstractSurprise
from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.taught import AbstractDescription, load_taught, save_taught
from telos.core.types import Batched, State
from telos.testing.examples import example_windows
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot

NUM, NUM_STEPS = 4, 12
"""Episodes side by side, and how long they are followed."""


def check_surprise(
    sense: AbstractSurprise, world_model: AbstractWorldModel, *, description: AbstractDescription | None = None, seed: int = 0
) -> None:
    """The promises of a sense of surprise: p-values, nothing expected in the beginning, one row at a time, no chance, nothing altered.

    Args:
        sense: With its calibration.
        world_model: Whose expectations it watches; of any weights.
        description: What builds it again; it is then saved as in a run, and has to find the same when it is back.
        seed: Of observations and actions.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, sense, model = Promises.of(sense), sense.eval(), world_model.eval()
    states, actions = _walk(model, seed)
    expected = sense.begin(model, states[0])
    promises(isinstance(expected, Batched), "what is expected is a Batched value, so that rows of it can be kept", type(expected).__name__)
    promises(bool((sense.p_value(expected, states[0]) == 1).all()), "nothing is surprising where nothing was expected: the p-value is 1")
    before, luck = snapshot((states, actions)), torch.get_rng_state()
    along = _follow(sense, model, states, actions)
    for found in along:
        promises(tuple(found.shape) == (NUM,) and finite(found), "there is one finite p-value for each episode", list(found.shape))
        promises(bool(((found > 0) & (found <= 1)).all()), "p-values lie above 0, and go up to 1", found.tolist())
    promises(same(snapshot((states, actions)), before), "no state and no action is altered in place")
    promises(torch.equal(torch.get_rng_state(), luck), "it leaves torch's global generator alone")
    promises(same(_follow(sense, model, states, actions), along), "the same steps are as surprising twice; it has no chance of its own")
    if model.futures(states[0], 1, 2, Generator().manual_seed(seed)) is None:
        # Where futures are drawn, each row has its own.
        _check_rows(promises, sense, model, states, actions, along)
        _check_rows_that_go_on(promises, sense, model, states, actions, along)
    if description is not None:
        _check_kept(promises, sense, model, description, states, actions, along)


def _check_rows(promises: Promises, sense, model, states: list[State], actions: list, along: list) -> None:
    for rows in (torch.tensor([2]), torch.tensor([True, False, False, True])):
        alone = _follow(sense, model, [state.select(rows) for state in states], [action[rows] for action in actions])
        promises(near(alone, [found[rows] for found in along]), "a row of a batch is surprised like the row alone")


def _check_rows_that_go_on(promises: Promises, sense, model, states: list[State], actions: list, along: list) -> None:
    """Episodes that are through leave a batch in the middle."""
    rows, expected = torch.tensor([True, False, True, False]), sense.begin(model, states[0])
    for time, action in enumerate(actions):
        some = time >= NUM_STEPS // 2
        state, seen = (states[place].select(rows) if some else states[place] for place in (time, time + 1))
        expected = expected.select(rows) if time == NUM_STEPS // 2 else expected
        expected = sense.expect(model, expected, state, action[rows] if some else action)
        promises(near(sense.p_value(expected, seen), along[time][rows] if some else along[time]), "rows that are kept go on as before")


def _check_kept(promises: Promises, sense, model, description: AbstractDescription, states: list[State], actions: list, along: list) -> None:
    check_value(description)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "surprise"
        save_taught(path, description, sense, tie="a model")
        back = load_taught(path, AbstractSurprise, tie="a model")
    promises(same(_follow(back, model, states, actions), along), "it finds the same after being saved and loaded; register what it needs as a buffer")


@torch.no_grad()
def _follow(sense, model, states: list[State], actions: list) -> list[torch.Tensor]:
    expected, found = sense.begin(model, states[0]), []
    for time, action in enumerate(actions):
        expected = sense.expect(model, expected, states[time], action)
        found.append(sense.p_value(expected, states[time + 1]))
    return found


@torch.no_grad()
def _walk(model: AbstractWorldModel, seed: int) -> tuple[list[State], list[torch.Tensor]]:
    """Beliefs along random actions, of random observations."""
    seen, actions = example_windows(model.spaces.observation, model.spaces.action, np.random.default_rng(seed), NUM, NUM_STEPS)
    states = [model.observe(None, None, map_tree(lambda leaf: leaf[:, 0], seen))]
    for time in range(NUM_STEPS):
        states.append(model.observe(states[-1], actions[:, time], map_tree(lambda leaf, time=time: leaf[:, time + 1], seen)))
    return states, list(actions.unbind(1))
