"""Signs of health: the loss alone is none. A dead model has the lowest loss of all."""

import math
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import CollapseError
from telos.core.types import Rollout, State


@dataclass(frozen=True)
class Health:
    """What a batch of held-out windows says about the latents."""

    least_deviation: float
    """Smallest deviation over the numbers of the latent."""
    mean_deviation: float
    """Their mean."""
    effective_rank: float
    """How many directions the latents really use."""
    latent_size: int
    """How many they could use."""
    prediction: float
    """Mean squared error of the imagined latents over the window."""
    nothing_moves: float
    """The same, had the model said that nothing ever moves."""

    @property
    def relative_error(self) -> float:
        """Prediction error as a share of "nothing moves"; above 1 the model is worse than no model."""
        return self.prediction / max(self.nothing_moves, 1e-12)

    def to_json(self) -> dict[str, float]:
        return {**asdict(self), "relative_error": self.relative_error}


def effective_rank(latents: Float[Tensor, "samples latent"]) -> float:
    """Exponential of the entropy of the covariance's spectrum, from 0 (all latents equal) to the latent's size.

    Source: Roy & Vetterli (2007), "The effective rank"; on centred latents, since a common offset carries no information.
    """
    spectrum = torch.linalg.svdvals((latents - latents.mean(dim=0)).double()).square()
    total = spectrum.sum()
    if total <= 1e-12 * latents.numel():
        return 0.0
    share = spectrum / total
    return math.exp(-(share * share.clamp_min(1e-30).log()).sum().item())


def measure_health(states: State, predictions: Rollout) -> Health:
    """Health from encoded windows `[batch time+1 ...]` and what was predicted from their first frames."""
    latents = states.latent.detach().float()
    deviation = latents.flatten(0, 1).std(dim=0)
    targets = latents[:, 1:]
    return Health(
        least_deviation=deviation.min().item(),
        mean_deviation=deviation.mean().item(),
        effective_rank=effective_rank(latents.flatten(0, 1)),
        latent_size=latents.shape[-1],
        prediction=(predictions.latent.detach().float() - targets).square().mean().item(),
        nothing_moves=(latents[:, :1] - targets).square().mean().item(),
    )


@dataclass(frozen=True, kw_only=True)
class CollapseWatch:
    """Warns when latents die out, and stops a run that does not recover."""

    least_rank: float = 1.5
    """Fewer directions than this in use is a collapse."""
    least_deviation: float = 0.02
    """A mean deviation below this is a collapse, whatever its rank."""
    patience: int = 5
    """Checks in a row that may be bad before the run is stopped."""
    grace: int = 2
    """First checks that are not judged: fresh weights say little."""

    def verdict(self, health: Health) -> str:
        """What is wrong, in a sentence; empty if nothing is."""
        if not all(map(math.isfinite, (health.mean_deviation, health.prediction))):
            return "The latents are no numbers any more (NaN or infinity)."
        if health.mean_deviation < self.least_deviation:
            return f"The latents hardly vary: mean deviation {health.mean_deviation:.2g}, where 1 is healthy."
        if health.effective_rank < min(self.least_rank, health.latent_size / 2):
            return f"The latents use {health.effective_rank:.1f} of {health.latent_size} directions."
        return ""

    def check(self, history: list[str], health: Health) -> str:
        """Judges, notes the verdict in `history`, and returns it.

        Raises:
            CollapseError: the last `patience` verdicts were all bad.
        """
        history.append(self.verdict(health))
        judged = history[self.grace :]
        if len(judged) >= self.patience and all(judged[-self.patience :]):
            raise CollapseError(
                f"Training was stopped: the latents have collapsed. {history[-1]}",
                expected="latents that vary; the loss alone does not show it",
                fix="raise the weight of Variance and Covariance (or SIGReg), or look at the logs: telos data inspect DATA",
            )
        return history[-1]


@torch.no_grad()
def health_of(world_model: AbstractWorldModel, states: State, actions: Tensor) -> Health:
    """Health of a model on encoded windows."""
    return measure_health(states, world_model.rollout(states.at(0), actions))
