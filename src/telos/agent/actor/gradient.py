"""Planning by gradient: the arrow forward is also an arrow back."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.adam import Moments, adam_step, cosine_rate
from telos.agent.actor.descent import AbstractDescent, DescentStage, scattered
from telos.core.action_box import ActionBox
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator


@dataclass(frozen=True)
class AdamStage(DescentStage):
    """What Adam carries beside."""

    mean: Float[Tensor, "batch starts horizon action"]
    square: Float[Tensor, "batch starts horizon action"]


@dataclass(frozen=True, kw_only=True)
class GradientDescent(AbstractDescent):
    """Follows the gradient of the energy to the actions, with Adam, from several starts.

    Use when model and cost are smooth and the action is high-dimensional: the price does not grow with it.
    Not when walls or contacts make the energy rough: it stops at the first slope; add starts, or sample. Not over long horizons
    of a smooth energy: `LBFGS` needs fewer steps there.

    Source: Adam, Kingma & Ba (2015), arXiv 1412.6980; for planning with world models LeCun (2022), section 3.1.
    """

    tolerance: float = 0.0
    """Adam swings about a valley before it comes to rest, so that rounds without progress say little; 0: never ends early."""
    learning_rate: float = 0.1
    """First step size, where 2 is the whole action range; it falls to a tenth along a cosine."""
    initial_std: float = 0.5
    """Deviation of the random starts, where 1 is half the action range."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learning_rate <= 0:
            raise ConfigError(f"The planner's learning_rate is {self.learning_rate}.", expected="a number above 0")

    def begin(self, stage: DescentStage) -> AdamStage:
        nothing = torch.zeros_like(stage.units)
        return AdamStage(**vars(stage), mean=nothing, square=nothing)

    def advance(self, iteration: int, stage: DescentStage, evaluate: AbstractEvaluator, box: ActionBox) -> AdamStage:
        assert isinstance(stage, AdamStage)
        energies, slope = slope_in_box(evaluate, box, stage.units)
        rate = cosine_rate(self.learning_rate, iteration, self.num_iterations)
        # A start whose energy is not finite has no slope; what moves it on is the slopes before.
        units, moments = adam_step(stage.units, slope, Moments(stage.mean, stage.square), iteration=iteration, rate=rate)
        judged = stage.after(stage.units, energies, self.tolerance)
        return replace(stage, **judged, units=units.clamp(-1, 1), mean=moments.mean, square=moments.square)

    def starts(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Float[Tensor, "batch starts horizon action"]:
        return scattered(self, evaluate, warm_start, generator, std=self.initial_std)


def slope_in_box(evaluate: AbstractEvaluator, box: ActionBox, units: Tensor) -> tuple[Tensor, Tensor]:
    """Energies, and their slope for the points of the unit box rather than for actions."""
    energies, slope = evaluate.value_and_slope(box.to_actions(units))
    return energies, box.slope_in_units(slope)
