"""One level of a hierarchy: a world model of the world model below, with a slower clock and actions of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.levels.macros import MacroActions
from telos.core.errors import ConfigError
from telos.core.layers import Normalization, Perceptron
from telos.core.levels import AbstractLevel, Landmarks
from telos.core.logs import Moments
from telos.core.spaces import ActionSpace, Spaces, VectorSpace
from telos.core.taught import AbstractDescription
from telos.core.types import Observation, Rollout, State


@dataclass(frozen=True, kw_only=True)
class LevelConfig(AbstractDescription):
    """What a level is made of.

    Raises:
        ConfigError: a size, a stride or a width below 1, or a bound that is not above 0.
    """

    below: tuple[int, ...]
    """Numbers in the latents of all levels below, the lowest first; the last is what this one looks at."""
    acts: ActionSpace
    """What is done below in one of its steps."""
    latent_size: int = 16
    """Numbers in a latent."""
    macro_size: int = 4
    """Numbers in a macro-action."""
    stride: int = 8
    """Steps of the level below in one of its own."""
    steps: int = 8
    """Steps of the world in one of its own."""
    width: int = 256
    """Neurons in each hidden layer."""
    bound: float = 2.0
    """Macro-actions lie so many deviations of what logs hold around what is likeliest."""
    num_landmarks: int = 1000
    """Real states that it knows."""
    belief_size: int = 16
    """Numbers in a belief of the lowest level."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """What its training came to on held-out episodes: the last line of its metrics."""

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("latent_size", "macro_size", "stride", "steps", "width", "num_landmarks", "belief_size")}
        for name, size in (*sizes.items(), *(("below", size) for size in self.below)):
            if size < 1:
                raise ConfigError(f"A level has {name} = {size}.", expected="1 or more")
        if not self.below or not self.bound > 0:
            raise ConfigError(f"A level stands on {len(self.below)} others, macro-actions within {self.bound}.", expected="1 or more, above 0")

    @property
    def spaces(self) -> Spaces:
        """What it sees, and what it does."""
        return Spaces(VectorSpace(self.below[-1]), VectorSpace(self.macro_size, (-self.bound,) * self.macro_size, (self.bound,) * self.macro_size))

    def build(self, moments: Mapping[str, Moments] | None = None) -> "Level":
        return Level(self, moments or {})


class Level(AbstractLevel):
    """An encoder of the latents below, macro-actions inferred from what is done in between, and a predictor of its own latents.

    Use where goals are farther than a plan of actions can look. Not where beliefs must be carried: what a level sees is the latent below, and
    nothing else; it has no memory.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 4.6; latents whose distance is one in time after Wiskott &
    Sejnowski (2002), slow feature analysis.
    """

    def __init__(self, config: LevelConfig, moments: Mapping[str, Moments]) -> None:
        super().__init__()
        self.spaces, self.latent_size = config.spaces, config.latent_size
        self.stride, self.steps = config.stride, config.steps
        self.macro_size, self.bound = config.macro_size, config.bound
        sizes = (*config.below, config.latent_size)
        views = [View(a, config.width, b) for a, b in pairwise(sizes)]
        views[-1].set_moments(moments.get("observation"))
        self.views = nn.ModuleList(views)
        self.macros = MacroActions(
            acts=config.acts,
            stride=config.stride,
            latent_size=config.latent_size,
            size=config.macro_size,
            width=config.width,
            moments=moments.get("action"),
        )
        self.change = Perceptron(config.latent_size + config.macro_size, [config.width] * 2, config.latent_size)
        self.landmarks = Landmarks(torch.zeros(config.num_landmarks, config.belief_size), torch.zeros(config.num_landmarks, config.latent_size))

    def stand_on(self, below: "Level") -> None:
        """Takes over how the levels below see, frozen; what it sees itself depends on that."""
        for mine, theirs in zip(self.views, below.views, strict=False):
            mine.load_state_dict(theirs.state_dict())
            mine.requires_grad_(False)

    @property
    def perception(self) -> nn.Module:
        return self.views[-1]

    def raised(self, latents: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch latent"]:
        return self.views[-1](latents)

    def lift(self, latents: Float[Tensor, "batch bottom"]) -> Float[Tensor, "batch latent"]:
        for view in self.views:
            latents = view(latents)
        return latents

    def summarise(self, below: Float[Tensor, "batch ends below"], actions: Num[Tensor, "batch between"]) -> Float[Tensor, "batch macro"]:
        before, after = self.raised(below).unbind(dim=1)
        return self.macros.infer(before, after, self.macros.between(actions)).macro.clamp(-self.bound, self.bound)

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        return self.raised(_vectors(observations))

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time between"]) -> State:
        return _state(self.raised(_vectors(observations)))

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time between"], frames: Observation | None = None
    ) -> State:
        return _state(codes)

    def observe(self, previous: State | None, action: Num[Tensor, "batch macro"] | None, observation: Observation) -> State:
        return _state(self.raised(_vectors(observation)))

    def update(self, previous: State, action: Num[Tensor, "batch macro"], latent: Float[Tensor, "batch latent"]) -> State:
        return _state(latent)

    def step(self, state: State, action: Float[Tensor, "batch macro"]) -> State:
        return _state(self._ahead(state.latent, action))

    def rollout(self, state: State, actions: Float[Tensor, "rows horizon macro"]) -> Rollout:
        latent = state.latent.repeat_interleave(actions.shape[0] // state.num_rows, dim=0)
        latents = []
        for macro in actions.unbind(dim=1):
            latent = self._ahead(latent, macro)
            latents.append(latent)
        return Rollout(latent=torch.stack(latents, dim=1), actions=actions)

    def explain(self, start: State, states: State, actions: Num[Tensor, "batch time between"]) -> Rollout:
        """Actions are those of the level below; the macro-action of each step is inferred from them and from where they led."""
        between, latent = self.macros.between(actions), start.latent
        steps = []
        for time in range(actions.shape[1]):
            told = self.macros.infer(latent, states.latent[:, time + 1], between[:, time])
            latent = self._ahead(latent, told.macro)
            steps.append((latent, told.macro, told.information))
        latents, macros, information = (torch.stack(part, dim=1) for part in zip(*steps, strict=True))
        return Rollout(latent=latents, actions=macros, information=information)

    def anticipate(self, start: State, actions: Num[Tensor, "batch time between"]) -> Rollout:
        """The likeliest macro-actions: whatever was done below is known afterwards only."""
        return self.rollout(start, start.latent.new_zeros(*actions.shape[:2], self.macro_size))

    def _ahead(self, latent: Float[Tensor, "batch latent"], macro: Float[Tensor, "batch macro"]) -> Float[Tensor, "batch latent"]:
        return latent + self.change(torch.cat([latent, macro], dim=-1))


class View(nn.Module):
    """What a level makes of the latents below: a perceptron."""

    def __init__(self, size_in: int, width: int, size_out: int) -> None:
        super().__init__()
        self.normalization = Normalization(size=size_in)
        self.layers = Perceptron(size_in, [width] * 2, size_out)

    def set_moments(self, moments: Moments | None) -> None:
        """What it sees comes to mean 0 and deviation 1."""
        if moments is not None:
            self.normalization = Normalization(size=len(moments.mean), moments=moments)

    def forward(self, latents: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch latent"]:
        return self.layers(self.normalization(latents))


def _vectors(observations: Observation) -> Tensor:
    assert isinstance(observations, Tensor)
    return observations


def _state(latent: Tensor) -> State:
    return State(latent=latent, belief=latent)
