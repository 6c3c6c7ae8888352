"""A quasi-Newton search, for many problems and starts at once."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.descent import AbstractDescent, DescentStage, scattered
from telos.agent.actor.gradient import slope_in_box
from telos.core.action_box import ActionBox
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator

FIRST_REACH = 0.5
"""Longest change of a number in the first step, where 2 is the whole action range."""
SHRINK = 0.3
"""From one step size of a line search to the next."""


@dataclass(frozen=True)
class LBFGSStage(DescentStage):
    """What the search carries beside; `numbers` is `horizon * action`, and the history is newest first."""

    energies: Float[Tensor, "batch starts"]
    slope: Float[Tensor, "batch starts numbers"]
    steps: Float[Tensor, "batch starts history numbers"]
    changes: Float[Tensor, "batch starts history numbers"]
    """How the slope changed along each of the `steps`."""
    weights: Float[Tensor, "batch starts history"]
    """`1 / (step . change)`; 0 where there is no history."""
    reach: Float[Tensor, "batch starts"]
    """Longest change of a number in a step without a history."""


@dataclass(frozen=True, kw_only=True)
class AbstractLBFGS(AbstractDescent):
    """Takes the steps of limited-memory BFGS.

    Bounds are kept by projection: numbers that a bound holds back take no part in a step. A line search judges all its step
    sizes in one batch, and takes the best.

    Source: Nocedal (1980); the two loops are algorithm 7.4 of Nocedal & Wright (2006); the projection after Bertsekas (1982).
    """

    num_starts: int = 4
    """Sequences that are improved side by side; the first is the best guess."""
    num_iterations: int = 15
    """Steps."""
    history: int = 8
    """Steps whose curvature is remembered."""
    num_step_sizes: int = 4
    """Step sizes that a line search tries at once: the whole step, and ever shorter ones."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("history", "num_step_sizes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")

    def num_judged(self, iteration: int) -> int:
        # The first round looks at where it begins, too.
        return self.num_starts * (1 + self.num_step_sizes + (iteration == 0))

    def begin(self, stage: DescentStage) -> LBFGSStage:
        slope = torch.zeros_like(stage.units).flatten(2)
        history = slope[:, :, None].expand(-1, -1, self.history, -1)
        energies, reach = (torch.full(slope.shape[:2], value, device=slope.device) for value in (torch.inf, FIRST_REACH))
        return LBFGSStage(**vars(stage), energies=energies, slope=slope, steps=history, changes=history, weights=history[..., 0], reach=reach)

    def advance(self, iteration: int, stage: DescentStage, evaluate: AbstractEvaluator, box: ActionBox) -> LBFGSStage:
        assert isinstance(stage, LBFGSStage)
        if iteration == 0:
            stage = _look(stage, stage.units, evaluate, box, self.tolerance)
        here = stage.units.flatten(2)
        step, found = self._line_search(stage, here, evaluate, box)
        # A start that no step size improves forgets its history, and tries the bare slope next, less far.
        moved = found < stage.energies
        reach = torch.where(moved, 2 * (step - here).abs().amax(dim=-1).clamp_min(1e-6), stage.reach * SHRINK**self.num_step_sizes)
        there = torch.where(moved[..., None], step, here)
        ahead = _look(stage, there.view_as(stage.units), evaluate, box, self.tolerance)
        return _remember(replace(ahead, reach=reach.clamp(max=FIRST_REACH)), there - here, ahead.slope - stage.slope, moved)

    def _line_search(self, stage: LBFGSStage, here: Tensor, evaluate: AbstractEvaluator, box: ActionBox) -> tuple[Tensor, Tensor]:
        """The best of all step sizes along the direction `[batch starts numbers]`, and its energy."""
        free = ~((here >= 1) & (stage.slope < 0) | (here <= -1) & (stage.slope > 0))
        slope = stage.slope * free
        direction = _two_loops(stage, slope) * free
        uphill = (direction * slope).sum(dim=-1, keepdim=True) >= 0
        direction = torch.where(uphill, -_bounded(slope, stage.reach), direction)
        sizes = SHRINK ** torch.arange(self.num_step_sizes, device=here.device)
        tried = (here[:, :, None] + sizes[:, None] * direction[:, :, None]).clamp(-1, 1)
        energies = evaluate(box.to_actions(tried.flatten(1, 2).unflatten(2, stage.units.shape[2:]))).unflatten(1, tried.shape[1:3])
        least = energies.argmin(dim=2, keepdim=True)
        return tried.gather(2, least[..., None].expand(-1, -1, -1, tried.shape[-1]))[:, :, 0], energies.gather(2, least)[..., 0]


@dataclass(frozen=True, kw_only=True)
class LBFGS(AbstractLBFGS):
    """Follows the gradient with the curvature that it has seen on the way (limited-memory BFGS), from several starts.

    Use when model and cost are smooth: it settles in a fraction of the steps of `GradientDescent`, the more so the longer the
    horizon, since late actions matter less than early ones and each needs a step size of its own.
    Not when the slope jumps (walls, contacts, a least distance along the path): curvature that was seen says nothing there; sample first
    (`Hybrid`), or over long horizons suppose latents (`Collocation`).

    Source: Nocedal (1980), "Updating Quasi-Newton Matrices with Limited Storage".
    """

    initial_std: float = 0.5
    """Deviation of the random starts, where 1 is half the action range."""

    def starts(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Float[Tensor, "batch starts horizon action"]:
        return scattered(self, evaluate, warm_start, generator, std=self.initial_std)


def _look(stage: LBFGSStage, units: Tensor, evaluate: AbstractEvaluator, box: ActionBox, tolerance: float) -> LBFGSStage:
    energies, slope = slope_in_box(evaluate, box, units)
    return replace(stage, **stage.after(units, energies, tolerance), units=units, energies=energies, slope=slope.flatten(2))


def _remember(stage: LBFGSStage, step: Tensor, change: Tensor, moved: Tensor) -> LBFGSStage:
    curvature = (step * change).sum(dim=-1)
    # Curvature that is not positive would turn the search uphill.
    useful = curvature > 1e-10 * change.square().sum(dim=-1)
    weight = torch.where(useful, 1 / torch.where(useful, curvature, 1), 0)
    newest_first = lambda old, new: torch.cat([new[:, :, None], old[:, :, :-1]], dim=2)  # noqa: E731
    weights = torch.where(moved[..., None], newest_first(stage.weights, weight), 0)
    return replace(stage, steps=newest_first(stage.steps, step), changes=newest_first(stage.changes, change), weights=weights)


def _two_loops(stage: LBFGSStage, slope: Tensor) -> Tensor:
    """Minus the inverse of the remembered curvature times the slope; without a history, a step of bounded length."""
    direction, shares = slope, []
    history = list(zip(stage.steps.unbind(2), stage.changes.unbind(2), stage.weights.unbind(2), strict=True))
    for step, change, weight in history:
        share = (weight * (step * direction).sum(dim=-1))[..., None]
        direction = direction - share * change
        shares.append(share)
    step, change, weight = history[0]
    scale = (step * change).sum(dim=-1) / change.square().sum(dim=-1).clamp_min(1e-30)
    direction = torch.where((weight > 0)[..., None], scale[..., None] * direction, _bounded(slope, stage.reach))
    for (step, change, weight), share in zip(reversed(history), reversed(shares), strict=True):
        direction = direction + (share - (weight * (change * direction).sum(dim=-1))[..., None]) * step
    return -direction


def _bounded(slope: Tensor, reach: Tensor) -> Tensor:
    return reach[..., None] * slope / slope.abs().amax(dim=-1, keepdim=True).clamp_min(1e-30)
