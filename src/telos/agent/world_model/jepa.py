"""Joint-embedding predictive architecture with actions: predicts the latent of what comes next, never its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.world_model.actions import ActionFeatures
from telos.agent.world_model.predictors import MLPPredictorConfig
from telos.core.contracts import (
    AbstractEncoder,
    AbstractEncoderConfig,
    AbstractFeatures,
    AbstractPredictor,
    AbstractPredictorConfig,
    AbstractWorldModel,
    AbstractWorldModelConfig,
)
from telos.core.logs import Moments, first_leaf, map_tree
from telos.core.spaces import Spaces
from telos.core.types import Observation, Rollout, State


@dataclass(frozen=True, kw_only=True)
class JEPAConfig(AbstractWorldModelConfig):
    """What a JEPA is made of; sizes that come from data come from `Spaces`."""

    encoder: AbstractEncoderConfig
    """Perception."""
    predictor: AbstractPredictorConfig = MLPPredictorConfig()
    """Dynamics in latent space."""
    latent_size: int = 16
    """Numbers in a latent."""
    scenery_size: int = 0
    """Numbers that describe what never changes within an episode (walls, doors), read by a second encoder from its first
    frame and given to the predictor only; 0: the scenery is the same in every episode, and the predictor knows it by heart."""

    def features(self, spaces: Spaces) -> Mapping[str, AbstractFeatures]:
        return self.encoder.features(spaces.observation)

    def build(self, spaces: Spaces, moments: Mapping[str, Moments] | None = None) -> "JEPA":
        scenery = self.encoder.build(spaces.observation, self.scenery_size, moments) if self.scenery_size else None
        actions = ActionFeatures(space=spaces.action, moments=(moments or {}).get("action"))
        return JEPA(
            spaces=spaces,
            encoder=self.encoder.build(spaces.observation, self.latent_size, moments),
            scenery_encoder=scenery,
            actions=actions,
            predictor=self.predictor.build(latent_size=self.latent_size, scenery_size=self.scenery_size, action_size=actions.size),
        )


class JEPA(AbstractWorldModel):
    """Encoder, optional scenery encoder, and a predictor in latent space.

    A frame's code is its latent followed by its scenery; a window's scenery is that of its first frame, since in use
    the agent too reads it once, when an episode begins. Scenery belongs to the dynamics: it shows only in what is predicted,
    so it is learned on when perception is frozen already.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 4; the action-conditioned form with
    variance and covariance terms after Sobal et al. (2025), PLDM, arXiv 2502.14819.
    """

    def __init__(
        self,
        *,
        spaces: Spaces,
        encoder: AbstractEncoder,
        scenery_encoder: AbstractEncoder | None,
        actions: ActionFeatures,
        predictor: AbstractPredictor,
    ) -> None:
        super().__init__()
        self.spaces = spaces
        self.latent_size = encoder.latent_size
        self.encoder, self.scenery_encoder, self.actions, self.predictor = encoder, scenery_encoder, actions, predictor
        self.reads_scenery = scenery_encoder is not None

    @property
    def perception(self) -> nn.Module:
        return self.encoder

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        latent = self.encoder(observations)
        return latent if self.scenery_encoder is None else torch.cat([latent, self.scenery_encoder(observations)], dim=-1)

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time action"]) -> State:
        """The states `[batch time+1 ...]` of whole windows: one pass of the encoder for all frames."""
        lead = first_leaf(observations).shape[:2]
        flat = map_tree(lambda leaf: leaf.flatten(0, 1), observations)
        latent = self.encoder(flat).unflatten(0, lead)
        if self.scenery_encoder is None:
            return self._along(latent, latent.new_zeros(lead[0], 0), actions)
        return self._along(latent, self.scenery_encoder(map_tree(lambda leaf: leaf[:, 0], observations)), actions)

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time action"], frames: Observation | None = None
    ) -> State:
        scenery = codes[:, 0, self.latent_size :] if frames is None or self.scenery_encoder is None else self.scenery_encoder(frames)
        return self._along(codes[..., : self.latent_size], scenery, actions)

    def observe(self, previous: State | None, action: Num[Tensor, "batch action"] | None, observation: Observation) -> State:
        latent = self.encoder(observation)
        if previous is not None and action is not None:
            return self.update(previous, action, latent)
        scenery = latent.new_zeros(latent.shape[0], 0) if self.scenery_encoder is None else self.scenery_encoder(observation)
        return _state(latent, latent.new_zeros(latent.shape[0], self.predictor.hidden_size), scenery)

    def update(self, previous: State, action: Num[Tensor, "batch action"], latent: Float[Tensor, "batch latent"]) -> State:
        hidden, scenery = previous.memory["hidden"], previous.memory["scenery"]
        return _state(latent, self.predictor.carry(previous.latent, hidden, scenery, self.actions(action)), scenery)

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        hidden, scenery = state.memory["hidden"], state.memory["scenery"]
        latent, hidden = self.predictor(state.latent, hidden, scenery, self.actions(action))
        return _state(latent, hidden, scenery)

    def rollout(self, state: State, actions: Num[Tensor, "rows horizon action"]) -> Rollout:
        hidden, scenery = state.memory["hidden"], state.memory["scenery"]
        latents, hiddens, disagreement = self.predictor.unroll(state.latent, hidden, scenery, self.actions(actions))
        around = scenery.repeat_interleave(actions.shape[0] // scenery.shape[0], dim=0)
        beyond = (*hiddens, _along_steps(around, actions.shape[1]))
        return Rollout(latent=latents, actions=actions, beyond=beyond, disagreement=disagreement)

    def foresee(self, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        hiddens, scenery = states.memory["hidden"], states.memory["scenery"][:, 0]
        latents = self.predictor.foresee(states.latent[:, :-1], hiddens[:, :-1], scenery, self.actions(actions))
        return Rollout(latent=latents, actions=actions, beyond=(hiddens[:, 1:], _along_steps(scenery, actions.shape[1])))

    def _along(self, latent: Tensor, scenery: Tensor, actions: Tensor) -> State:
        num_rows, num_frames = latent.shape[:2]
        hidden = latent.new_zeros(num_rows, self.predictor.hidden_size)
        carried = [hidden]
        if self.predictor.hidden_size:
            features = self.actions(actions)
            for time in range(num_frames - 1):
                hidden = self.predictor.carry(latent[:, time], hidden, scenery, features[:, time])
                carried.append(hidden)
        hiddens = torch.stack(carried, dim=1) if self.predictor.hidden_size else latent.new_zeros(num_rows, num_frames, 0)
        return _state(latent, hiddens, scenery[:, None].expand(-1, num_frames, -1))


def _along_steps(scenery: Float[Tensor, "batch scenery"], num: int) -> Float[Tensor, "batch {num} scenery"]:
    return scenery[:, None].expand(-1, num, -1)


def _state(latent: Tensor, hidden: Tensor, scenery: Tensor) -> State:
    return State(latent=latent, belief=torch.cat([latent, hidden, scenery], dim=-1), memory={"hidden": hidden, "scenery": scenery})
