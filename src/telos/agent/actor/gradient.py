"""Planning by gradient: the arrow forward is also an arrow back."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Num
from torch import Generator, Tensor

from telos.agent.actor.box import ActionBox
from telos.agent.actor.candidates import take_best
from telos.agent.actor.noise import coloured_noise
from telos.core.contracts import AbstractEvaluator, AbstractPlanner
from telos.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class GradientDescent(AbstractPlanner):
    """Follows the gradient of the energy to the actions, with Adam, from several starts.

    Use when model and cost are smooth and the action is high-dimensional: the price does not grow with it.
    Not when walls or contacts make the energy rough: it stops at the first slope; add starts, or sample.

    Source: Adam, Kingma & Ba (2015), arXiv 1412.6980; for planning with world models LeCun (2022), section 3.1.
    """

    num_starts: int = 8
    """Sequences that are improved side by side; the first is the warm start."""
    num_iterations: int = 40
    """Steps of Adam."""
    learning_rate: float = 0.1
    """First step size, where 2 is the whole action range; it falls to a tenth along a cosine."""
    initial_std: float = 0.5
    """Deviation of the random starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_starts", "num_iterations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        box = ActionBox(evaluate.action_space)
        with torch.enable_grad():
            units = self._starts(evaluate, box, warm_start, generator).requires_grad_()
            optimizer = torch.optim.Adam([units], lr=self.learning_rate)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.num_iterations, eta_min=self.learning_rate / 10)
            best, least = units.detach().clone(), torch.full(units.shape[:2], math.inf, device=units.device)
            for _ in range(self.num_iterations):
                energies = evaluate.differentiable(box.to_actions(units))
                better = energies < least
                best = torch.where(better[..., None, None], units.detach(), best)
                least = torch.where(better, energies.detach(), least)
                evaluate.record(least.min(dim=1).values)
                if evaluate.out_of_time():
                    break
                # A start whose energy is not finite gives no direction; it stays where it is.
                (slope,) = torch.autograd.grad(torch.where(energies.isfinite(), energies, torch.zeros_like(energies)).sum(), units)
                units.grad = torch.nan_to_num(slope)
                optimizer.step()
                schedule.step()
                with torch.no_grad():
                    units.clamp_(-1, 1)
        candidates = torch.cat([best, units.detach()], dim=1)
        return box.to_actions(take_best(candidates, evaluate(box.to_actions(candidates)), 1)[0])

    def _starts(self, evaluate: AbstractEvaluator, box: ActionBox, warm_start: Tensor | None, generator: Generator) -> Tensor:
        shape = (evaluate.num_problems, 1, self.horizon, *box.space.shape)
        first = torch.zeros(shape, device=generator.device) if warm_start is None else box.to_units(warm_start)[:, None]
        noise = coloured_noise(self.num_starts - 1, *shape[2:], exponent=1.0, generator=generator)
        return torch.cat([first, first + self.initial_std * noise], dim=1).clamp(-1, 1)
