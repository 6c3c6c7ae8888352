"""What every world model promises."""

import copy

import numpy as np
import torch
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.spaces import DiscreteSpace
from telos.core.types import Observation, State
from telos.testing.capture import check_capture
from telos.testing.examples import example_windows
from telos.testing.modules import check_gradient, check_reload
from telos.testing.promises import Promises
from telos.testing.trees import finite, near, same, snapshot

NUM, NUM_STEPS = 4, 3
NUM_FUTURES = 3


def check_world_model(world_model: AbstractWorldModel, *, seed: int = 0) -> None:
    """The promises of a world model: training, caching and acting see the same states; rows apart; gradient, reload, capture.

    Args:
        world_model: It is tried in evaluation mode, and left as it was.
        seed: Of observations and actions.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    spaces = world_model.spaces
    windows = example_windows(spaces.observation, spaces.action, np.random.default_rng(seed), NUM, NUM_STEPS)
    check_on_windows(world_model, *windows, logged=windows[1])


def check_on_windows(world_model: AbstractWorldModel, observations: Observation, actions: Tensor, *, logged: Tensor) -> None:
    """The same on given windows.

    Args:
        logged: what the windows of training hold for actions; of a level all that was done below, else the actions themselves.
    """
    promises = Promises.of(world_model)
    training, windows = world_model.training, (observations, actions)
    try:
        world_model.eval()
        _check_purity(promises, world_model, *windows)
        states = world_model.encode_window(*windows)
        _check_window(promises, world_model, states)
        _check_ways_to_a_state(promises, world_model, *windows, states)
        _check_rollout(promises, world_model, states.at(0), windows[1])
        _check_amending(promises, world_model, states.at(0), windows[1])
        _check_rows(promises, world_model, *windows, states)
        _check_together(promises, world_model, states, windows[1])
        _check_futures(promises, world_model, states.at(0), windows[1])
        _check_hindsight(promises, world_model, states, logged)
        _check_learning(promises, world_model, *windows, logged)
    finally:
        world_model.train(training)


def _check_purity(promises: Promises, world_model: AbstractWorldModel, observations: Observation, actions: Tensor) -> None:
    before = snapshot((observations, actions))
    first = map_tree(lambda leaf: leaf[:, 0], observations)
    state = world_model.encode_window(observations, actions).at(0)
    world_model.encode_frames(first)
    world_model.observe(world_model.observe(None, None, first), actions[:, 0], first)
    goal = world_model.observe_goal(first)
    promises(goal.latent.shape == state.latent.shape and finite(goal), "observe_goal gives a state of a goal that is shown", list(goal.latent.shape))
    promises(same(snapshot((observations, actions)), before), "no observation and no action is altered in place")
    before = snapshot((state, actions))
    world_model.rollout(state, actions)
    promises(same(snapshot((state, actions)), before), "no state is altered in place")


def _check_window(promises: Promises, world_model: AbstractWorldModel, states: State) -> None:
    shape = (NUM, NUM_STEPS + 1, world_model.latent_size)
    promises(states.latent.shape == shape, "encode_window gives latents [batch time+1 latent]", f"{list(states.latent.shape)} for {list(shape)}")
    lead = states.belief.shape[:-1]
    promises(lead == shape[:2], "encode_window gives beliefs [batch time+1 belief]", list(states.belief.shape))
    promises(finite(states), "states are finite")


def _check_ways_to_a_state(promises: Promises, world_model: AbstractWorldModel, observations: Observation, actions: Tensor, states: State) -> None:
    """Training encodes windows, its second phase puts cached codes together, and the agent observes step by step."""
    codes = world_model.encode_frames(map_tree(lambda leaf: leaf.flatten(0, 1), observations))
    promises(len(codes) == NUM * (NUM_STEPS + 1) and codes.ndim == 2, "encode_frames gives codes [batch code]", list(codes.shape))
    codes, first = codes.unflatten(0, (NUM, NUM_STEPS + 1)), map_tree(lambda leaf: leaf[:, 0], observations)
    alone = codes[:, 0, : world_model.latent_size] if world_model.filters else codes[..., : world_model.latent_size]
    promises(near(alone, states.latent[:, 0] if world_model.filters else states.latent), "a code begins with the latent")
    for case, frames in (("", None), (" and a raw frame", first)):
        assembled = world_model.assemble(codes, actions, frames)
        promises(near(assembled, states), f"assemble makes of cached codes{case} what encode_window makes of frames")
    state = world_model.observe(None, None, first)
    for time in range(NUM_STEPS + 1):
        if time:
            state = world_model.observe(state, actions[:, time - 1], map_tree(lambda leaf, time=time: leaf[:, time], observations))
            known = world_model.update(states.at(time - 1), actions[:, time - 1], states.latent[:, time])
            promises(same(known.latent, states.latent[:, time]), "update takes the latent that it is given")
            # A code that holds more than the latent may have told `observe` more than `update` can know.
            there = states.at(time)
            whole = codes.shape[-1] > world_model.latent_size or near((known.latent, known.belief), (there.latent, there.belief))
            promises(whole, "update gives, of known latents, the beliefs of encode_window", f"other numbers at step {time}")
        promises(near(state, states.at(time)), "observe gives, step by step, the states of encode_window", f"other numbers at step {time}")


def _check_rollout(promises: Promises, world_model: AbstractWorldModel, state: State, actions: Tensor) -> None:
    rollout, imagined = world_model.rollout(state, actions), state
    promises(same(world_model.rollout(state, actions), rollout), "the same actions are imagined alike twice")
    for time in range(NUM_STEPS):
        imagined = world_model.step(imagined, actions[:, time])
        found = rollout.latent[:, time], rollout.belief[:, time]
        promises(near(found, (imagined.latent, imagined.belief)), "a rollout is one step after the other", f"other numbers at step {time}")
    promises(finite(rollout), "what is imagined is finite")
    promises(same(rollout.actions, actions), "a rollout carries its actions")
    one = world_model.rollout(state.select(slice(0, 1)).repeat(2), actions[:2])
    other = world_model.rollout(state.select(torch.tensor([0, 0])), actions[:2])
    promises(near(one, other), "a state that was repeated or selected is a state like any other")


def _check_amending(promises: Promises, world_model: AbstractWorldModel, state: State, actions: Tensor) -> None:
    """A latent that is known better is believed, and what is imagined goes on from there."""
    known = state.latent + torch.linspace(-1, 1, world_model.latent_size)
    amended = world_model.amend(state, known)
    promises(same(amended.latent, known), "amend takes the latent that it is given")
    promises(near(amended.belief[..., : world_model.latent_size], known), "a belief begins with the latent, amended or not")
    again = world_model.rollout(world_model.amend(amended, state.latent), actions)
    promises(near(again, world_model.rollout(state, actions)), "amending there and back leaves what is imagined as it was")
    promises(not near(world_model.rollout(amended, actions).latent, world_model.rollout(state, actions).latent), "another latent leads elsewhere")


def _check_together(promises: Promises, world_model: AbstractWorldModel, states: State, actions: Tensor) -> None:
    """What shares work gives what steps give one by one."""
    state, twice = states.at(0), actions.repeat_interleave(2, dim=0)
    beside = world_model.rollout(state, twice).select(slice(1, None, 2))
    promises(near(beside, world_model.rollout(state, actions)), "sequences side by side are imagined like one for each state")
    ahead = world_model.foresee(states, actions)
    for time in range(NUM_STEPS):
        found = world_model.step(states.at(time), actions[:, time])
        promises(near(ahead.latent[:, time], found.latent), "foresee is one step from every frame of a window", f"other numbers at step {time}")


def _check_futures(promises: Promises, world_model: AbstractWorldModel, state: State, actions: Tensor) -> None:
    """Chance is drawn once, from the generator alone, and is the same whatever is done and however it is imagined."""
    luck = torch.get_rng_state()
    many, again, other = (world_model.futures(state, NUM_STEPS, NUM_FUTURES, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    promises(torch.equal(torch.get_rng_state(), luck), "all chance of futures comes from the generator")
    if many is None or again is None or other is None:
        promises(again is None and other is None, "either there are futures, or there are none")
        return
    promises(many.num_rows == NUM * NUM_FUTURES, "futures gives each state `num` times, side by side", many.num_rows)
    alike = state.repeat(NUM_FUTURES)
    promises(same((many.latent, many.belief), (alike.latent, alike.belief)), "a state is believed alike in all its futures")
    each = actions.repeat_interleave(NUM_FUTURES, dim=0)
    rollout = world_model.rollout(many, each)
    promises(same(world_model.rollout(again, each), rollout), "one seed gives the same futures")
    # A predictor with fresh weights may not make anything of it yet; the state must hold it all the same.
    promises(not same(other, many), "another seed gives other futures")
    promises(not same(many.select(slice(0, 1)), many.select(slice(1, 2))), "futures of a state differ from one another")
    _check_rollout(promises, world_model, many, each)
    one = world_model.futures(state.select(slice(1, 2)), NUM_STEPS, NUM_FUTURES, torch.Generator().manual_seed(0))
    promises(
        one is not None and near(world_model.rollout(one, each[:NUM_FUTURES]).latent, _first(world_model, many, each)), "a row alone has its futures"
    )
    beside = world_model.rollout(many, each.repeat_interleave(2, dim=0)).select(slice(1, None, 2))
    promises(near(beside, rollout), "candidates side by side meet the same futures")
    beyond = world_model.futures(state, 1, NUM_FUTURES, torch.Generator().manual_seed(0))
    assert beyond is not None
    after = world_model.step(beyond, each[:, 0])
    promises(
        near(world_model.rollout(after, each).latent, world_model.rollout(_forgetful(world_model, after, each[:, 0]), each).latent),
        "where the futures that were drawn end, the likeliest follows",
    )
    seen = world_model.update(many, each[:, 0], many.latent)
    usual = world_model.update(alike, each[:, 0], many.latent)
    promises(near(world_model.rollout(seen, each), world_model.rollout(usual, each)), "what was seen ends a future that was supposed")


def _first(world_model: AbstractWorldModel, many: State, each: Tensor) -> Tensor:
    """What the futures of the second state lead to under the actions of the first."""
    rows = slice(NUM_FUTURES, 2 * NUM_FUTURES)
    return world_model.rollout(many.select(rows), each[:NUM_FUTURES]).latent


def _forgetful(world_model: AbstractWorldModel, state: State, action: Tensor) -> State:
    """The same belief in no future in particular: as `update` would have it, but for what it infers."""
    fresh = world_model.futures(state, NUM_STEPS, 1, torch.Generator().manual_seed(5))
    assert fresh is not None
    names = state.memory.keys() & fresh.memory.keys()
    return State(state.latent, state.belief, {name: state.memory[name] for name in names})


def _check_hindsight(promises: Promises, world_model: AbstractWorldModel, states: State, actions: Tensor) -> None:
    """What is explained is a rollout like any other; information is never negative, and there only where there is a choice."""
    explained = world_model.explain(states.at(0), states, actions)
    lead = tuple(actions.shape[:2])
    likeliest = world_model.anticipate(states.at(0), actions)
    promises(tuple(likeliest.latent.shape[:2]) == lead and finite(likeliest), "anticipate gives a finite rollout along the window")
    promises(tuple(explained.latent.shape[:2]) == lead and finite(explained), "explain gives a finite rollout along the window")
    if explained.information is None:
        promises(near(explained, world_model.rollout(states.at(0), actions)), "without a latent variable explain is what is imagined")
        return
    told = explained.information
    promises(tuple(told.shape) == lead, "information is [batch horizon]", list(told.shape))
    promises(bool((told >= -1e-5).all()), "information is never negative", told.min())


def _check_rows(promises: Promises, world_model: AbstractWorldModel, observations: Observation, actions: Tensor, states: State) -> None:
    row = slice(1, 2)
    alone = world_model.encode_window(map_tree(lambda leaf: leaf[row], observations), actions[row])
    promises(near(alone, states.select(row)), "a row of a batch is encoded like the row alone")
    start = states.at(0)
    apart = world_model.rollout(start.select(row), actions[row])
    promises(near(apart, world_model.rollout(start, actions).select(row)), "a row of a batch is imagined like the row alone")


def _check_learning(promises: Promises, world_model: AbstractWorldModel, observations: Observation, actions: Tensor, logged: Tensor) -> None:
    def run(model: AbstractWorldModel) -> tuple[Tensor, ...]:
        states = model.encode_window(observations, actions)
        explained = model.explain(states.at(0), states, logged)
        told = () if explained.information is None else (explained.latent, explained.information)
        return states.latent, model.rollout(states.at(0), actions).belief, *told

    check_reload(promises, world_model, _emptied(world_model), run)
    check_gradient(promises, world_model, lambda: run(world_model))
    state = world_model.encode_window(observations, actions).at(0)
    if not isinstance(world_model.spaces.action, DiscreteSpace):
        pushed = actions.clone().requires_grad_()
        (slope,) = torch.autograd.grad(world_model.rollout(state, pushed).latent.square().sum(), pushed, allow_unused=True)
        promises(slope is not None and finite(slope), "a finite gradient reaches the actions of a rollout", "none" if slope is None else slope)
    _check_perception(promises, world_model, observations)
    check_capture(promises, "encode_window", world_model.encode_window, observations, actions)
    check_capture(promises, "rollout", world_model.rollout, state, actions)


def _check_perception(promises: Promises, world_model: AbstractWorldModel, observations: Observation) -> None:
    """What makes latents can be frozen, and their codes cached, while everything else goes on learning."""
    perception = {id(weight) for weight in world_model.perception.parameters()}
    promises(perception <= {id(weight) for weight in world_model.parameters()}, "perception is a part of the model itself")
    others = {name: weight for name, weight in world_model.named_parameters() if weight.requires_grad and id(weight) not in perception}
    latent = world_model.encode_frames(map_tree(lambda leaf: leaf[:, 0], observations))[:, : world_model.latent_size]
    if not others or not latent.requires_grad or world_model.filters:
        return
    slopes = torch.autograd.grad(latent.square().sum(), list(others.values()), allow_unused=True)
    moved = [name for name, slope in zip(others, slopes, strict=True) if slope is not None and slope.abs().max() > 0]
    promises(not moved, "all that makes latents belongs to perception", f"{moved[:3]} change them too")


def _emptied(world_model: AbstractWorldModel) -> AbstractWorldModel:
    """A copy with zeros for weights."""
    other = copy.deepcopy(world_model)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.zero_()
    return other
