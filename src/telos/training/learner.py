"""One step of learning as one module, so that every way of running in parallel can wrap it."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.compiling import CompiledOrPlain
from telos.core.contracts import AbstractObjective, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import Windows
from telos.core.types import Observation, Rollout, State

PARTS = ("assemble", "encode_window", "explain", "foresee", "observe")
"""What a step of learning asks of the world model."""
Value = TypeVar("Value", State, Rollout)


class Learner(nn.Module):
    """A world model with the heads of its objectives: windows in, loss and terms out."""

    def __init__(
        self,
        world_model: AbstractWorldModel,
        objectives: tuple[AbstractObjective, ...],
        *,
        from_codes: bool = False,
        imagines: str = "rollouts",
        seen: int = 1,
    ) -> None:
        super().__init__()
        self.world_model = world_model
        self.objectives = {_name(objective): objective for objective in objectives}
        if len(self.objectives) != len(objectives):
            raise ConfigError(
                f"An objective is listed twice: {[_name(objective) for objective in objectives]}.", expected="each once, with its weight"
            )
        self.heads = nn.ModuleDict({name: part.head(world_model.spaces, world_model.latent_size) for name, part in self.objectives.items()})
        self.from_codes, self.imagines, self.seen = from_codes, imagines, seen
        self._parts: dict[str, Callable[..., Any]] = {}
        self.compile_parts(False)

    def forward(
        self,
        observations: Observation,
        actions: Tensor,
        episodes: Tensor,
        frames: Observation | None = None,
        starts: Observation | None = None,
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """The weighted loss, and each term by name, unweighted.

        Takes the parts of `Windows`, as tensors: raw frames, or codes. What wraps this module to run it with other digits, or
        on other devices, looks into plain arguments only.
        """
        windows = Windows(observations, actions, episodes, frames, starts)
        states = self.states(windows)
        predictions = _at_full_precision(self._imagined(windows, states))
        states = _at_full_precision(states)
        with torch.autocast(states.latent.device.type, enabled=False):
            terms = {name: part.term(windows, states, predictions, self.heads[name]) for name, part in self.objectives.items()}
        loss = sum(self.objectives[name].weight * term for name, term in terms.items())
        assert isinstance(loss, Tensor)
        return loss, {name: term.detach() for name, term in terms.items()}

    def _imagined(self, windows: Windows, states: State) -> Rollout:
        if self.imagines == "each step":
            return self._parts["foresee"](states, windows.actions)
        start = states.at(self.seen - 1) if windows.starts is None else self._parts["observe"](None, None, windows.starts)
        ahead = states._map(lambda tensor: tensor[:, self.seen - 1 :])
        return self._parts["explain"](start, ahead, windows.actions[:, self.seen - 1 :])

    def states(self, windows: Windows) -> State:
        """The encoded states along the windows."""
        if self.from_codes:
            return self._parts["assemble"](windows.observations, windows.actions, windows.frames)
        return self._parts["encode_window"](windows.observations, windows.actions)

    def compile_parts(self, compiled: bool) -> None:
        """Lets what the model computes be compiled from now on, or not. Objectives, which gather over processes, never are."""
        for name in PARTS:
            part = getattr(self.world_model, name)
            self._parts[name] = CompiledOrPlain(part) if compiled else part


def _at_full_precision(value: Value) -> Value:
    """In 32 bits at least: variances and covariances of half as many digits are noise."""
    dtype = torch.promote_types(value.latent.dtype, torch.float32)
    return value._map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def _name(objective: AbstractObjective) -> str:
    name = type(objective).__name__
    return "".join(("_" if i and letter.isupper() and not name[i - 1].isupper() else "") + letter for i, letter in enumerate(name)).lower()
