"""Rollouts of the causal transformer in which nothing is computed twice.

What the actions cannot change, the frames before the first imagined one, is computed once for all sequences that share a
start. While the window grows, keys and values of earlier frames stay and only the newest frame is computed. Once it slides,
every frame has another place in the window, and all of it is computed again; the exception is the last block, where only the
newest frame needs more than its key and value. Actions are embedded once, and what they do to the layer norms is computed once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from telos.core.products import PackedProduct

if TYPE_CHECKING:
    from telos.agent.world_model.transformer import Block, TransformerPredictor

FEW = 4
"""Frames up to which attention written out as sums is faster than the general one (measured: 16 heads of 64, 3 frames)."""


class KeysAndValues:
    """Of one block, for the frames of a window: `[rows frames heads head]` each."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values = keys, values

    def for_each(self, num: int) -> "KeysAndValues":
        """The same frames for `num` sequences side by side."""
        return KeysAndValues(self.keys.repeat_interleave(num, dim=0), self.values.repeat_interleave(num, dim=0))

    def then(self, other: "KeysAndValues") -> "KeysAndValues":
        """Followed by later frames."""
        return KeysAndValues(torch.cat([self.keys, other.keys], dim=1), torch.cat([self.values, other.values], dim=1))


class FrozenBlock:
    """A block with constant weights, for frames that come one after the other."""

    def __init__(self, block: "Block") -> None:
        self.num_heads = block.num_heads
        width = block.modulation.in_features
        # The scale is used as 1 + scale: the one goes into the bias.
        one = torch.zeros_like(block.modulation.bias).view(6, width)
        one[[1, 4]] = 1.0
        self.modulation = PackedProduct.of(block.modulation.weight, block.modulation.bias + one.flatten())
        weights = block.qkv.weight.chunk(3)
        biases = (None,) * 3 if block.qkv.bias is None else block.qkv.bias.chunk(3)
        self.query = PackedProduct.of(weights[0], biases[0])
        self.key_value = PackedProduct.of(torch.cat(weights[1:]), None if biases[1] is None else torch.cat(biases[1:]))
        self.all_three = PackedProduct.of(block.qkv.weight, block.qkv.bias)
        self.proj = PackedProduct.of(block.proj.weight, block.proj.bias)
        self.fc1, self.fc2 = PackedProduct.of(block.fc1.weight, block.fc1.bias, "gelu"), PackedProduct.of(block.fc2.weight, block.fc2.bias)
        self.norms = (block.norm1, block.norm2)
        self.inner = tuple(None if isinstance(norm, nn.Identity) else norm for norm in (block.inner_norm1, block.inner_norm2))

    def __call__(self, value: Tensor, modulation: Tensor, before: KeysAndValues | None, num_out: int) -> tuple[Tensor, KeysAndValues]:
        """The last `num_out` of the new frames `[rows frames width]`, and keys and values of the whole window."""
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=-1)
        steered = self._normalised(0, value, scale1, shift1)
        if num_out == value.shape[1]:
            query, key, content = self.all_three(steered).unflatten(-1, (3, self.num_heads, -1)).unbind(2)
        else:
            value, gate1, shift2, scale2, gate2 = (part[:, part.shape[1] - num_out :] for part in (value, gate1, shift2, scale2, gate2))
            key, content = self.key_value(steered).unflatten(-1, (2, self.num_heads, -1)).unbind(2)
            query = self.query(steered[:, steered.shape[1] - num_out :]).unflatten(-1, (self.num_heads, -1)) if num_out else None
        held = KeysAndValues(key, content)
        held = held if before is None else before.then(held)
        if query is None:
            return value, held
        value = torch.addcmul(value, gate1, self.proj(attend(query, held)))
        raised = self.fc1(self._normalised(1, value, scale2, shift2))
        return torch.addcmul(value, gate2, self.fc2(raised)), held

    def _normalised(self, branch: int, value: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        norm, inner = self.norms[branch], self.inner[branch]
        steered = torch.addcmul(shift, functional.layer_norm(value, norm.normalized_shape, eps=norm.eps), scale)
        return steered if inner is None else inner(steered)


def attend(query: Float[Tensor, "rows new heads head"], held: KeysAndValues) -> Float[Tensor, "rows new inner"]:
    """Causal attention of the newest frames over a window."""
    num_new, num = query.shape[1], held.keys.shape[1]
    if num > FEW:
        mask = torch.ones(num_new, num, dtype=torch.bool, device=query.device).tril(num - num_new) if num_new > 1 else None
        parts = (part.transpose(1, 2) for part in (query, held.keys, held.values))
        return functional.scaled_dot_product_attention(*parts, attn_mask=mask).transpose(1, 2).flatten(2)
    mixed = []
    for index in range(num_new):
        seen = num - num_new + index + 1
        # A window of a few frames: products and sums over all heads at once beat thousands of tiny matrix products.
        scores = (query[:, index, None] * held.keys[:, :seen]).sum(dim=-1, keepdim=True) * query.shape[-1] ** -0.5
        mixed.append((scores.softmax(dim=1) * held.values[:, :seen]).sum(dim=1))
    return torch.stack(mixed, dim=1).flatten(2)


@dataclass
class Window:
    """Where the rollout stands: the frames `start` to `end` (the newest), and what each block keeps of them."""

    start: int
    end: int
    held: list[KeysAndValues]


class Unrolling:
    """The cached rollout of one predictor, its weights brought into the layout of the fastest products."""

    def __init__(self, predictor: "TransformerPredictor") -> None:
        with torch.no_grad():
            self.blocks = [FrozenBlock(block) for block in predictor.blocks]
            self.head = _frozen_head(predictor)
        self.versions = _versions(predictor)

    def fits(self, predictor: "TransformerPredictor") -> bool:
        """Whether the weights are still those that it was made from; what writes into `weight.data` behind torch's back is not seen."""
        return self.versions == _versions(predictor)

    def __call__(
        self,
        predictor: "TransformerPredictor",
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        num_before: int,
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "rows horizon features"],
    ) -> tuple[Float[Tensor, "rows horizon latent"], tuple[Float[Tensor, "rows horizon _"], ...]]:
        """As `AbstractPredictor.unroll`, for starts with equally many frames in memory."""
        history, horizon, num = predictor.history, actions.shape[1], len(actions) // len(latent)
        context, done, _ = predictor.unpack(hidden)
        start = torch.cat([context, latent[:, None]], dim=1).repeat_interleave(num, dim=0)
        frames = [*start.unbind(1)]
        known = predictor.steer(done[:, done.shape[1] - num_before :], scenery)
        steered = predictor.steer(actions, scenery.repeat_interleave(num, dim=0))
        shared = [block.modulation(known) for block in self.blocks]
        own = [block.modulation(steered) for block in self.blocks]
        window: Window | None = None
        for time in range(horizon):
            newest = num_before + time
            first = max(0, newest + 1 - history)
            grows = window is not None and window.start == first
            if not grows:
                window = self._shared(predictor, context[:, context.shape[1] - num_before :], shared, first, num)
            assert window is not None
            begin = newest if grows else max(first, num_before)
            tokens = torch.stack(frames[len(frames) - (newest - begin + 1) :], dim=1) + predictor.positions[begin - first : newest - first + 1]
            own_first, own_end = begin - num_before, newest - num_before + 1
            modulations = [part[:, own_first:own_end] for part in own]
            value, held = self._advance(predictor.project_in(tokens), modulations, window.held, num_out=1)
            window = Window(first, newest, held)
            frames.append(self.head(predictor.project_out(predictor.norm(value[:, -1]))))
        return _outcome(predictor, frames, done.repeat_interleave(num, dim=0), actions, num_before)

    def _shared(self, predictor: "TransformerPredictor", context: Tensor, modulations: list[Tensor], first: int, num: int) -> Window:
        """The frames of the window that all sequences of a start share; none if it begins later."""
        tokens = context[:, first:]
        if not tokens.shape[1]:
            return Window(first, first - 1, [None] * len(self.blocks))  # type: ignore[list-item]
        tokens = predictor.project_in(tokens + predictor.positions[: tokens.shape[1]])
        _, held = self._advance(tokens, [part[:, first:] for part in modulations], [None] * len(self.blocks), num_out=0)
        return Window(first, context.shape[1] - 1, [part.for_each(num) for part in held])

    def _advance(self, value: Tensor, modulations: list[Tensor], before: list, num_out: int) -> tuple[Tensor, list[KeysAndValues]]:
        held = []
        for index, block in enumerate(self.blocks):
            last = index == len(self.blocks) - 1
            value, kept = block(value, modulations[index], before[index], num_out if last else value.shape[1])
            held.append(kept)
        return value, held


