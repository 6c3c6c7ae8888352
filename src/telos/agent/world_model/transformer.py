"""Dynamics in latent space: a causal transformer over the last few frames, steered by actions through its layer norms."""

from dataclasses import dataclass
from typing import Literal, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from telos.agent.world_model.unrolling import Unrolling
from telos.core.contracts import AbstractPredictor, AbstractPredictorConfig, Unrolled
from telos.core.errors import ConfigError
from telos.core.layers import Linear, projection_head

MOST_HISTORY = 16


@dataclass(frozen=True, kw_only=True)
class TransformerPredictorConfig(AbstractPredictorConfig):
    """Sizes of the causal transformer. Use when a few frames together show what one hides, and for weights of the field (LeWorldModel).

    Not when one frame shows all that matters: `MLPPredictorConfig` plans many times faster.
    """

    history: int = 3
    """Frames that it looks at, the present one included; 1 to 16."""
    depth: int = 6
    """Blocks."""
    num_heads: int = 16
    """Attention heads in each."""
    head_size: int = 64
    """Numbers in a head."""
    hidden: int = 2048
    """Neurons in the perceptron of a block."""
    width: int = 0
    """Numbers in a token; 0: as many as in a latent."""
    action_width: int = 0
    """Numbers after the first linear map of an action; 0: as many as in an action."""
    action_hidden: int = 0
    """Neurons in the perceptron that embeds actions; 0: four times its outputs."""
    action_embedding: int = 0
    """Numbers in the embedding of an action; 0: as many as in a latent."""
    output_hidden: int = 2048
    """Neurons in the head behind the transformer; 0: no head."""
    output_norm: Literal["batch", "layer", "none"] = "batch"
    """Normalisation in that head."""
    inner_norm: bool = False
    """Whether each branch normalises once more after it was steered, as in the authors' own code."""
    query_bias: bool = True
    """Whether queries, keys and values have a bias."""
    epsilon: float = 1e-6
    """Of the last layer norm."""

    def __post_init__(self) -> None:
        for name in ("depth", "num_heads", "head_size", "hidden"):
            if getattr(self, name) < 1:
                raise ConfigError(f"TransformerPredictorConfig has {name} = {getattr(self, name)}.", expected="1 or more")
        if not 1 <= self.history <= MOST_HISTORY:
            raise ConfigError(f"TransformerPredictorConfig has a history of {self.history} frames.", expected=f"1 to {MOST_HISTORY}")
        for name in ("width", "action_width", "action_hidden", "action_embedding", "output_hidden"):
            if getattr(self, name) < 0:
                raise ConfigError(f"TransformerPredictorConfig has {name} = {getattr(self, name)}.", expected="0 or more")
        if self.output_norm not in ("batch", "layer", "none"):
            raise ConfigError(f"TransformerPredictorConfig has output_norm = '{self.output_norm}'.", expected="batch, layer or none")

    def build(self, *, latent_size: int, scenery_size: int, action_size: int) -> "TransformerPredictor":
        return TransformerPredictor(self, latent_size=latent_size, scenery_size=scenery_size, action_size=action_size)


