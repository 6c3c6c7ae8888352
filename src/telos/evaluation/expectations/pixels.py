"""The floor in pixels: the same network with a decoder behind it, which learns to predict pictures and is judged by them."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from telos.agent.surprise import Expected, Surprise, SurpriseConfig
from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs
from telos.core.seeding import derive_seed, numpy_generator
from telos.evaluation.expectations.scoring import AbstractJudge

CALIBRATION = 256
"""Windows that say how large errors usually are."""


class PixelDecoder(nn.Module):
    """Pictures from latents: a linear layer, then three transposed convolutions, each of which doubles the picture."""

    def __init__(self, *, latent_size: int, size: int, channels: tuple[int, int, int] = (32, 32, 16)) -> None:
        super().__init__()
        self.first, self.side = channels[0], size // 8
        self.spread = nn.Linear(latent_size, channels[0] * self.side**2)
        self.grow = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(channels[0], channels[1], 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(channels[1], channels[2], 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(channels[2], 3, 4, stride=2, padding=1),
        )

    def forward(self, latent: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 3 size size"]:
        return self.grow(self.spread(latent).unflatten(1, (self.first, self.side, self.side)))


class PixelJudge(AbstractJudge):
    """Is surprised by pictures that differ from those that it had foretold, at the horizons at which a world model is.

    The same encoder, memory and rollouts as the world model beside it; what differs is that nothing is compared in latent space.
    """

    name = "pixel predictor"

    def __init__(self, world_model: AbstractWorldModel, decoder: PixelDecoder, horizons: tuple[int, ...]) -> None:
        self.world_model, self.decoder = world_model, decoder
        self.ring = Surprise(SurpriseConfig(latent_size=world_model.latent_size, horizons=horizons))
        self.usual = torch.ones(len(horizons))

    @torch.no_grad()
    def calibrate(self, logs: AbstractLogs, *, seed: int, steps: int) -> None:
        """Sets the unit of each horizon's errors, so that none drowns the others."""
        windows = logs.windows(numpy_generator(seed, "pixel floor"), CALIBRATION, steps)
        self.usual = torch.as_tensor(np.nanmean(self.errors(np.asarray(windows.observations), np.asarray(windows.actions)), axis=(0, 1)))

    def surprise(self, clips: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self.errors(clips, actions) / self.usual.numpy()).sum(axis=2)

    @torch.no_grad()
    def errors(
        self, clips: UInt8[np.ndarray, "batch time height width channel"], actions: Float[np.ndarray, "batch steps action"]
    ) -> Float[np.ndarray, "batch steps horizons"]:
        """Squared errors of the foretold pictures; not numbers where none was foretold."""
        model, found = self.world_model, []
        state = model.observe(None, None, torch.tensor(clips[:, 0]))
        expected = self.ring.begin(model, state)
        for time in range(actions.shape[1]):
            action = torch.tensor(actions[:, time])
            expected = self.ring.expect(model, expected, state, action)
            state = model.observe(state, action, torch.tensor(clips[:, time + 1]))
            found.append(self._errors(expected, clips[:, time + 1], time + 1))
        return torch.stack(found, dim=1).numpy()

    def _errors(self, expected: Expected, frames: np.ndarray, age: int) -> Tensor:
        seen = _as_targets(torch.tensor(frames))
        errors = [
            (self.decoder(expected.states.latent[:, horizon - 1]) - seen).square().flatten(1).mean(dim=1)
            if horizon <= age
            else torch.full((len(frames),), torch.nan)
            for horizon in self.ring.horizons
        ]
        return torch.stack(errors, dim=1)


def train_pixel_judge(
    world_model: AbstractWorldModel,
    logs: AbstractLogs,
    *,
    num_steps: int,
    horizons: tuple[int, ...],
    batch_size: int = 48,
    window: int = 14,
    seen: int = 5,
    learning_rate: float = 2e-3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PixelJudge:
    """A fresh network trained to draw what comes: frames that are seen, and those imagined after them, all in pixels.

    Args:
        world_model: with fresh weights; trained in place.
        seen: frames of a window that are seen before the rest is imagined.
    """
    torch.manual_seed(derive_seed(seed, "pixel floor"))
    size = int(np.asarray(logs.episode(0).observations).shape[1])
    decoder, rng = PixelDecoder(latent_size=world_model.latent_size, size=size), numpy_generator(seed, "pixel floor batches")
    optimizer = torch.optim.AdamW([*world_model.parameters(), *decoder.parameters()], lr=learning_rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=num_steps, pct_start=0.05)
    world_model.train()
    for step in range(num_steps):
        windows = logs.windows(rng, batch_size, window)
        frames, actions = torch.as_tensor(windows.observations), torch.as_tensor(windows.actions)
        states = world_model.encode_window(frames, actions)
        imagined = world_model.rollout(states.at(seen - 1), actions[:, seen - 1 :]).latent
        drawn = decoder(torch.cat([states.latent[:, :seen], imagined], dim=1).flatten(0, 1))
        loss = (drawn - _as_targets(frames.flatten(0, 1))).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*world_model.parameters(), *decoder.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, num_steps)
    judge = PixelJudge(world_model.eval(), decoder.eval(), horizons)
    judge.calibrate(logs, seed=seed, steps=window)
    return judge


def _as_targets(frames: Tensor) -> Float[Tensor, "batch 3 size size"]:
    return frames.permute(0, 3, 1, 2).float() / 255 - 0.5
