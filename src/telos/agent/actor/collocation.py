"""Planning with supposed states: the future is bent into shape first, and made possible afterwards."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.adam import Moments, adam_step
from telos.agent.actor.descent import DescentStage, first_stage, scattered
from telos.agent.actor.lbfgs import AbstractLBFGS
from telos.agent.actor.rounds import play_rounds
from telos.core.action_box import ActionBox
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator


@dataclass(frozen=True)
class VirtualStage(DescentStage):
    """What is supposed: the latents that every start would like to see, and what Adam carries for them and for actions."""

    latents: Float[Tensor, "batch starts horizon latent"]
    action_mean: Float[Tensor, "batch starts horizon action"]
    action_square: Float[Tensor, "batch starts horizon action"]
    latent_mean: Float[Tensor, "batch starts horizon latent"]
    latent_square: Float[Tensor, "batch starts horizon latent"]


@dataclass(frozen=True, kw_only=True)
class Collocation(AbstractLBFGS):
    """Searches for actions and latents at once, where the model's word on what follows what counts more from round to round.

    Use over long horizons (60 steps and more), above all where a rollout meets walls on its way: every step of the model is a step of its
    own, so that no slope has to pass through all of them, and all of them are predicted in one pass.
    Not for short horizons, where `LBFGS` is through before this has begun; nor with a model that is no good beside what it was trained
    on, since supposed latents lie there at first.

    After every round the actions are judged by a rollout, and the last rounds are those of `LBFGS` through rollouts, so that what is
    returned is possible.

    Source: after GRASP, Psenka et al. (2026), arXiv 2602.00475. There latents are shaken by noise, which gave no consistent help on the point
    mass, and no slope passes into what the model is given; both are left out.
    """

    num_starts: int = 2
    """Sequences that are improved side by side; the first is the warm start."""
    num_rounds: int = 5
    """Rounds with supposed latents; each ends with a rollout of its actions."""
    steps_per_round: int = 12
    """Steps of Adam in a round, on actions and latents."""
    first_penalty: float = 0.1
    """What a supposed latent that the model does not expect costs in the first round, in units of the energy."""
    last_penalty: float = 30.0
    """The same in the last round; it rises evenly in its logarithm."""
    action_rate: float = 0.05
    """Step size for actions, where 2 is the whole action range."""
    latent_rate: float = 0.03
    """Step size for latents, in their own units."""
    num_iterations: int = 10
    """Steps of `LBFGS` at the end."""
    initial_std: float = 0.5
    """Deviation of the random starts, where 1 is half the action range."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_rounds", "steps_per_round"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")
        for name in ("first_penalty", "last_penalty", "action_rate", "latent_rate"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="a number above 0")

    def num_judged(self, iteration: int) -> int:
        # The best of the rollouts so far is one more start.
        return super().num_judged(iteration) // self.num_starts * (self.num_starts + 1)

    def starts(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Float[Tensor, "batch starts horizon action"]:
        box = ActionBox(evaluate.action_space)
        units = scattered(self, evaluate, warm_start, generator, std=self.initial_std)
        if evaluate.out_of_time(self.num_starts):
            return units
        stage = play_rounds(
            evaluate,
            self._suppose(first_stage(units), evaluate.latents(box.to_actions(units))),
            lambda iteration, stage, judge: self._round(iteration, stage, judge, box),
            num_rounds=self.num_rounds,
            num_judged=lambda iteration: self.num_starts * (3 if iteration == 0 else 2),
        )
        return torch.cat([stage.best[:, None], stage.units], dim=1)

    def _suppose(self, stage: DescentStage, latents: Tensor) -> VirtualStage:
        still, quiet = torch.zeros_like(stage.units), torch.zeros_like(latents)
        return VirtualStage(**vars(stage), latents=latents, action_mean=still, action_square=still, latent_mean=quiet, latent_square=quiet)

    def _round(self, iteration: int, stage: VirtualStage, evaluate: AbstractEvaluator, box: ActionBox) -> VirtualStage:
        done = iteration / max(1, self.num_rounds - 1)
        penalty = self.first_penalty * (self.last_penalty / self.first_penalty) ** done
        if iteration == 0:
            stage = self._judged(stage, evaluate, box)
        for step in range(self.steps_per_round):
            # A round is long: where time runs out within it, what there is is judged.
            if evaluate.out_of_time(2 * self.num_starts):
                break
            stage = self._step(iteration * self.steps_per_round + step, stage, evaluate, box, penalty)
        return self._judged(stage, evaluate, box)

    def _judged(self, stage: VirtualStage, evaluate: AbstractEvaluator, box: ActionBox) -> VirtualStage:
        return replace(stage, **stage.after(stage.units, evaluate(box.to_actions(stage.units)), self.tolerance))

    def _step(self, step: int, stage: VirtualStage, evaluate: AbstractEvaluator, box: ActionBox, penalty: float) -> VirtualStage:
        with torch.enable_grad():
            actions, latents = box.to_actions(stage.units).requires_grad_(), stage.latents.detach().requires_grad_()
            energies, defects = evaluate.virtual(latents, actions)
            total = energies + penalty * defects
            slopes = torch.autograd.grad(torch.where(total.isfinite(), total, torch.zeros_like(total)).sum(), (actions, latents))
        push, pull = box.slope_in_units(slopes[0].nan_to_num()), slopes[1].nan_to_num()
        units, action = adam_step(stage.units, push, Moments(stage.action_mean, stage.action_square), iteration=step, rate=self.action_rate)
        latents, latent = adam_step(stage.latents, pull, Moments(stage.latent_mean, stage.latent_square), iteration=step, rate=self.latent_rate)
        return replace(
            stage,
            units=units.clamp(-1, 1),
            latents=latents,
            action_mean=action.mean,
            action_square=action.square,
            latent_mean=latent.mean,
            latent_square=latent.square,
        )