class TransformerPredictor(AbstractPredictor):
    """Token `i` is a frame's latent, steered by the action taken there; its output is the next latent.

    The window grows from one frame to `history`, then slides. Positions are learned, one for each place in the window, and the
    oldest frame has the first; so once the window slides, every token has another position.

    The hidden state is the window without its last frame: latents, actions, and how many frames there are, the newest last.

    Source: Maes et al. (2026), LeWorldModel, arXiv 2603.19312; adaptive layer norm after Peebles & Xie (2023), arXiv 2212.09748.
    """

    def __init__(self, config: TransformerPredictorConfig, *, latent_size: int, scenery_size: int, action_size: int) -> None:
        super().__init__()
        self.history, self.latent_size, self.action_size = config.history, latent_size, action_size
        self.hidden_size = (config.history - 1) * (latent_size + action_size) + 1 if config.history > 1 else 0
        width, embedding = config.width or latent_size, config.action_embedding or latent_size
        first, between = config.action_width or action_size, config.action_hidden or 4 * embedding
        self.embed_action = nn.Sequential(Linear(action_size, first), Linear(first, between), nn.SiLU(), Linear(between, embedding))
        self.embed_scenery = Linear(scenery_size, embedding) if scenery_size else None
        self.project_action = Linear(embedding, width) if embedding != width else nn.Identity()
        self.positions = nn.Parameter(0.02 * torch.randn(config.history, latent_size))
        self.project_in = Linear(latent_size, width) if latent_size != width else nn.Identity()
        self.blocks = nn.ModuleList(Block(config, width) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=config.epsilon)
        self.project_out = Linear(width, latent_size) if latent_size != width else nn.Identity()
        hidden, norm = config.output_hidden, config.output_norm
        self.head = projection_head(latent_size, hidden, latent_size, norm=norm) if hidden else nn.Identity()
        self._unrolling: Unrolling | None = None

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "_unrolling": None}

    def train(self, mode: bool = True) -> Self:
        # An optimizer in one pass, and weights in shares, change what torch counts no version of.
        if mode != self.training:
            self._unrolling = None
        return super().train(mode)

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch hidden"]]:
        latents, actions, num = self.unpack(hidden)
        latents, actions = torch.cat([latents, latent[:, None]], dim=1), torch.cat([actions, action[:, None]], dim=1)
        # Frames stand at the right; what is left of them is empty, and nobody looks at it but itself.
        places = torch.arange(self.history, device=latent.device) - (self.history - 1 - num)[:, None]
        filled = places >= 0
        causal = torch.ones(self.history, self.history, dtype=torch.bool, device=latent.device).tril()
        mask = (causal & filled[:, None, :]) | torch.eye(self.history, dtype=torch.bool, device=latent.device)
        tokens = latents + self.positions[places.clamp_min(0)]
        ahead = self.transform(tokens, self.steer(actions, scenery), mask[:, None])[:, -1]
        return ahead, self.carry(latent, hidden, scenery, action)

    def carry(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> Float[Tensor, "batch hidden"]:
        if self.history == 1:
            return hidden
        split = (self.history - 1) * self.latent_size
        num = (hidden[:, -1:] + 1).clamp(max=self.history - 1)
        return torch.cat([hidden[:, self.latent_size : split], latent, hidden[:, split + self.action_size : -1], action, num], dim=1)

    def unroll(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "rows horizon features"],
    ) -> Unrolled:
        num = self.unpack(hidden)[2]
        # Windows of several lengths, as along an episode's first frames, cannot share their places.
        if torch.compiler.is_compiling() or self.training or bool((num != num[0]).any()):
            latents, (hiddens,), _ = super().unroll(latent, hidden, scenery, actions)
            split = (self.history - 1) * self.latent_size
            return Unrolled(latents, (hiddens[..., :split], hiddens[..., split:-1], hiddens[..., -1:]) if self.hidden_size else ())
        if torch.is_grad_enabled():
            return Unrolling(self)(self, latent, hidden, int(num[0]), scenery, actions)
        # Several threads may plan with one model: each goes on with what it found.
        unrolling = self._unrolling
        if unrolling is None or not unrolling.fits(self):
            unrolling = self._unrolling = Unrolling(self)
        return unrolling(self, latent, hidden, int(num[0]), scenery, actions)

    def foresee(
        self,
        latents: Float[Tensor, "batch time latent"],
        hiddens: Float[Tensor, "batch time hidden"],
        scenery: Float[Tensor, "batch scenery"],
        actions: Float[Tensor, "batch time features"],
    ) -> Float[Tensor, "batch time latent"]:
        """The frames of the first window in one causal pass; after that, each has a window of its own."""
        if torch.compiler.is_compiling() or (self.history > 1 and bool(hiddens[:, 0, -1].any())):
            return super().foresee(latents, hiddens, scenery, actions)
        first = min(self.history, latents.shape[1])
        ahead = self._windows(latents[:, :first], actions[:, :first], scenery)
        later = latents.shape[1] - first
        if not later:
            return ahead
        frames, acted = (part[:, 1:].unfold(1, self.history, 1).transpose(2, 3).flatten(0, 1) for part in (latents, actions))
        found = self._windows(frames, acted, scenery.repeat_interleave(later, dim=0))[:, -1]
        return torch.cat([ahead, found.unflatten(0, (-1, later))], dim=1)

    def _windows(self, latents: Tensor, actions: Tensor, scenery: Tensor) -> Tensor:
        return self.transform(latents + self.positions[: latents.shape[1]], self.steer(actions, scenery), None)

    def unpack(self, hidden: Float[Tensor, "batch hidden"]) -> tuple[Tensor, Tensor, Tensor]:
        """Latents `[batch history-1 latent]`, actions `[batch history-1 features]`, and how many of them there are `[batch]`."""
        if self.history == 1:
            none = hidden.new_zeros(len(hidden), 0, self.latent_size), hidden.new_zeros(len(hidden), 0, self.action_size)
            return *none, hidden.new_zeros(len(hidden), dtype=torch.long)
        split = (self.history - 1) * self.latent_size
        latents, actions = hidden[:, :split], hidden[:, split:-1]
        num = hidden[:, -1].round().clamp(0, self.history - 1).long()
        return latents.unflatten(1, (-1, self.latent_size)), actions.unflatten(1, (-1, self.action_size)), num

    def steer(self, actions: Float[Tensor, "batch time features"], scenery: Float[Tensor, "batch scenery"]) -> Float[Tensor, "batch time width"]:
        """What the layer norms are steered by: actions, and the scenery where there is one."""
        embedded = self.embed_action(actions)
        if self.embed_scenery is not None:
            embedded = embedded + self.embed_scenery(scenery)[:, None]
        return functional.silu(self.project_action(embedded))

    def transform(
        self, tokens: Float[Tensor, "batch time latent"], steering: Float[Tensor, "batch time width"], mask: Bool[Tensor, "batch 1 time time"] | None
    ) -> Float[Tensor, "batch time latent"]:
        """The next latent after every token. Without a mask each looks at itself and what came before."""
        value = self.project_in(tokens)
        for block in self.blocks:
            value = block(value, steering, mask)
        value = self.project_out(self.norm(value))
        return self.head(value.flatten(0, 1)).unflatten(0, value.shape[:2])


