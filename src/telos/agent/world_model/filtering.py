"""A world model with a belief: what was seen before counts as much as what is seen now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.world_model.predictors import gated
from telos.core.action_features import ActionFeatures
from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig, AbstractFeatures, AbstractWorldModel, AbstractWorldModelConfig
from telos.core.errors import ConfigError
from telos.core.layers import Linear, Perceptron
from telos.core.logs import Moments, first_leaf, map_tree
from telos.core.spaces import DiscreteSpace, Spaces
from telos.core.types import Observation, Rollout, State


@dataclass(frozen=True, kw_only=True)
class FilteringJEPAConfig(AbstractWorldModelConfig):
    """What a filtering JEPA is made of. Use where single frames hide what matters; elsewhere `JEPAConfig` is simpler, and as good."""

    encoder: AbstractEncoderConfig
    """Perception: what it takes from one frame."""
    latent_size: int = 16
    """Numbers in a latent, and in what is taken from one frame."""
    belief_size: int = 64
    """Numbers that are carried from step to step."""
    width: int = 256
    """Neurons in each hidden layer of what moves the belief."""
    depth: int = 2
    """Hidden layers of it."""
    looks: int = 1
    """How often the picture of a goal is looked at, with an idle action in between: the belief of a first frame is not yet that of somebody
    who is there. More than 1 where doing nothing leaves things as they are; not where a picture was taken in motion."""

    def __post_init__(self) -> None:
        if not 1 <= self.latent_size <= self.belief_size:
            raise ConfigError(
                f"A belief of {self.belief_size} numbers is to show a latent of {self.latent_size}.",
                expected="a latent_size of 1 or more, and a belief_size that is no smaller",
            )

        if self.looks < 1:
            raise ConfigError(f"A goal is to be looked at {self.looks} times.", expected="1 or more")

    def features(self, spaces: Spaces) -> Mapping[str, AbstractFeatures]:
        return self.encoder.features(spaces.observation)

    def build(self, spaces: Spaces, moments: Mapping[str, Moments] | None = None) -> "FilteringJEPA":
        if self.looks > 1 and isinstance(spaces.action, DiscreteSpace):
            raise ConfigError(f"Goals are to be looked at {self.looks} times, and which choice does nothing is not known.", fix="looks=1")
        actions = ActionFeatures(space=spaces.action, moments=(moments or {}).get("action"))
        return FilteringJEPA(
            spaces=spaces,
            encoder=self.encoder.build(spaces.observation, self.latent_size, moments),
            actions=actions,
            change=Perceptron(self.belief_size + actions.size, [self.width] * self.depth, self.belief_size),
            belief_size=self.belief_size,
            looks=self.looks,
        )


class FilteringJEPA(AbstractWorldModel):
    """Carries a belief from step to step: an action moves it, a frame corrects it.

    `moved = normalised(belief + change(belief, action))`, `belief = GRU(what the frame shows, moved)`, `latent = head(belief)`. What is
    imagined moves the belief and is never corrected; normalised, it cannot run away. The head is linear, so that a latent which is known
    otherwise can be worked into a belief (`amend`).

    Each state keeps, for training (`telos.training.objectives.Belief`), what its frame showed (`seen`), the latent that was expected before
    (`expected`), and the latent had this frame been the first (`alone`). The picture of a goal has no past either. It is looked at several times
    (`looks`), at rest, until its belief is that of somebody who is there.

    Source: predict and correct as in Kalman (1960); Ha & Schmidhuber (2018), arXiv 1803.10122, for beliefs carried by a recurrent network;
    prediction in latent space after LeCun (2022), section 4.
    """

    filters = True

    def __init__(
        self, *, spaces: Spaces, encoder: AbstractEncoder, actions: ActionFeatures, change: Perceptron, belief_size: int, looks: int
    ) -> None:
        super().__init__()
        self.spaces = spaces
        self.looks = looks
        self.latent_size = encoder.latent_size
        self.encoder, self.actions, self.change = encoder, actions, change
        self.correction = nn.GRUCell(self.latent_size, belief_size)
        self.head = Linear(belief_size, self.latent_size)
        # What is believed before anything was seen.
        self.prior = nn.Parameter(torch.zeros(1, belief_size))

    @property
    def perception(self) -> nn.Module:
        return self.encoder

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        """The latents that frames alone would give, followed by what they show."""
        seen = self.encoder(observations)
        return torch.cat([self._alone(seen), seen], dim=-1)

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time action"]) -> State:
        lead = first_leaf(observations).shape[:2]
        return self._along(self.encoder(map_tree(lambda leaf: leaf.flatten(0, 1), observations)).unflatten(0, lead), actions)

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time action"], frames: Observation | None = None
    ) -> State:
        # The first part was made by a filter that may still be learning; it is made again.
        return self._along(codes[..., self.latent_size :], actions)

    def observe(self, previous: State | None, action: Num[Tensor, "batch action"] | None, observation: Observation) -> State:
        seen = self.encoder(observation)
        if previous is None or action is None:
            return self._corrected(self.prior.expand(len(seen), -1), seen)
        return self._corrected(self._moved(previous.memory["hidden"], self.actions(action)), seen)

    def observe_goal(self, observation: Observation) -> State:
        seen = self.encoder(observation)
        state = self._corrected(self.prior.expand(len(seen), -1), seen)
        if self.looks > 1:
            idle = self.actions(seen.new_zeros(len(seen), *self.spaces.action.shape))
            for _ in range(self.looks - 1):
                state = self._corrected(self._moved(state.memory["hidden"], idle), seen)
        return state

    def update(self, previous: State, action: Num[Tensor, "batch action"], latent: Float[Tensor, "batch latent"]) -> State:
        """The belief nearest to the imagined one that shows this latent."""
        return self.amend(self.step(previous, action), latent)

    def amend(self, state: State, latent: Float[Tensor, "batch latent"]) -> State:
        weight = self.head.weight
        # The least change of the belief: by the transposed weights, since the head is linear.
        change = torch.linalg.solve(weight @ weight.T, (latent - state.latent).T).T @ weight
        hidden = state.memory["hidden"] + change
        return replace(state, latent=latent, belief=torch.cat([latent, hidden], dim=-1), memory={**state.memory, "hidden": hidden}, readings={})

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        hidden = self._moved(state.memory["hidden"], self.actions(action))
        latent = self.head(hidden)
        return State(latent=latent, belief=torch.cat([latent, hidden], dim=-1), memory={"hidden": hidden})

    def rollout(self, state: State, actions: Num[Tensor, "rows horizon action"]) -> Rollout:
        hidden = state.memory["hidden"].repeat_interleave(len(actions) // state.num_rows, dim=0)
        hiddens = []
        for action in self.actions(actions).unbind(1):
            hidden = self._moved(hidden, action)
            hiddens.append(hidden)
        along = torch.stack(hiddens, dim=1)
        return Rollout(latent=self.head(along), actions=actions, beyond=(along,))

    def _along(self, seen: Float[Tensor, "batch frames latent"], actions: Num[Tensor, "batch time action"]) -> State:
        # Only what goes from step to step is computed step by step.
        moved = [self.prior.expand(len(seen), -1)]
        hidden = [gated(self.correction, seen[:, 0], moved[0])]
        for action, frame in zip(self.actions(actions).unbind(1), seen[:, 1:].unbind(1), strict=True):
            moved.append(self._moved(hidden[-1], action))
            hidden.append(gated(self.correction, frame, moved[-1]))
        return self._state(torch.stack(hidden, dim=1), torch.stack(moved, dim=1), seen)

    def _moved(self, hidden: Float[Tensor, "batch belief"], action: Float[Tensor, "batch features"]) -> Float[Tensor, "batch belief"]:
        moved = hidden + self.change(torch.cat([hidden, action], dim=-1))
        return nn.functional.layer_norm(moved, moved.shape[-1:])

    def _corrected(self, moved: Float[Tensor, "batch belief"], seen: Float[Tensor, "batch latent"]) -> State:
        return self._state(gated(self.correction, seen, moved), moved, seen)

    def _state(self, hidden: Float[Tensor, "*batch belief"], moved: Float[Tensor, "*batch belief"], seen: Float[Tensor, "*batch latent"]) -> State:
        latent = self.head(hidden)
        memory = {"hidden": hidden, "seen": seen, "expected": self.head(moved), "alone": self._alone(seen)}
        return State(latent=latent, belief=torch.cat([latent, hidden], dim=-1), memory=memory)

    def _alone(self, seen: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch latent"]:
        flat = seen.reshape(-1, seen.shape[-1])
        return self.head(gated(self.correction, flat, self.prior.expand(len(flat), -1))).reshape(*seen.shape[:-1], -1)
