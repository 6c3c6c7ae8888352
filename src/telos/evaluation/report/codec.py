"""From frames to codes and back: a frozen world model, and a decoder that is trained on its codes afterwards."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, first_leaf, map_tree
from telos.core.seeding import derive_seed, numpy_generator
from telos.core.spaces import Tree
from telos.evaluation.report.decoder import Decoder, DecoderConfig, make_decoder

MOST_STATISTICS = 3000
"""Frames that the mean frame and the range of colours are taken from."""
STEPS_OF_WINDOW = 5
WINDOWS_AT_ONCE = 100


class Codec:
    """A frozen world model's codes of frames, and the decoder that reads them.

    A code is the frame's latent followed by what else the model takes from single frames, as it was in the first frame.
    """

    def __init__(self, world_model: AbstractWorldModel, decoder: Decoder) -> None:
        self.world_model, self.decoder = world_model, decoder.eval()

    @torch.no_grad()
    def encode(self, observations: Tree) -> Float[Tensor, "frames code"]:
        """Codes of the frames `[frames ...]` of one episode."""
        return encode_episodes(self.world_model, map_tree(lambda leaf: leaf[None], observations))[0]

    @torch.no_grad()
    def decode(self, codes: Float[Tensor, "frames code"]) -> np.ndarray:
        """Pictures `[frames height width 3]`, uint8, or vectors `[frames size]`."""
        decoded = torch.cat([self.decoder(part) for part in codes.split(512)])
        if decoded.ndim == 2:
            return decoded.cpu().numpy()
        # A colour that no frame has is the decoder's error, not something imagined.
        return (decoded.clamp(self.decoder.low, self.decoder.high).cpu() * 255).round().byte().permute(0, 2, 3, 1).numpy()

    def decode_latents(self, latents: Float[Tensor, "frames latent"], first_code: Float[Tensor, " code"]) -> np.ndarray:
        """What imagined latents look like in the episode whose first frame has the code `first_code`."""
        rest = first_code[self.world_model.latent_size :]
        return self.decode(torch.cat([latents, rest.expand(len(latents), -1)], dim=1))


@torch.no_grad()
def encode_episodes(world_model: AbstractWorldModel, observations: Tree) -> Float[Tensor, "batch time code"]:
    """Codes of frames `[batch time ...]`; all but the latent is that of the first frame of its row, as the agent reads it."""
    device = world_model.device
    tensors = map_tree(lambda leaf: torch.from_numpy(np.array(leaf)).to(device), observations)
    lead = first_leaf(tensors).shape[:2]
    flat = map_tree(lambda leaf: leaf.flatten(0, 1), tensors)
    codes = world_model.encode_frames(flat).unflatten(0, lead)
    size = world_model.latent_size
    return torch.cat([codes[..., :size], codes[:, :1, size:].expand(-1, lead[1], -1)], dim=-1)


def train_decoder(
    world_model: AbstractWorldModel,
    logs: AbstractLogs,
    target: Callable[[Tree], np.ndarray],
    *,
    seed: int,
    config: DecoderConfig | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Codec:
    """Trains a decoder on frames of `logs` (those the model was trained on), the same under the same seed.

    Args:
        target: what to decode to, from observations `[frames ...]`: pictures `[frames height width 3]` (uint8) or vectors.
        progress: called with batches done, and all.
    """
    config = config or DecoderConfig()
    codes, targets = _examples(world_model, logs, target, config.num_frames, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "decoder"))
        decoder = make_decoder(codes, _as_float(targets[:MOST_STATISTICS]), world_model.latent_size, config).to(codes.device)
        optimizer = torch.optim.AdamW(decoder.parameters(), lr=config.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=config.num_steps)
        for step in range(config.num_steps):
            rows = torch.randint(len(codes), (config.batch_size,), device="cpu").to(codes.device)
            error = (decoder(codes[rows]) - _as_float(targets[rows])) / decoder.scale
            loss = error.square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            progress(step + 1, config.num_steps)
    return Codec(world_model, decoder)


def _as_float(targets: Tensor) -> Tensor:
    return targets.permute(0, 3, 1, 2).float() / 255 if targets.dtype == torch.uint8 else targets.float()


def _examples(world_model: AbstractWorldModel, logs: AbstractLogs, target: Callable, num_frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """Codes and targets of random frames; a few windows at a time, since pictures may be large."""
    rng = numpy_generator(seed, "decoder frames")
    num_steps = min(STEPS_OF_WINDOW, int(logs.lengths.max()))
    codes, targets = [], []
    for _ in range(max(1, round(num_frames / WINDOWS_AT_ONCE / (num_steps + 1)))):
        windows = logs.windows(rng, WINDOWS_AT_ONCE, num_steps)
        codes.append(encode_episodes(world_model, windows.observations).flatten(0, 1))
        targets.append(torch.from_numpy(target(map_tree(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), windows.observations))))
    joined = torch.cat(codes)
    return joined, torch.cat(targets).to(joined.device)
