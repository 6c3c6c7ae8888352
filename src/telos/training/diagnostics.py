"""Signs of health: the loss alone is none. A dead model has the lowest loss of all."""

import math
from dataclasses import asdict, dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import CollapseError
from telos.core.types import Rollout, State


@dataclass(frozen=True)
class Health:
    """What a batch of held-out windows says about the latents."""

    deviations: tuple[float, ...]
    """Deviation of each number of the latent over all frames."""
    effective_rank: float
    """How many directions the latents really use."""
    error: float
    """Mean squared error of the imagined latents over the window."""
    nothing_moves: float
    """The same, had the model said that nothing ever moves."""
    information: float | None = None
    """What the latent variable z tells of each step, in nats; None, here and below: the model has none."""
    explained_error: float | None = None
    """The error with z inferred from what was seen."""
    blind_error: float | None = None
    """What of the error z leaves where start and actions are those of another window, as a share of what that start is off by: near 0, z
    tells everything by itself."""

    @property
    def gain(self) -> float | None:
        """Share of the error that z explains."""
        return None if self.explained_error is None else 1 - self.explained_error / max(self.error, 1e-12)

    @property
    def latent_size(self) -> int:
        """How many directions the latents could use."""
        return len(self.deviations)

    @property
    def least_deviation(self) -> float:
        return min(self.deviations)

    @property
    def mean_deviation(self) -> float:
        return sum(self.deviations) / len(self.deviations)

    @property
    def relative_error(self) -> float:
        """Prediction error as a share of "nothing moves"; above 1 the model is worse than no model."""
        return self.error / max(self.nothing_moves, 1e-12)

    def to_json(self) -> dict[str, float | tuple[float, ...] | None]:
        derived = ("latent_size", "least_deviation", "mean_deviation", "relative_error", "gain")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}


def effective_rank(latents: Float[Tensor, "samples latent"]) -> float:
    """Exponential of the entropy of the covariance's spectrum, from 0 (all latents equal) to the latent's size.

    Source: Roy & Vetterli (2007), "The effective rank"; on centred latents, since a common offset carries no information.
    """
    if not latents.isfinite().all():
        return math.nan
    spectrum = torch.linalg.svdvals((latents - latents.mean(dim=0)).double()).square()
    total = spectrum.sum()
    if total <= 1e-12 * latents.numel():
        return 0.0
    share = spectrum / total
    return math.exp(-(share * share.clamp_min(1e-30).log()).sum().item())


def measure_health(states: State, predictions: Rollout) -> Health:
    """Health from encoded windows `[batch time+1 ...]` and what was predicted from their first frames, z aside."""
    latents = states.latent.detach().float()
    targets = latents[:, 1:]
    return Health(
        deviations=tuple(latents.flatten(0, 1).std(dim=0).tolist()),
        effective_rank=effective_rank(latents.flatten(0, 1)),
        error=(predictions.latent.detach().float() - targets).square().mean().item(),
        nothing_moves=(latents[:, :1] - targets).square().mean().item(),
    )


@torch.no_grad()
def with_chance(health: Health, world_model: AbstractWorldModel, states: State, actions: Tensor) -> Health:
    """The same with what there is to say of a latent variable, if the model has one: whether it is ignored, or tells everything.

    Args:
        states: encoded windows `[batch time+1 ...]`, two or more.
    """
    told = world_model.explain(states.at(0), states, actions)
    if told.information is None:
        return health
    targets = states.latent[:, 1:]
    other = states.at(0).select(torch.arange(len(actions), device=actions.device).roll(1))
    blind = world_model.explain(other, states, actions.roll(1, dims=0)).latent
    # With a code for each frame, start and actions make no difference.
    off = (other.latent[:, None] - targets).square().mean().clamp_min(1e-12)
    return replace(
        health,
        information=told.information.mean().item(),
        explained_error=(told.latent - targets).square().mean().item(),
        blind_error=((blind - targets).square().mean() / off).item(),
    )


