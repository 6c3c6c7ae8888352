"""A world model that consults an episodic memory: what was found otherwise than expected is expected from then on."""

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Num
from torch import Generator, Tensor, nn

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.memory import AbstractMemory, Entries, Recalled
from telos.core.spaces import DiscreteSpace
from telos.core.types import Observation, Rollout, State

PARTS = ("keys", "values", "strengths", "ages")
PREFIX = "remembered_"
RECALLED = "recalled"
"""Names under which a state carries what is remembered."""


class Recollection(NamedTuple):
    """What a state says of its memory, for people."""

    stored: Float[Tensor, " batch"]
    """Entries in use."""
    recalled: Float[Tensor, " batch"]
    """How far something was remembered about the action that led here, 0 to 1."""


class RememberingModel(AbstractWorldModel):
    """Another world model, corrected by what was found in this episode.

    After each action, what is seen is compared with what the model inside expected. Where they differ by more than the memory's threshold,
    the difference is written down under (latent, action); where they do not, what said otherwise is believed less. Whatever is imagined, by
    `step`, `rollout` or `foresee`, is corrected by what is remembered near it, step by step, so that a way through a locked door ends there.

    What is remembered lives in `State.memory`, row by row, and ends with the episode; given the end of one episode when the next begins
    (`AgentSettings.remembers`), it goes on.

    Args:
        model: what is corrected. It is used as it is; nothing here is trained.
        memory: what keeps, finds and forgets.

    Raises:
        ConfigError: the model remembers already.
    """

    def __init__(self, model: AbstractWorldModel, memory: AbstractMemory) -> None:
        super().__init__()
        if isinstance(model, RememberingModel):
            raise ConfigError("The world model has an episodic memory already.", fix="give the model inside, model.model")
        if not isinstance(memory, AbstractMemory) or not isinstance(memory, nn.Module):
            raise ConfigError(f"'{memory}' is no memory.", expected="EpisodicMemoryConfig(...).build(), or what telos.teaching.memory taught")
        self.model, self.memory = model, memory
        self.spaces, self.latent_size = model.spaces, model.latent_size
        self.reads_scenery, self.filters = model.reads_scenery, model.filters
        # Bounded actions count in halves of their range, others as they are.
        middle, scale = torch.zeros(1), torch.ones(1)
        if not isinstance(self.spaces.action, DiscreteSpace) and self.spaces.action.bounded:
            low, high = map(torch.from_numpy, self.spaces.action.bounds)
            middle, scale = (low + high) / 2, 2 / (high - low).clamp_min(1e-6)
        self.register_buffer("middle", middle.float())
        self.register_buffer("scale", scale.float())

    @property
    def perception(self) -> nn.Module:
        return self.model.perception

    @property
    def rows_at_once(self) -> int:
        return self.model.rows_at_once

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        return self.model.encode_frames(observations)

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time action"]) -> State:
        return self._along(self.model.encode_window(observations, actions), actions)

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time action"], frames: Observation | None = None
    ) -> State:
        return self._along(self.model.assemble(codes, actions, frames), actions)

    def observe(self, previous: State | None, action: Num[Tensor, "batch action"] | None, observation: Observation) -> State:
        state = self.model.observe(previous, action, observation)
        if previous is None:
            return self._with(state, self._nothing(state), state.latent.new_zeros(state.num_rows))
        if action is None:
            return self._with(state, self.memory.age(_entries(previous)), state.latent.new_zeros(state.num_rows))
        return self._learned(previous, action, self.model.step(previous, action).latent, state)

    def observe_goal(self, observation: Observation) -> State:
        state = self.model.observe_goal(observation)
        return self._with(state, self._nothing(state), state.latent.new_zeros(state.num_rows))

    def update(self, previous: State, action: Num[Tensor, "batch action"], latent: Float[Tensor, "batch latent"]) -> State:
        """As the model inside has it. What is only supposed is no experience, so nothing is written."""
        return self._with(self.model.update(previous, action, latent), _entries(previous), previous.memory[RECALLED][:, 0])

    def amend(self, state: State, latent: Float[Tensor, "batch latent"]) -> State:
        return self._with(self.model.amend(state, latent), _entries(state), state.memory[RECALLED][:, 0])

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        ahead, recalled = self._corrected(_entries(state), state, action)
        return self._with(ahead, _entries(state), recalled.weight)

    def futures(self, state: State, horizon: int, num: int, generator: Generator) -> State | None:
        found = self.model.futures(state, horizon, num, generator)
        return None if found is None else self._with(found, _entries(state).repeat(num), state.memory[RECALLED][:, 0].repeat_interleave(num))

    def explain(self, start: State, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        return self.model.explain(start, states, actions)

    def rollout(self, state: State, actions: Num[Tensor, "rows horizon action"]) -> Rollout:
        entries = _entries(state)
        if not torch.compiler.is_compiling() and not (entries.strengths > 0).any():
            return self.model.rollout(state, actions)
        # What is remembered is looked up where it lies, once for each start; only what is imagined is there once for each row.
        imagined = replace(state, memory=_without(state), readings={}).repeat(len(actions) // state.num_rows)
        states = []
        for action in actions.unbind(1):
            imagined, _ = self._corrected(entries, imagined, action)
            states.append(imagined)
        latent = torch.stack([one.latent for one in states], dim=1)
        belief = torch.stack([one.belief for one in states], dim=1)
        # In the same parts as the model inside has them.
        sizes = [part.shape[-1] for part in self.model.rollout(state, actions[:, :1]).beyond]
        return Rollout(latent=latent, actions=actions, beyond=tuple(belief[..., self.latent_size :].split(sizes, dim=-1)))

    def foresee(self, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        ahead = self.model.foresee(states, actions)
        before = states._map(lambda tensor: tensor[:, :-1].flatten(0, 1))
        correction = self._recall(_entries(before), before.latent, actions.flatten(0, 1)).value.unflatten(0, actions.shape[:2])
        return replace(ahead, latent=ahead.latent + correction, readings={})

    def _corrected(self, entries: Entries, state: State, action: Tensor) -> tuple[State, Recalled]:
        ahead = self.model.step(state, action)
        recalled = self._recall(entries, state.latent, action)
        return self.model.amend(ahead, ahead.latent + recalled.value), recalled

    def _recall(self, entries: Entries, latent: Tensor, action: Tensor) -> Recalled:
        return self.memory.read(entries, self.memory.key(latent, self._features(action)))

    def _learned(self, previous: State, action: Tensor, expected: Tensor, state: State) -> State:
        """The state with what is remembered after this experience; `expected` by the model inside, which knows nothing of it."""
        entries, key = self.memory.age(_entries(previous)), self.memory.key(previous.latent, self._features(action))
        recalled = self.memory.read(entries, key)
        wrong = self._differs(state.latent, expected)
        entries = self.memory.contradict(entries, key, ~wrong)
        return self._with(state, self.memory.write(entries, key, state.latent - expected, wrong), recalled.weight)

    def _differs(self, latent: Tensor, expected: Tensor) -> Bool[Tensor, " batch"]:
        return (latent - expected).norm(dim=-1) > self.memory.threshold

    def _along(self, states: State, actions: Tensor) -> State:
        expected = self.model.foresee(states, actions).latent
        found = [self._with(states.at(0), self._nothing(states.at(0)), states.latent.new_zeros(len(actions)))]
        for time in range(actions.shape[1]):
            found.append(self._learned(found[-1], actions[:, time], expected[:, time], states.at(time + 1)))
        memory = {name: torch.stack([state.memory[name] for state in found], dim=1) for name in found[0].memory}
        return replace(states, memory=memory)

    def _nothing(self, state: State) -> Entries:
        action = self.spaces.action
        features = action.num if isinstance(action, DiscreteSpace) else action.size
        return self.memory.begin(state.num_rows, self.latent_size + features, self.latent_size, state.latent)

    def _features(self, action: Num[Tensor, "rows action"]) -> Float[Tensor, "rows features"]:
        if isinstance(self.spaces.action, DiscreteSpace):
            return nn.functional.one_hot(action[..., 0].long(), self.spaces.action.num).to(self.middle.dtype)
        return (action - self.middle) * self.scale

    def _with(self, state: State, entries: Entries, recalled: Tensor) -> State:
        kept = {f"{PREFIX}{name}": getattr(entries, name).flatten(1) for name in PARTS}
        return replace(state, memory={**_without(state), **kept, RECALLED: recalled[:, None]})


def recollection(state: State) -> Recollection:
    """How much a state remembers.

    Raises:
        ConfigError: it was made by a model without an episodic memory.
    """
    if RECALLED not in state.memory:
        raise ConfigError("The state has no episodic memory.", fix='telos.load_agent(RUN, memory="episode")')
    return Recollection((_entries(state).strengths > 0).sum(dim=-1).float(), state.memory[RECALLED][:, 0])


def _entries(state: State) -> Entries:
    parts = {name: state.memory[f"{PREFIX}{name}"] for name in PARTS}
    slots = parts["strengths"].shape[-1]
    keys, values = (parts[name].unflatten(-1, (slots, -1)) for name in ("keys", "values"))
    return Entries(keys=keys, values=values, strengths=parts["strengths"], ages=parts["ages"])


def _without(state: State) -> dict[str, Tensor]:
    return {name: part for name, part in state.memory.items() if not name.startswith(PREFIX) and name != RECALLED}
