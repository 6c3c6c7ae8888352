"""Cross-entropy method for choices: fit the odds of every step to the best candidates, sample again."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from telos.agent.actor.candidates import take_best
from telos.agent.actor.rounds import Stage, play_rounds
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace, DiscreteSpace


@dataclass(frozen=True)
class ChoiceStage(Stage):
    """The odds of every choice at every step, and what belongs to the next round."""

    odds: Float[Tensor, "batch horizon choices"]
    untried: Int[Tensor, "batch some horizon 1"]
    """Sequences that are judged beside what is drawn: in the first round the warm start and every choice held to the end."""
    doubt: Float[Tensor, " batch"]
    """Share of the elites that choose otherwise than most, the mean over the steps."""


@dataclass(frozen=True, kw_only=True)
class CategoricalCEM(AbstractPlanner):
    """Fits the odds of every choice at every step to the best candidates, over and over.

    Use for discrete actions: the first choice there. A candidate holds what it draws for some steps, as the wanderer in the
    logs does, since choices drawn afresh at every step cancel each other out. Every choice held to the end is tried as well.
    Not when the order of single choices is a puzzle: odds that know each step alone cannot say "left, then right, or the reverse".

    All problems of a batch see the same random numbers, so that a row plans alike alone and in company.

    Source: Rubinstein (1999), "The cross-entropy method for combinatorial and continuous optimization"; holding is ours.
    """

    num_candidates: int = 128
    """Action sequences per iteration."""
    num_iterations: int = 3
    """Rounds of propose, judge, refit."""
    num_elites: int = 8
    """Candidates that shape the next odds."""
    max_hold: int = 4
    """Most steps that a candidate holds a choice; each candidate has a most of its own, from 1 to this."""
    momentum: float = 0.1
    """Share of the old odds in the new ones."""
    trust: float = 0.5
    """Odds that the first round gives to what is left of the previous plan; the rest is shared evenly by all choices."""
    agreement: float = 0.01
    """A problem's search ends early once a smaller share of the elites than this chooses otherwise than most; 0: never."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_candidates", "num_iterations", "num_elites", "max_hold"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")
        for name in ("momentum", "trust", "agreement"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="0 or more, and less than 1")

    def supports(self, action_space: ActionSpace) -> bool:
        return isinstance(action_space, DiscreteSpace)

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Int[Tensor, "batch horizon 1"] | None, generator: Generator
    ) -> Int[Tensor, "batch num horizon 1"]:
        first = self._first_stage(evaluate, warm_start, generator)
        stage = play_rounds(
            evaluate,
            first,
            lambda iteration, stage, judge: self._play(stage, judge, generator),
            num_rounds=self.num_iterations,
            num_judged=lambda iteration: self.num_candidates + (0 if iteration else first.untried.shape[1]),
            settled=(lambda stage: stage.doubt < self.agreement) if self.agreement else None,
            reason="elites agree",
        )
        return torch.stack([stage.best, stage.odds.argmax(dim=-1)[..., None]], dim=1)

    def _play(self, stage: "ChoiceStage", evaluate: AbstractEvaluator, generator: Generator) -> "ChoiceStage":
        drawn = self._draw(stage.odds, generator)
        judged = torch.cat([stage.untried, drawn], dim=1)
        actions = torch.cat([stage.best[:, None], judged], dim=1)
        energies = torch.cat([stage.least[:, None], evaluate(judged)], dim=1)
        elites, least = take_best(actions, energies, self.num_elites)
        share = _one_hot(elites[..., 0], stage.odds).mean(dim=1)
        doubt = 1 - share.amax(dim=-1).mean(dim=-1)
        return ChoiceStage(elites[:, 0], least[:, 0], share.lerp(stage.odds, self.momentum), stage.untried[:, :0], doubt)

    def _first_stage(self, evaluate: AbstractEvaluator, warm_start: Tensor | None, generator: Generator) -> "ChoiceStage":
        assert isinstance(evaluate.action_space, DiscreteSpace)
        num_problems, num_choices, device = evaluate.num_problems, evaluate.action_space.num, generator.device
        odds = torch.full((num_problems, self.horizon, num_choices), 1 / num_choices, device=device)
        held = torch.arange(num_choices, device=device)[None, :, None, None].expand(num_problems, -1, self.horizon, -1)
        rest = held[:, num_choices // 2] if warm_start is None else warm_start
        if warm_start is not None:
            odds = odds.lerp(_one_hot(warm_start[..., 0], odds), self.trust)
            held = torch.cat([warm_start[:, None], held], dim=1)
        nothing = torch.full((num_problems,), torch.inf, device=device)
        return ChoiceStage(rest, nothing, odds, held, nothing)

    def _draw(self, odds: Float[Tensor, "batch horizon choices"], generator: Generator) -> Int[Tensor, "batch num horizon 1"]:
        """Candidates whose choice at each step has the odds of that step, however long it is held."""
        uniform = held_uniforms(self.num_candidates, self.horizon, max_hold=self.max_hold, generator=generator)
        bounds = odds.cumsum(dim=-1)[:, None, :, :-1]
        return (uniform[None, ..., None] >= bounds).sum(dim=-1, keepdim=True)


def held_uniforms(num: int, horizon: int, *, max_hold: int, generator: Generator) -> Float[Tensor, "{num} {horizon}"]:
    """Numbers from 0 to 1 that stay the same for a while: each row holds them for `1 / p` steps on the mean, `1 / p` even in 1 to `max_hold`."""
    hold = 1 + (max_hold - 1) * torch.rand(num, 1, generator=generator, device=generator.device)
    fresh = torch.rand(num, horizon, generator=generator, device=generator.device) * hold < 1
    fresh[:, 0] = True
    drawn = torch.rand(num, horizon, generator=generator, device=generator.device)
    steps = torch.arange(horizon, device=generator.device).expand(num, -1)
    return drawn.gather(1, torch.where(fresh, steps, 0).cummax(dim=1).values)


def _one_hot(choices: Int[Tensor, "*batch horizon"], like: Tensor) -> Float[Tensor, "*batch horizon choices"]:
    return nn.functional.one_hot(choices.long(), like.shape[-1]).to(like)
