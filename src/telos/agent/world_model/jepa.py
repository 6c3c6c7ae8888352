"""Joint-embedding predictive architecture with actions: predicts the latent of what comes next, never its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor, nn

from telos.agent.world_model.chance import AbstractChance, AbstractChanceConfig
from telos.agent.world_model.hindsight import Dynamics, Known, next_noise
from telos.agent.world_model.predictors import MLPPredictorConfig
from telos.core.action_features import ActionFeatures
from telos.core.contracts import (
    AbstractEncoder,
    AbstractEncoderConfig,
    AbstractFeatures,
    AbstractPredictor,
    AbstractPredictorConfig,
    AbstractWorldModel,
    AbstractWorldModelConfig,
    Unrolled,
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
    chance: AbstractChanceConfig | None = None
    """A latent variable for what cannot be known; None: what is imagined is one future, the mean of all where there are several."""

    def features(self, spaces: Spaces) -> Mapping[str, AbstractFeatures]:
        return self.encoder.features(spaces.observation)

    def build(self, spaces: Spaces, moments: Mapping[str, Moments] | None = None) -> "JEPA":
        scenery = self.encoder.build(spaces.observation, self.scenery_size, moments) if self.scenery_size else None
        actions = ActionFeatures(space=spaces.action, moments=(moments or {}).get("action"))
        encoder = self.encoder.build(spaces.observation, self.latent_size, moments)
        size = actions.size + (self.chance.size if self.chance else 0)
        predictor = self.predictor.build(latent_size=self.latent_size, scenery_size=self.scenery_size, action_size=size)
        known = self.latent_size + predictor.hidden_size + self.scenery_size + actions.size
        return JEPA(
            spaces=spaces,
            encoder=encoder,
            scenery_encoder=scenery,
            actions=actions,
            predictor=predictor,
            chance=self.chance.build(context_size=known, latent_size=self.latent_size) if self.chance else None,
        )


class JEPA(AbstractWorldModel):
    """Encoder, optional scenery encoder, a predictor in latent space, and, where the future is not certain, a latent variable z.

    A frame's code is its latent followed by its scenery; a window's scenery is that of its first frame, since in use
    the agent too reads it once, when an episode begins. Scenery belongs to the dynamics: it shows only in what is predicted,
    so it is learned on when perception is frozen already.

    The predictor is given z beside the action, whatever predictor it is. One that carries a hidden state also carries on what z seems to
    have been once the outcome was seen, so chance that persists, such as a wind, is remembered; one without has to see it in a frame.

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
        chance: AbstractChance | None = None,
    ) -> None:
        super().__init__()
        self.spaces = spaces
        self.latent_size = encoder.latent_size
        self.encoder, self.scenery_encoder, self.actions, self.predictor = encoder, scenery_encoder, actions, predictor
        self.chance = chance
        self.reads_scenery = scenery_encoder is not None

    @property
    def perception(self) -> nn.Module:
        return self.encoder

    @property
    def rows_at_once(self) -> int:
        """More where z is drawn at every step: many small calls, and a third of the time of 512 rows is theirs (two perceptrons of width 128)."""
        return super().rows_at_once if self.chance is None else 2048

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
        known = self._known(previous, action)
        return _state(latent, self._carried(known, latent), known.scenery)

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        known = self._known(state, action)
        if self.chance is None:
            latent, hidden = self.predictor(*known)
            return _state(latent, hidden, known.scenery)
        noise, rest = next_noise(self.chance, _noise(state))
        latent, hidden = self.predictor(known.latent, known.hidden, known.scenery, self._dynamics.foretold(known, noise))
        return _state(latent, hidden, known.scenery, rest)

    def futures(self, state: State, horizon: int, num: int, generator: Generator) -> State | None:
        """All states are given the same noise, so that a row alone meets the futures that it meets in company."""
        if self.chance is None:
            return None
        noise = self.chance.noise(num, horizon, generator).flatten(1).to(state.latent)
        repeated = state.repeat(num)
        return _state(repeated.latent, repeated.memory["hidden"], repeated.memory["scenery"], noise.repeat(state.num_rows, 1))

    def rollout(self, state: State, actions: Num[Tensor, "rows horizon action"]) -> Rollout:
        known = state.latent, state.memory["hidden"], state.memory["scenery"], self.actions(actions)
        return self._imagined(state, actions, self.predictor.unroll(*known) if self.chance is None else self._dynamics.unroll(*known, _noise(state)))

    def explain(self, start: State, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        if self.chance is None:
            return self.rollout(start, actions)
        known = start.latent, start.memory["hidden"], start.memory["scenery"], self.actions(actions)
        unrolled, information = self._dynamics.explain(*known, states.latent[:, 1:])
        return replace(self._imagined(start, actions, unrolled), information=information)

    def foresee(self, states: State, actions: Num[Tensor, "batch time action"]) -> Rollout:
        """In training z is inferred from the frame that follows, as by `explain`; in use it is the likeliest."""
        latents, hiddens, scenery = states.latent[:, :-1], states.memory["hidden"], states.memory["scenery"][:, 0]
        acted, information = self.actions(actions), None
        if self.chance is not None:
            lead, around = actions.shape[:2], _along_steps(scenery, actions.shape[1])
            known = Known(*(part.flatten(0, 1) for part in (latents, hiddens[:, :-1], around, acted)))
            if self.training:
                z, told = self._dynamics.explained(known, states.latent[:, 1:].flatten(0, 1))
                acted, information = known.acted(z).unflatten(0, lead), told.unflatten(0, lead)
            else:
                acted = self._dynamics.foretold(known, None).unflatten(0, lead)
        ahead = self.predictor.foresee(latents, hiddens[:, :-1], scenery, acted)
        beyond = (hiddens[:, 1:], _along_steps(scenery, actions.shape[1]))
        return Rollout(latent=ahead, actions=actions, beyond=beyond, information=information)

    @property
    def _dynamics(self) -> Dynamics:
        assert self.chance is not None
        return Dynamics(self.predictor, self.chance)

    def _known(self, state: State, action: Num[Tensor, "batch action"]) -> Known:
        return Known(state.latent, state.memory["hidden"], state.memory["scenery"], self.actions(action))

    def _carried(self, known: Known, latent: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch hidden"]:
        """The hidden state once `latent` was seen; z, where there is one, is what explains it."""
        if self.chance is None or not self.predictor.hidden_size:
            return self.predictor.carry(*known)
        return self.predictor.carry(known.latent, known.hidden, known.scenery, self._dynamics.remembered(known, latent))

    def _imagined(self, state: State, actions: Tensor, unrolled: Unrolled) -> Rollout:
        around = state.memory["scenery"].repeat_interleave(actions.shape[0] // state.num_rows, dim=0)
        beyond = (*unrolled.hiddens, _along_steps(around, actions.shape[1]))
        return Rollout(latent=unrolled.latents, actions=actions, beyond=beyond, disagreement=unrolled.disagreement)

    def _along(self, latent: Tensor, scenery: Tensor, actions: Tensor) -> State:
        num_rows, num_frames = latent.shape[:2]
        hidden = latent.new_zeros(num_rows, self.predictor.hidden_size)
        carried = [hidden]
        if self.predictor.hidden_size:
            features = self.actions(actions)
            for time in range(num_frames - 1):
                hidden = self._carried(Known(latent[:, time], hidden, scenery, features[:, time]), latent[:, time + 1])
                carried.append(hidden)
        hiddens = torch.stack(carried, dim=1) if self.predictor.hidden_size else latent.new_zeros(num_rows, num_frames, 0)
        return _state(latent, hiddens, scenery[:, None].expand(-1, num_frames, -1))


def _along_steps(scenery: Float[Tensor, "batch scenery"], num: int) -> Float[Tensor, "batch {num} scenery"]:
    return scenery[:, None].expand(-1, num, -1)


def _noise(state: State) -> Float[Tensor, "batch _"]:
    """What the future that the state lives in is made of; nothing: the likeliest one."""
    return state.memory["noise"] if "noise" in state.memory else state.latent.new_zeros(state.num_rows, 0)


def _state(latent: Tensor, hidden: Tensor, scenery: Tensor, noise: Tensor | None = None) -> State:
    memory = {"hidden": hidden, "scenery": scenery}
    if noise is not None and noise.shape[1]:
        memory["noise"] = noise
    return State(latent=latent, belief=torch.cat([latent, hidden, scenery], dim=-1), memory=memory)
