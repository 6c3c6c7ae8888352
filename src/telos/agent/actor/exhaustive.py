"""Every sequence of choices there is, judged once."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from telos.agent.actor.candidates import take_best
from telos.agent.actor.rounds import Stage, play_rounds
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace, DiscreteSpace

AT_ONCE = 2048
"""Sequences of one round; between rounds it asks for the time."""


@dataclass(frozen=True, kw_only=True)
class ExhaustiveSearch(AbstractPlanner):
    """Judges all sequences of choices, and returns the best: nothing is better, as far as the model goes.

    Use for small problems (four choices, six steps: 4,096 sequences), where the order of single choices is a puzzle, and to learn how far
    another planner is from the best.
    Not when the sequences are many: each step multiplies them by the number of choices. Beyond `depth` the last choice is held.
    """

    depth: int = 5
    """Steps whose choices are free; a longer horizon holds the last of them, a shorter one has no more than it has steps."""
    max_sequences: int = 100_000
    """Most sequences that it will judge for a plan; a problem with more is refused."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("depth", "max_sequences"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")

    def supports(self, action_space: ActionSpace) -> bool:
        return isinstance(action_space, DiscreteSpace)

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Int[Tensor, "batch horizon 1"] | None, generator: Generator
    ) -> Int[Tensor, "batch num horizon 1"]:
        assert isinstance(evaluate.action_space, DiscreteSpace)
        num_choices = evaluate.action_space.num
        total = self._num_sequences(num_choices)

        def play(iteration: int, stage: Stage, judge: AbstractEvaluator) -> Stage:
            numbers = torch.arange(iteration * AT_ONCE, min(total, (iteration + 1) * AT_ONCE), device=generator.device)
            drawn = self._sequences(numbers, num_choices).expand(judge.num_problems, -1, -1, -1)
            # The warm start may be none of them: it need not hold its last choices.
            judged = torch.cat([stage.best[:, None], drawn], dim=1) if iteration == 0 else drawn
            energies = judge(judged)
            best, least = take_best(torch.cat([stage.best[:, None], judged], dim=1), torch.cat([stage.least[:, None], energies], dim=1), 1)
            return Stage(best[:, 0], least[:, 0])

        shape = (evaluate.num_problems, self.horizon, 1)
        rest = torch.full(shape, num_choices // 2, device=generator.device) if warm_start is None else warm_start
        nothing = torch.full(shape[:1], torch.inf, device=generator.device)
        stage = play_rounds(
            evaluate,
            Stage(rest, nothing),
            play,
            num_rounds=-(-total // AT_ONCE),
            num_judged=lambda iteration: min(AT_ONCE, total - iteration * AT_ONCE) + (iteration == 0),
        )
        return stage.best[:, None]

    def _num_sequences(self, num_choices: int) -> int:
        depth = min(self.depth, self.horizon)
        total = num_choices**depth
        if total > self.max_sequences:
            fitting = max(d for d in range(depth) if num_choices**d <= self.max_sequences)
            raise ConfigError(
                f"{num_choices} choices over {depth} steps make {total:,} sequences, more than the planner's max_sequences = {self.max_sequences:,}.",
                fix=f"set depth = {fitting}, or raise max_sequences" if fitting else f"raise max_sequences to {num_choices} or more",
            )
        return total

    def _sequences(self, numbers: Int[Tensor, " num"], num_choices: int) -> Int[Tensor, "1 num horizon 1"]:
        """The sequences with these numbers: the digits of a number are its choices, the last one held."""
        depth = min(self.depth, self.horizon)
        digits = torch.arange(depth - 1, -1, -1, device=numbers.device)
        free = numbers[:, None].div(num_choices**digits, rounding_mode="floor") % num_choices
        return torch.cat([free, free[:, -1:].expand(-1, self.horizon - depth)], dim=1)[None, :, :, None]
