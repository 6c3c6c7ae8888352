"""The transformer with constant weights, in the layout of the fastest products, for frames that come one after the other."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from telos.core.products import PackedProduct

if TYPE_CHECKING:
    from telos.agent.world_model.transformer import Block, TransformerPredictor

Pack = Callable[..., PackedProduct]
"""`PackedProduct.of`, or `PackedProduct.live` where gradients are to reach the weights."""
FEW = 4
"""Frames up to which attention written out as sums is faster than the general one (measured: 16 heads of 64, 3 frames)."""


class KeysAndValues:
    """Of one block, frame by frame along a window: `[batch num heads head]` each, `num` being 1 for frames that all sequences share."""

    def __init__(self, keys: list[Tensor], values: list[Tensor]) -> None:
        self.keys, self.values = keys, values

    @classmethod
    def of(cls, both: Float[Tensor, "rows frames 2 heads head"], batch: int) -> "KeysAndValues":
        """Those of new frames, `rows / batch` sequences side by side."""
        keys, values = both.unflatten(0, (batch, -1)).unbind(3)
        return cls(list(keys.unbind(2)), list(values.unbind(2)))

    def then(self, other: "KeysAndValues") -> "KeysAndValues":
        """Followed by later frames."""
        return KeysAndValues(self.keys + other.keys, self.values + other.values)


class FrozenBlock:
    """A block with constant weights, for frames that come one after the other."""

    def __init__(self, block: "Block", pack: Pack) -> None:
        self.num_heads = block.num_heads
        width = block.modulation.in_features
        # The scale is used as 1 + scale: the one goes into the bias.
        one = torch.zeros_like(block.modulation.bias).view(6, width)
        one[[1, 4]] = 1.0
        self.modulation = pack(block.modulation.weight, block.modulation.bias + one.flatten())
        weights = block.qkv.weight.chunk(3)
        biases = (None,) * 3 if block.qkv.bias is None else block.qkv.bias.chunk(3)
        self.query = pack(weights[0], biases[0])
        self.key_value = pack(torch.cat(weights[1:]), None if biases[1] is None else torch.cat(biases[1:]))
        self.all_three = pack(block.qkv.weight, block.qkv.bias)
        self.proj = pack(block.proj.weight, block.proj.bias)
        self.fc1, self.fc2 = pack(block.fc1.weight, block.fc1.bias, "gelu"), pack(block.fc2.weight, block.fc2.bias)
        self.norms = (block.norm1, block.norm2)
        self.inner = tuple(None if isinstance(norm, nn.Identity) else norm for norm in (block.inner_norm1, block.inner_norm2))

    def __call__(self, value: Tensor, modulation: Tensor, before: KeysAndValues | None, batch: int, num_out: int) -> tuple[Tensor, KeysAndValues]:
        """The last `num_out` of the new frames `[rows frames width]`, and keys and values of the whole window."""
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=-1)
        steered = self._normalised(0, value, scale1, shift1)
        if num_out == value.shape[1]:
            all_three = self.all_three(steered).unflatten(-1, (3, self.num_heads, -1))
            query, held = all_three[:, :, 0], KeysAndValues.of(all_three[:, :, 1:], batch)
        else:
            value, gate1, shift2, scale2, gate2 = (part[:, part.shape[1] - num_out :] for part in (value, gate1, shift2, scale2, gate2))
            held = KeysAndValues.of(self.key_value(steered).unflatten(-1, (2, self.num_heads, -1)), batch)
            query = self.query(steered[:, steered.shape[1] - num_out :]).unflatten(-1, (self.num_heads, -1)) if num_out else None
        held = held if before is None else before.then(held)
        if query is None:
            return value, held
        value = torch.addcmul(value, gate1, self.proj(attend(query, held, batch)))
        raised = self.fc1(self._normalised(1, value, scale2, shift2))
        return torch.addcmul(value, gate2, self.fc2(raised)), held

    def _normalised(self, branch: int, value: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        norm, inner = self.norms[branch], self.inner[branch]
        steered = torch.addcmul(shift, functional.layer_norm(value, norm.normalized_shape, eps=norm.eps), scale)
        return steered if inner is None else inner(steered)


def attend(query: Float[Tensor, "rows new heads head"], held: KeysAndValues, batch: int) -> Float[Tensor, "rows new inner"]:
    """Causal attention of the newest frames over a window."""
    num_new = query.shape[1]
    queries = query.unflatten(0, (batch, -1))
    if len(held.keys) > FEW:
        return _attend_many(queries, held).flatten(0, 1)
    mixed = []
    for index in range(num_new):
        seen = len(held.keys) - num_new + index + 1
        mixed.append(_mix(queries[:, :, index], held.keys[:seen], held.values[:seen]))
    return torch.stack(mixed, dim=2).flatten(0, 1).flatten(2)


def _mix(query: Float[Tensor, "batch num heads head"], keys: list[Tensor], values: list[Tensor]) -> Float[Tensor, "batch num heads head"]:
    """Attention of one frame over a few: sums over all heads at once beat thousands of tiny matrix products."""
    if len(values) == 1:
        return values[0].expand_as(query)
    scores = torch.stack([(query * key).sum(dim=-1, keepdim=True) for key in keys])
    weights = (scores * query.shape[-1] ** -0.5).softmax(dim=0)
    total = weights[0] * values[0]
    for weight, value in zip(weights[1:], values[1:], strict=True):
        total = total.add_(weight * value)
    return total


def _attend_many(queries: Float[Tensor, "batch num new heads head"], held: KeysAndValues) -> Float[Tensor, "batch num new inner"]:
    batch, num, num_new = queries.shape[:3]
    parts = [torch.stack([part.expand(-1, num, -1, -1) for part in parts], dim=3).flatten(0, 1) for parts in (held.keys, held.values)]
    mask = torch.ones(num_new, len(held.keys), dtype=torch.bool, device=queries.device).tril(len(held.keys) - num_new) if num_new > 1 else None
    mixed = functional.scaled_dot_product_attention(queries.flatten(0, 1).transpose(1, 2), *parts, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2).unflatten(0, (batch, num))


class FrozenSteering:
    """What actions do to the layer norms, with constant weights; the two linear maps at its beginning are one."""

    def __init__(self, predictor: "TransformerPredictor", pack: Pack) -> None:
        first, second, _, third = predictor.embed_action
        self.raised = pack(second.weight @ first.weight, second.weight @ first.bias + second.bias, "silu")  # type: ignore[operator]
        plain = predictor.embed_scenery is None and isinstance(predictor.project_action, nn.Identity)
        self.embed = pack(third.weight, third.bias, "silu" if plain else "none")  # type: ignore[arg-type]
        self.rest = None if plain else (predictor.embed_scenery, predictor.project_action)

    def __call__(self, actions: Float[Tensor, "rows time features"], scenery: Float[Tensor, "rows scenery"]) -> Float[Tensor, "rows time width"]:
        embedded = self.embed(self.raised(actions))
        if self.rest is None:
            return embedded
        embed_scenery, project_action = self.rest
        if embed_scenery is not None:
            embedded = embedded + embed_scenery(scenery)[:, None]
        return functional.silu(project_action(embedded))


class FrozenHead:
    """The head behind the transformer; a batch norm, which at run time is a linear map, goes into the one before it."""

    def __init__(self, head: nn.Sequential, pack: Pack) -> None:
        first, norm, _, last = head
        weight, bias, self.between = first.weight, first.bias, None
        if isinstance(norm, nn.BatchNorm1d):
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
            weight, bias = weight * scale[:, None], (bias - norm.running_mean) * scale + norm.bias  # type: ignore[operator]
        elif not isinstance(norm, nn.Identity):
            self.between = norm
        self.first = pack(weight, bias, "gelu" if self.between is None else "none")
        self.last = pack(last.weight, last.bias)

    def __call__(self, value: Tensor) -> Tensor:
        value = self.first(value)
        return self.last(value if self.between is None else functional.gelu(self.between(value)))
