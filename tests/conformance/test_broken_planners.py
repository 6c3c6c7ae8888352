"""The checks of planners, costs and values find what is wrong, and say it."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from telos.agent.actor import CEM, GradientDescent, RandomShooting
from telos.agent.cost import PathDistance
from telos.core.config import load_class
from telos.core.contracts import AbstractCost, AbstractPlanner
from telos.testing import ConformanceError, check_cost, check_planner

OWN_PLANNER = """
from dataclasses import dataclass
import torch
from telos.core.contracts import AbstractPlanner

@dataclass(frozen=True, kw_only=True)
class SlowlyForward(AbstractPlanner):
    num_tries: int = 50

    def search(self, evaluate, warm_start, generator):
        low, high = map(torch.from_numpy, evaluate.action_space.bounds)
        best = ((low + high) / 2).expand(evaluate.num_problems, 1, self.horizon, -1) if warm_start is None else warm_start[:, None]
        least = evaluate(best)
        for _ in range(self.num_tries):
            nudged = best + 0.3 * (high - low) * torch.randn(best.shape[1:], generator=generator)
            nudged = torch.minimum(torch.maximum(nudged, low), high)
            energy = evaluate(nudged)
            best = torch.where((energy < least)[..., None, None], nudged, best)
            least = torch.minimum(energy, least)
            evaluate.record(least[:, 0])
            if evaluate.out_of_time():
                break
        return best