def _outcome(predictor: "TransformerPredictor", frames: list[Tensor], done: Tensor, actions: Tensor, num_before: int) -> tuple:
    """Latents, and the hidden state after each step as views of what was imagined."""
    history, horizon = predictor.history, actions.shape[1]
    along = torch.stack(frames, dim=1)
    if history == 1:
        return along[:, 1:], ()
    latents = along.flatten(1).unfold(1, (history - 1) * predictor.latent_size, predictor.latent_size)
    acted = torch.cat([done, actions], dim=1).flatten(1).unfold(1, (history - 1) * predictor.action_size, predictor.action_size)
    num = torch.arange(1, horizon + 1, device=actions.device).add(num_before).clamp(max=history - 1).to(along.dtype)
    return along[:, history:], (latents[:, 1 : horizon + 1], acted[:, 1 : horizon + 1], num[None, :, None].expand(len(actions), -1, 1))


def _frozen_head(predictor: "TransformerPredictor") -> "nn.Module | _Head":
    if isinstance(predictor.head, nn.Identity):
        return predictor.head
    return _Head(predictor.head)  # type: ignore[arg-type]


class _Head:
    """The head behind the transformer; a batch norm, which at run time is a linear map, goes into the one before it."""

    def __init__(self, head: nn.Sequential) -> None:
        first, norm, _, last = head
        weight, bias, self.between = first.weight, first.bias, None
        if isinstance(norm, nn.BatchNorm1d):
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
            weight, bias = weight * scale[:, None], (bias - norm.running_mean) * scale + norm.bias  # type: ignore[operator]
        elif not isinstance(norm, nn.Identity):
            self.between = norm
        self.first = PackedProduct.of(weight, bias, "gelu" if self.between is None else "none")
        self.last = PackedProduct.of(last.weight, last.bias)

    def __call__(self, value: Tensor) -> Tensor:
        value = self.first(value)
        return self.last(value if self.between is None else functional.gelu(self.between(value)))


def _versions(predictor: "TransformerPredictor") -> tuple[tuple[int, int], ...]:
    return tuple((tensor.data_ptr(), tensor._version) for tensor in (*predictor.parameters(), *predictor.buffers()))
