"""What a plan leads to that is broken off, so that a fallback takes over."""

from collections.abc import Mapping

import torch
from jaxtyping import Num
from torch import Tensor

from telos.agent.actor.guard import SafeRest
from telos.core.contracts import AbstractWorldModel
from telos.core.guarding import AbstractFallback
from telos.core.readouts import AbstractReadout
from telos.core.types import Rollout, State

Readouts = Mapping[str, AbstractReadout]


def imagine_shield(
    world_model: AbstractWorldModel, state: State, begun: Num[Tensor, "batch num begun action"], fallback: AbstractFallback, readouts: Readouts
) -> Rollout:
    """The first actions of `num` candidates for each state, then the fallback until it has come to rest: `batch * num` futures."""
    num, space = begun.shape[1], world_model.spaces.action
    begun = begun.flatten(0, 1)
    if fallback.open_loop:
        held = fallback.act(state, readouts, space).to(begun.dtype).repeat_interleave(num, dim=0)
        return world_model.rollout(state, torch.cat([begun, held[:, None].expand(-1, fallback.steps, -1)], dim=1))
    states = [state.repeat(num)]
    done = list(begun.unbind(1))
    for action in done:
        states.append(world_model.step(states[-1], action))
    for _ in range(fallback.steps):
        done.append(fallback.act(states[-1], readouts, space))
        states.append(world_model.step(states[-1], done[-1]))
    return _along(world_model, states[1:], torch.stack(done, dim=1))


def carry_out(
    world_model: AbstractWorldModel,
    state: State,
    fallback: AbstractFallback,
    readouts: Readouts,
    *,
    steps: int,
    horizon: int,
    first: SafeRest | None,
) -> tuple[Rollout, Num[Tensor, "batch horizon action"]]:
    """The fallback itself, from now on: what it leads to, and what it does in the first `horizon` steps.

    Args:
        steps: so far ahead it is imagined.
        first: what is carried out before, as far as it goes.
    """
    states, done = [state], []
    if first is not None:
        steps += int(first.left.max())
    for time in range(steps):
        action = fallback.act(states[-1], readouts, world_model.spaces.action)
        if first is not None and time < first.actions.shape[1]:
            action = torch.where((first.left > time)[:, None], first.actions[:, time], action)
        done.append(action)
        states.append(world_model.step(states[-1], action))
    actions = torch.stack(done, dim=1)
    return _along(world_model, states[1:], actions), actions[:, :horizon]


def _along(world_model: AbstractWorldModel, states: list[State], actions: Tensor) -> Rollout:
    latent = torch.stack([state.latent for state in states], dim=1)
    belief = torch.stack([state.belief for state in states], dim=1)
    return Rollout(latent=latent, actions=actions, beyond=(belief[..., world_model.latent_size :],))
