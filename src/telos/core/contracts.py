"""THE page: what each part of an agent must do, and what it gets for free.

Abstract or final: a method is either abstract, and implemented once, or final. Tensors are `[batch ...]`; the axis of
candidates lives in `telos.agent.actor.candidates` alone, and no component but that file ever sees it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Num, UInt8
from torch import Generator, Tensor, nn

from telos.core.errors import ConfigError
from telos.core.logs import Moments, Windows
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace, ObservationSpace, Spaces, VectorSpace
from telos.core.types import Observation, Problem, Rollout, State


class AbstractEncoder(nn.Module, ABC):
    """Perception: one observation in, one latent out."""

    latent_size: int

    @abstractmethod
    def forward(self, observation: Observation) -> Float[Tensor, "batch latent"]:
        """The latents of a batch of observations `[batch ...]`, raw as stored (pictures: uint8, channels last)."""


class AbstractFeatures(ABC):
    """What a frozen network makes of pictures: computed once for every frame of the logs, and kept on disk. A frozen dataclass."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Numbers per picture."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Differs wherever the numbers may differ: kept features are found again by it."""

    @abstractmethod
    def load(self) -> nn.Module:
        """The frozen network. Raises ConfigError if its weights are gone, or not those that they were."""

    @abstractmethod
    def compute(self, model: nn.Module, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch size"]:
        """The features of pictures as stored, by the network that `load` gave."""

    def __call__(self, model: nn.Module, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch size"]:
        """The same with 16 bits each: an agent sees exactly what was kept of the logs."""
        return self.compute(model, pictures).half()


class AbstractEncoderConfig(ABC):
    """What an encoder is made of; a frozen dataclass."""

    def features(self, space: ObservationSpace, name: str = "observation") -> Mapping[str, AbstractFeatures]:
        """What it makes of pictures with frozen weights, by column name; training is then given these features for pictures."""
        return {}

    @abstractmethod
    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> AbstractEncoder:
        """An encoder with fresh weights; `moments` by column name (`observation`, or `observation/PART`)."""


class Unrolled(NamedTuple):
    """What sequences of actions lead to, by a predictor."""

    latents: Float[Tensor, "rows horizon latent"]
    hiddens: tuple[Float[Tensor, "rows horizon _"], ...]
    """Hidden states, in parts."""
    disagreement: Float[Tensor, "rows horizon"] | None = None
    """`Rollout.disagreement`, of a predictor that is an ensemble."""


class AbstractPredictor(nn.Module, ABC):
    """The dynamics in latent space."""

    hidden_size: int
    """Numbers carried from step to step beside the latent; 0 for a memoryless predictor."""

    @abstractmethod
    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch hidden"]]:
        """The next latent and hidden state; `action` comes normalised (discrete: one-hot)."""

    def carry(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> Float[Tensor, "batch hidden"]:
        """The next hidden state alone. Override where it costs less than the prediction."""
        return self(latent, hidden, scenery, action)[1] if self.hidden_size else hidden

    def unroll(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "rows horizon features"],
    ) -> Unrolled:
        """What sequences of actions lead to, `rows / batch` of them side by side for each start. Override where caching pays."""
        num = actions.shape[0] // latent.shape[0]
        latent, hidden, scenery = (part.repeat_interleave(num, dim=0) for part in (latent, hidden, scenery))
        latents, hiddens = [], []
        for action in actions.unbind(1):
            latent, hidden = self(latent, hidden, scenery, action)
            latents.append(latent)
            hiddens.append(hidden)
        return Unrolled(torch.stack(latents, dim=1), (torch.stack(hiddens, dim=1),))

    def foresee(
        self,
        latents: Float[Tensor, "batch time latent"],
        hiddens: Float[Tensor, "batch time hidden"],
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "batch time features"],
    ) -> Float[Tensor, "batch time latent"]:
        """One step ahead from every frame of a window, all in one pass. Override where frames share work."""
        lead = latents.shape[:2]
        scenery = scenery[:, None].expand(-1, lead[1], -1)
        return self(*(part.flatten(0, 1) for part in (latents, hiddens, scenery, actions)))[0].unflatten(0, lead)


class AbstractPredictorConfig(ABC):
    """What a predictor is made of; a frozen dataclass."""

    @abstractmethod
    def build(self, *, latent_size: int, scenery_size: int, action_size: int) -> AbstractPredictor:
        """A predictor with fresh weights."""


class AbstractWorldModel(nn.Module, ABC):
    """Predicts, in latent space, what actions lead to."""

    spaces: Spaces
    latent_size: int
    reads_scenery: bool = False
    """Whether `assemble` makes use of a raw frame: what never changes within an episode is then still being learned."""
    filters: bool = False
    """Whether the latent of a state is a belief over several frames: `encode_frames` then gives the latents that frames alone would give,
    and what makes a belief of frames goes on learning with the dynamics."""

    @property
    def device(self) -> torch.device:
        """Where the model lives: that of its first parameter or buffer, else the processor's memory."""
        held = next(self.parameters(), next(self.buffers(), None))
        return torch.device("cpu") if held is None else held.device

    @property
    @abstractmethod
    def perception(self) -> nn.Module:
        """What makes latents; frozen when only the dynamics are trained further."""

    @property
    def rows_at_once(self) -> int:
        """Rows of one forward pass that suit the model best: enough to keep a processor busy, few enough for its cache.

        A search splits its candidates so; where memory is scarce (`row_size`) it takes fewer. Override what measures otherwise.
        """
        return 512

    @cached_property
    def row_size(self) -> int:
        """Numbers that one imagined step holds in memory for each row where its gradient is wanted; of the size of all layers together."""
        held = {id(parameter) for parameter in self.perception.parameters()}
        return sum(parameter.shape[0] for parameter in self.parameters() if parameter.ndim == 2 and id(parameter) not in held)

    @cached_property
    def step_products(self) -> int:
        """Multiplications of one imagined step for each row; tells how many threads are worth their while. Override where weights are shared."""
        held = {id(parameter) for parameter in self.perception.parameters()}
        return sum(parameter.numel() for parameter in self.parameters() if parameter.ndim == 2 and id(parameter) not in held)

    @abstractmethod
    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        """All that the model takes from single frames `[batch ...]`, in one pass, the latent first; cached once perception is frozen."""

    @abstractmethod
    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time action"]) -> State:
        """The states `[batch time+1 ...]` along windows, for training; every distinct frame is encoded once."""

    @abstractmethod
    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time action"], frames: Observation | None = None
    ) -> State:
        """The same from codes that `encode_frames` made.

        Args:
            frames: raw frames `[batch ...]`, one from each window's episode, given to models that ask for them by `reads_scenery`.
        """

    @abstractmethod
    def observe(self, previous: State | None, action: Num[Tensor, "batch action"] | None, observation: Observation) -> State:
        """The state after `action` was carried out in `previous` and `observation` was seen.

        Args:
            previous: None at the very start.
            action: None where an episode begins; `previous` is then how the one before has ended, for a model that remembers across
                episodes, and means nothing to others.
        """

    def observe_goal(self, observation: Observation) -> State:
        """The state of whoever is where `observation` was seen: a goal that is shown. Override where one frame, which has no past, leads to
        another belief than that of somebody who is there."""
        return self.observe(None, None, observation)

    @abstractmethod
    def update(self, previous: State, action: Num[Tensor, "batch action"], latent: Float[Tensor, "batch latent"]) -> State:
        """The same for a frame whose latent is known, or supposed."""

    @abstractmethod
    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        """The state that `action`, in the environment's units, is expected to lead to: the likeliest one, or that of the future which
        the state lives in (`futures`)."""

    def amend(self, state: State, latent: Float[Tensor, "batch latent"]) -> State:
        """The same belief but for the latent, which is known better: what is imagined from it goes on from there. Override where beliefs hold
        the latent in another form too."""
        return replace(state, latent=latent, belief=torch.cat([latent, state.belief[..., self.latent_size :]], dim=-1), readings={})

    def futures(self, state: State, horizon: int, num: int, generator: Generator) -> State | None:
        """Each state `num` times, side by side, and each time in a future of its own: chance is drawn here, for `horizon` steps.

        Whatever is imagined from such a state, by `step` or `rollout`, meets the same chance, whichever actions are tried: the latent
        variable z of each step is a function of belief, action and the noise that the state carries. Beyond `horizon` steps, and after
        `observe`, the likeliest future follows. None: this model leaves nothing to chance.
        """
        return None

    def explain(self, start: State, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        """For training: what would have been imagined from `start` along a window `states [batch time+1 ...]`, had the model known what
        could not be known: z is inferred by minimising the energy of what happened. Without z simply what is imagined."""
        return self.rollout(start, actions)

    def anticipate(self, start: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        """For training: the same without hindsight, the likeliest that could have been imagined. Override where windows hold other actions than
        those of a rollout."""
        return self.rollout(start, actions)

    def rollout(self, state: State, actions: Num[Tensor, "rows horizon action"]) -> Rollout:
        """The imagined future under `actions`: one sequence for each state, or several side by side (`rows / batch`). Override where caching pays."""
        state = state.repeat(actions.shape[0] // state.num_rows)
        states = []
        for time in range(actions.shape[1]):
            state = self.step(state, actions[:, time])
            states.append(state)
        latent = torch.stack([state.latent for state in states], dim=1)
        belief = torch.stack([state.belief for state in states], dim=1)
        return Rollout(latent=latent, actions=actions, beyond=(belief[..., self.latent_size :],))

    def foresee(self, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        """One step ahead from every frame of a window `[batch time+1 ...]`, never from what was imagined. Override where frames share work."""
        lead = actions.shape[:2]
        ahead = self.step(states._map(lambda tensor: tensor[:, :-1].flatten(0, 1)), actions.flatten(0, 1))
        latent, belief = ahead.latent.unflatten(0, lead), ahead.belief.unflatten(0, lead)
        return Rollout(latent=latent, actions=actions, beyond=(belief[..., self.latent_size :],))


class AbstractWorldModelConfig(ABC):
    """What a world model is made of; a frozen dataclass. Sizes that come from data come from `spaces`."""

    def features(self, spaces: Spaces) -> Mapping[str, AbstractFeatures]:
        """What its encoders make of pictures with frozen weights, by column name."""
        return {}

    @abstractmethod
    def build(self, spaces: Spaces, moments: Mapping[str, Moments] | None = None) -> AbstractWorldModel:
        """A model with fresh weights; `moments` by column name (`action`, `observation`, `observation/PART`)."""


class AbstractCost(ABC):
    """Energy of an imagined future; lower is better. Costs add up and scale: `LeastDistance() + 0.3 * ActionEffort()`."""

    about_goals: ClassVar[bool] = True
    """Whether it measures from `problem.goal`. A drive does not: it counts in every task, one without a goal state too."""

    @abstractmethod
    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        """Energy per step; `energy[:, t]` judges the state after `actions[:, t]`. A path's energy is the sum."""

    def __add__(self, other: "AbstractCost") -> "AbstractCost":
        if not isinstance(other, AbstractCost):
            return NotImplemented
        return WeightedSum(terms=(*_terms(self), *_terms(other)), weights=(*_weights(self), *_weights(other)))

    def __mul__(self, factor: float) -> "AbstractCost":
        return WeightedSum(terms=_terms(self), weights=tuple(factor * weight for weight in _weights(self)))

    __rmul__ = __mul__


@dataclass(frozen=True, kw_only=True)
class WeightedSum(AbstractCost):
    """Several costs at once; what `+` and `*` make."""

    terms: tuple[AbstractCost, ...]
    weights: tuple[float, ...]

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return torch.stack([weight * term.energy(rollout, problem) for term, weight in zip(self.terms, self.weights, strict=True)]).sum(dim=0)


def _terms(cost: AbstractCost) -> tuple[AbstractCost, ...]:
    return cost.terms if isinstance(cost, WeightedSum) else (cost,)


def _weights(cost: AbstractCost) -> tuple[float, ...]:
    return cost.weights if isinstance(cost, WeightedSum) else (1.0,)


@dataclass(frozen=True, kw_only=True)
class AbstractRisk(ABC):
    """What a candidate is worth that leads to several futures; the one place where they become one number.

    Raises:
        ConfigError: fewer than 1 future.
    """

    num_futures: int = 16
    """Futures that are drawn for each plan; the same ones for all candidates."""

    def __post_init__(self) -> None:
        if self.num_futures < 1:
            raise ConfigError(f"A risk looks at {self.num_futures} futures.", expected="1 or more")

    @abstractmethod
    def __call__(self, energies: Float[Tensor, "*batch futures"]) -> Float[Tensor, "*batch"]:
        """One energy for each row of futures; differentiable."""


@dataclass(frozen=True, kw_only=True)
class AbstractPlanner(ABC):
    """Mode 2: looks for the actions of least energy. State in, state out; all chance comes from the generator."""

    horizon: int = 12
    """Steps to look ahead."""

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ConfigError(f"The planner's horizon is {self.horizon}.", expected="1 step or more")

    def supports(self, action_space: ActionSpace) -> bool:
        """Whether the planner can search this space; bounded vectors unless it says otherwise."""
        return isinstance(action_space, VectorSpace) and action_space.bounded

    @abstractmethod
    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        """One or more action sequences per problem, within bounds. `warm_start` is what is left of the previous plan."""


Predictions = Rollout
"""What the world model expected along a window, from its first frame on."""


@dataclass(frozen=True, kw_only=True)
class AbstractObjective(ABC):
    """One term of the training loss. A value; weights of its own, if it needs any, come from `head`."""

    weight: float = 1.0
    """Factor in the loss; the terms are logged without it."""

    def head(self, spaces: Spaces, latent_size: int) -> nn.Module:
        """The weights that the term needs beside the world model's; trained along, used in training only."""
        return nn.Identity()

    @abstractmethod
    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        """The term for a batch of windows. `states [batch time+1 ...]` were encoded; `predictions` were imagined."""