@dataclass(frozen=True, kw_only=True)
class CollapseWatch:
    """Warns when latents die out or predictions are worthless, and stops a run that does not recover."""

    least_rank: float = 1.5
    """Fewer directions than this in use is a collapse."""
    least_deviation: float = 0.02
    """A mean deviation below this is a collapse, whatever its rank."""
    worst_error: float = 1.0
    """A prediction error above this share of "nothing moves" is a warning; in a world of pure chance it may be all there is to have."""
    patience: int = 5
    """Checks in a row that may find a collapse before the run is stopped."""
    long_patience: int = 20
    """Checks in a row that may find anything wrong before the run is stopped."""
    least_gain: float = 0.02
    """A latent variable that explains a smaller share of the error is ignored; a warning only, for there may be nothing to explain."""
    least_blind_error: float = 0.25
    """One that leaves less of the error where start and actions are those of another window tells everything; a warning only."""
    grace: int = 2
    """First checks that are not judged: fresh weights say little."""
    in_hindsight: bool = False
    """Whether predictions are judged with the latent variable inferred from what was seen, where there is one: for models in which it stands for
    what was done, such as the macro-actions of a level. The likeliest of them may well lead nowhere, since a random walk goes nowhere."""

    def verdict(self, health: Health) -> str:
        """What is wrong, in a sentence; empty if nothing is."""
        return self.collapse(health) or self._worthless(health)

    def collapse(self, health: Health) -> str:
        """How the latents have collapsed, in a sentence; empty if they have not."""
        if not all(map(math.isfinite, (health.mean_deviation, health.error))):
            return "The latents are no numbers any more (NaN or infinity)."
        if health.mean_deviation < self.least_deviation:
            return f"The latents hardly vary: mean deviation {health.mean_deviation:.2g}, where 1 is healthy."
        if health.effective_rank < min(self.least_rank, health.latent_size / 2):
            return f"The latents use {health.effective_rank:.1f} of {health.latent_size} directions."
        return ""

    def chance(self, health: Health) -> str:
        """How a latent variable has collapsed, in a sentence; empty if it has not, or there is none.

        Such a model predicts as one without z at the best; that is no reason to stop it.
        """
        if health.gain is None or health.blind_error is None or health.information is None:
            return ""
        if health.gain < self.least_gain:
            nats = f"it tells {health.information:.2g} nats a step and explains {100 * max(0.0, health.gain):.1f} % of the error"
            return f"The latent variable is ignored: {nats}. Either nothing in the logs is left to chance, or its price is too high."
        if health.blind_error < self.least_blind_error:
            left = f"with start and actions of another window {100 * health.blind_error:.1f} % of the error are left"
            return f"The latent variable tells everything: {left}. Raise its price, or give it fewer numbers or codes."
        return ""

    def check(self, history: list[str], health: Health) -> str:
        """Judges, notes the verdict in `history`, and returns it, or else what there is to say of a latent variable.

        Raises:
            CollapseError: the latents have collapsed and stayed so, or nothing has been predicted for long.
        """
        history.append(self.verdict(health))
        judged = history[self.grace :]
        fix = "raise the weight of Variance and Covariance (or SIGReg), or look at the logs: telos data inspect DATA"
        if self.collapse(health) and len(judged) >= self.patience and all(judged[-self.patience :]):
            what = f"Training was stopped: the latents have collapsed. {history[-1]}"
            raise CollapseError(what, expected="latents that vary; the loss alone does not show it", fix=fix)
        if len(judged) >= self.long_patience and all(judged[-self.long_patience :]):
            what = f"Training was stopped: it leads nowhere. {history[-1]}"
            raise CollapseError(what, expected='predictions better than "nothing moves"', fix=fix)
        return history[-1] or (self.chance(health) if judged else "")

    def _worthless(self, health: Health) -> str:
        hindsight = health.explained_error if self.in_hindsight else None
        error = health.relative_error if hindsight is None else hindsight / max(health.nothing_moves, 1e-12)
        if error <= self.worst_error:
            return ""
        return f'Predictions are worse than none: their error is {error:.2g} of that of "nothing moves".'


@torch.no_grad()
def health_of(world_model: AbstractWorldModel, states: State, actions: Tensor) -> Health:
    """Health of a model on encoded windows."""
    return with_chance(measure_health(states, world_model.anticipate(states.at(0), actions)), world_model, states, actions)