class Block(nn.Module):
    """Attention and a perceptron, each behind a layer norm whose scale, shift and gate come from the action."""

    def __init__(self, config: TransformerPredictorConfig, width: int) -> None:
        super().__init__()
        self.num_heads, inner = config.num_heads, config.num_heads * config.head_size
        self.modulation = Linear(width, 6 * width)
        # Gates of zero: at the beginning of training every block lets its input through.
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6, elementwise_affine=False) for _ in range(2))
        self.inner_norm1, self.inner_norm2 = (nn.LayerNorm(width) if config.inner_norm else nn.Identity() for _ in range(2))
        self.qkv = Linear(width, 3 * inner, bias=config.query_bias)
        self.proj = Linear(inner, width)
        self.fc1, self.fc2 = Linear(width, config.hidden), Linear(config.hidden, width)

    def forward(self, value: Tensor, steering: Tensor, mask: Tensor | None) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(steering).chunk(6, dim=-1)
        value = value + gate1 * self._attend(self.inner_norm1(self.norm1(value) * (1 + scale1) + shift1), mask)
        raised = functional.gelu(self.fc1(self.inner_norm2(self.norm2(value) * (1 + scale2) + shift2)))
        return value + gate2 * self.fc2(raised)

    def _attend(self, value: Tensor, mask: Tensor | None) -> Tensor:
        query, key, content = self.qkv(value).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, content, attn_mask=mask, is_causal=mask is None)
        return self.proj(mixed.transpose(1, 2).flatten(2))