"""
few = {"num_candidates": 32, "num_iterations": 2, "horizon": 5}


@dataclass(frozen=True, kw_only=True)
class LeavesBounds(CEM):
    def search(self, evaluate, warm_start, generator):
        return super().search(evaluate, warm_start, generator) * 1.0001 + 0.01


@dataclass(frozen=True, kw_only=True)
class DrawsFromTorch(CEM):
    def sample(self, proposal, num, generator):
        return torch.randn(1, num, *proposal.mean.shape[1:]) * proposal.std[:, None] + proposal.mean[:, None]


@dataclass(frozen=True, kw_only=True)
class NeverTheSame(CEM):
    def sample(self, proposal, num, generator):
        return super().sample(proposal, num, generator) + random.random()


@dataclass(frozen=True, kw_only=True)
class DrawsForEveryRow(CEM):
    def sample(self, proposal, num, generator):
        noise = torch.randn(len(proposal.mean), num, *proposal.mean.shape[1:], generator=generator)
        return noise * proposal.std[:, None] + proposal.mean[:, None]


@dataclass(frozen=True, kw_only=True)
class KnowsNoHurry(CEM):
    def search(self, evaluate, warm_start, generator):
        evaluate.out_of_time = lambda num_candidates=0: False
        return super().search(evaluate, warm_start, generator)


@dataclass(frozen=True, kw_only=True)
class KeepsNoRecord(CEM):
    def search(self, evaluate, warm_start, generator):
        evaluate.record = lambda best: None
        return super().search(evaluate, warm_start, generator)


@dataclass(frozen=True, kw_only=True)
class ForgetsTheBest(CEM):
    def search(self, evaluate, warm_start, generator):
        return super().search(evaluate, warm_start, generator)[:, -1:] * 0.5


@dataclass(frozen=True, kw_only=True)
class StartsCold(CEM):
    def search(self, evaluate, warm_start, generator):
        return super().search(evaluate, None, generator)


@dataclass(frozen=True, kw_only=True)
class LosesHope(CEM):
    def search(self, evaluate, warm_start, generator):
        actions = super().search(evaluate, warm_start, generator)
        return actions * torch.where(evaluate(actions).isfinite(), 1.0, torch.nan)[..., None, None]


@dataclass(frozen=True, kw_only=True)
class ClaimsTooMuch(CEM):
    def supports(self, action_space):
        return True


@dataclass(frozen=True, kw_only=True)
class WeighsChoices(RandomShooting):
    def search(self, evaluate, warm_start, generator):
        return super().search(evaluate, warm_start, generator).float()


@pytest.mark.parametrize(
    ("planner", "says"),
    [
        (LeavesBounds(**few), "within the bounds"),
        (DrawsFromTorch(**few), "global generator"),
        (NeverTheSame(**few), "one seed gives one plan"),
        (DrawsForEveryRow(**few), "row of a batch plans like the row alone"),
        (KnowsNoHurry(**few), "out_of_time"),
        (KeepsNoRecord(**few), "evaluate.record"),
        (ForgetsTheBest(**few), "returns the best that it has seen"),
        (StartsCold(**few), "no worse than the warm start"),
        (LosesHope(**few), "finite"),
        (ClaimsTooMuch(**few), r"what supports\(\) says"),
        (WeighsChoices(horizon=5), "discrete actions are integers"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AbstractPlanner) else "",
)
def test_a_broken_planner_is_told_which_promise_it_breaks(planner, says):
    with pytest.raises(ConformanceError, match=says) as caught:
        check_planner(planner)
    assert caught.value.component == type(planner).__name__


def test_a_planner_from_a_file_of_ones_own_passes(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(OWN_PLANNER)
    check_planner(load_class(f"{file}:SlowlyForward")(horizon=5))


def test_a_planner_that_misses_the_optimum_is_told_by_how_much():
    check_planner(GradientDescent(horizon=10), within=0.05)
    with pytest.raises(ConformanceError, match=r"within 5 % of the known optimum.\n  Seen: \d+\.\d % above"):
        check_planner(RandomShooting(horizon=10), within=0.05)


@dataclass(frozen=True, kw_only=True)
class Tidies(PathDistance):
    def energy(self, rollout, problem):
        rollout.actions[rollout.actions.abs() < 0.1] = 0
        return super().energy(rollout, problem)


@dataclass(frozen=True, kw_only=True)
class Compares(PathDistance):
    def energy(self, rollout, problem):
        energy = super().energy(rollout, problem)
        return energy - energy.mean(dim=0)


@dataclass(frozen=True, kw_only=True)
class SumsUp(PathDistance):
    def energy(self, rollout, problem):
        return super().energy(rollout, problem).sum(dim=1)


@dataclass(frozen=True, kw_only=True)
class HasNoSlopeAtTheGoal(AbstractCost):
    def energy(self, rollout, problem):
        return (rollout.latent - problem.goal.latent[:, None]).square().sum(dim=-1).sqrt()


@dataclass(frozen=True, kw_only=True)
class LovesSinglePrecision(PathDistance):
    def energy(self, rollout, problem):
        return super().energy(rollout, problem).float()


@dataclass(frozen=True, kw_only=True)
class LooksAtNumbers(PathDistance):
    def energy(self, rollout, problem):
        energy = super().energy(rollout, problem)
        return energy if energy.max().item() > 0 else energy * 0


@dataclass(frozen=True, kw_only=True)
class NeedsThePast(PathDistance):
    def energy(self, rollout, problem):
        if problem.previous_action is None:
            return rollout.actions.sum(dim=-1).log()
        return super().energy(rollout, problem)


@dataclass(frozen=True, kw_only=True)
class HoldsCode(PathDistance):
    curve: Any = field(default=torch.square)


@dataclass(kw_only=True)
class Changes(AbstractCost):
    def energy(self, rollout, problem):
        return rollout.latent.square().sum(dim=-1)


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        (Tidies(), "altered in place"),
        (Compares(), "row of a batch is judged like the row alone"),
        (SumsUp(), r"its energy is \[batch horizon\]"),
        (HasNoSlopeAtTheGoal(), "gradient is finite where everything is at the goal"),
        (LovesSinglePrecision(), "dtype comes from the rollout"),
        (LooksAtNumbers(), "captured by torch.compile"),
        (NeedsThePast(), "at the first step"),
        (HoldsCode(), "saved as JSON"),
        (Changes(), "frozen dataclass"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AbstractCost) else "",
)
def test_a_broken_cost_is_told_which_promise_it_breaks(cost, says):
    with pytest.raises(ConformanceError, match=says):
        check_cost(cost)


def test_a_class_that_cannot_be_found_again_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Inner(PathDistance):
        pass

    with pytest.raises(ConformanceError, match="top of a module or file"):
        check_cost(Inner())
