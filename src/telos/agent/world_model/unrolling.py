"""Rollouts of the causal transformer in which nothing is computed twice.

What the actions cannot change, the frames before the first imagined one, is computed once for all sequences that share a
start. While the window grows, keys and values of earlier frames stay and only the newest frame is computed. Once it slides,
every frame has another place in the window, and all of it is computed again; the exception is the last block, where only the
newest frame needs more than its key and value. Actions are embedded once, and what they do to the layer norms is computed once,
but for the seams of long rollouts, which are made in spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.agent.world_model.frozen import FrozenBlock, FrozenHead, FrozenSteering, KeysAndValues
from telos.core.contracts import Unrolled
from telos.core.products import PackedProduct

if TYPE_CHECKING:
    from telos.agent.world_model.transformer import TransformerPredictor

SPAN = 16
"""Steps whose modulations are computed at once: six times a token's numbers for every block, which long rollouts could not hold for all steps."""


@dataclass
class Window:
    """Where a rollout stands: the oldest frame that it looks at, and what each block keeps of the frames since then."""

    start: int
    held: Sequence[KeysAndValues | None]


@dataclass
class Past:
    """What is known of starts, whatever is done next."""

    hidden: Tensor
    version: int
    scenery: Tensor
    latents: Float[Tensor, "batch before latent"]
    actions: Float[Tensor, "batch before features"]
    num_before: int
    modulations: list[Tensor]
    windows: dict[int, list[KeysAndValues]]
    """By the oldest frame that is looked at."""


class Unrolling:
    """The cached rollout of one predictor, its weights brought into the layout of the fastest products."""

    def __init__(self, predictor: "TransformerPredictor") -> None:
        pack = PackedProduct.live if torch.is_grad_enabled() else PackedProduct.of
        self.blocks = [FrozenBlock(block, pack) for block in predictor.blocks]  # type: ignore[arg-type]
        self.head = predictor.head if isinstance(predictor.head, nn.Identity) else FrozenHead(predictor.head, pack)  # type: ignore[arg-type]
        self.steer = FrozenSteering(predictor, pack)
        self.versions = _versions(predictor)
        self.past: Past | None = None

    def fits(self, predictor: "TransformerPredictor") -> bool:
        """Whether the weights are still those that it was made from.

        What torch counts no version of is not seen: `weight.data`, and optimizers in one pass (`fused=True`). A change between
        `train()` and `eval()` forgets all.
        """
        return self.versions == _versions(predictor)

    def __call__(
        self,
        predictor: "TransformerPredictor",
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        num_before: int,
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "rows horizon features"],
    ) -> Unrolled:
        """As `AbstractPredictor.unroll`, for starts with equally many frames in memory."""
        history, horizon, num = predictor.history, actions.shape[1], len(actions) // len(latent)
        past = self._past(predictor, hidden, num_before, scenery)
        start = torch.cat([past.latents, latent[:, None]], dim=1).repeat_interleave(num, dim=0)
        frames = [*start.unbind(1)]
        steered = self.steer(actions, scenery.repeat_interleave(num, dim=0))
        own, origin = [], 0
        window: Window | None = None
        for time in range(horizon):
            if time % SPAN == 0:
                origin = max(0, time - history + 1)
                own = [block.modulation(steered[:, origin : time + SPAN]) for block in self.blocks]
            newest = num_before + time
            first = max(0, newest + 1 - history)
            grows = window is not None and window.start == first
            if not grows:
                window = self._shared(predictor, past, first)
            assert window is not None
            begin = newest if grows else max(first, num_before)
            tokens = torch.stack(frames[len(frames) - (newest - begin + 1) :], dim=1) + predictor.positions[begin - first : newest - first + 1]
            own_first, own_end = begin - num_before - origin, time + 1 - origin
            modulations = [part[:, own_first:own_end] for part in own]
            value, held = self._advance(predictor.project_in(tokens), modulations, window.held, len(latent), num_out=1)
            window = Window(first, held)
            frames.append(self.head(predictor.project_out(predictor.norm(value[:, -1]))))
        return _outcome(predictor, frames, past.actions.repeat_interleave(num, dim=0), actions, num_before)

    def _past(self, predictor: "TransformerPredictor", hidden: Tensor, num_before: int, scenery: Tensor) -> "Past":
        """A search imagines from the same starts over and over: what it found out about them is kept until others come."""
        kept = self.past
        if kept is not None and kept.hidden is hidden and kept.version == _version(hidden) and kept.scenery is scenery:
            return kept
        latents, actions, _ = predictor.unpack(hidden)
        steering = self.steer(actions[:, actions.shape[1] - num_before :], scenery)
        modulations = [block.modulation(steering) for block in self.blocks]
        past = Past(hidden, _version(hidden), scenery, latents, actions, num_before, modulations, {})
        self.past = None if torch.is_grad_enabled() or hidden.is_inference() else past
        return past

    def _shared(self, predictor: "TransformerPredictor", past: "Past", first: int) -> Window:
        """The frames of the window that all sequences of a start share; none if it begins later."""
        num = past.num_before - first
        if num <= 0:
            return Window(first, [None] * len(self.blocks))
        if first not in past.windows:
            tokens = predictor.project_in(past.latents[:, past.latents.shape[1] - num :] + predictor.positions[:num])
            modulations = [part[:, first:] for part in past.modulations]
            _, held = self._advance(tokens, modulations, [None] * len(self.blocks), len(tokens), num_out=0)
            past.windows[first] = held
        return Window(first, past.windows[first])

    def _advance(
        self, value: Tensor, modulations: list[Tensor], before: Sequence[KeysAndValues | None], batch: int, num_out: int
    ) -> tuple[Tensor, list[KeysAndValues]]:
        """New frames through all blocks; only `num_out` of them, the newest, are needed behind the last."""
        held = []
        for index, block in enumerate(self.blocks):
            last = index == len(self.blocks) - 1
            value, kept = block(value, modulations[index], before[index], batch, num_out if last else value.shape[1])
            held.append(kept)
        return value, held


def _outcome(predictor: "TransformerPredictor", frames: list[Tensor], done: Tensor, actions: Tensor, num_before: int) -> Unrolled:
    """The hidden state after each step consists of views of what was imagined."""
    history, horizon = predictor.history, actions.shape[1]
    along = torch.stack(frames, dim=1)
    if history == 1:
        return Unrolled(along[:, 1:], ())
    latents = along.flatten(1).unfold(1, (history - 1) * predictor.latent_size, predictor.latent_size)
    acted = torch.cat([done, actions], dim=1).flatten(1).unfold(1, (history - 1) * predictor.action_size, predictor.action_size)
    num = torch.arange(1, horizon + 1, device=actions.device).add(num_before).clamp(max=history - 1).to(along.dtype)
    hiddens = (latents[:, 1 : horizon + 1], acted[:, 1 : horizon + 1], num[None, :, None].expand(len(actions), -1, 1))
    return Unrolled(along[:, history:], hiddens)


def _versions(predictor: "TransformerPredictor") -> tuple[tuple[int, int], ...]:
    return tuple((tensor.data_ptr(), _version(tensor)) for tensor in (*predictor.parameters(), *predictor.buffers()))


def _version(tensor: Tensor) -> int:
    # Tensors of `torch.inference_mode` have none.
    return 0 if tensor.is_inference() else tensor._version
