"""The checks of policies and arbiters find what is wrong, and say it; what ships with Telos passes them."""

import inspect

import pytest
import torch

from telos.agent import policies
from telos.agent.cost import PathDistance
from telos.core.acting import AbstractArbiter, AbstractPolicy
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.core.types import Choice
from telos.testing import ConformanceError, TruePointMass, check_arbiter, check_policy

MODEL = TruePointMass()


class Sound(AbstractPolicy):
    """Pushes towards the goal."""

    def knows(self, problem):
        return problem.goal is not None

    def act(self, problem, generator=None, num=1):
        push = problem.goal.latent - problem.state.latent
        noise = 0.0 if generator is None else torch.randn(num, 2, generator=generator).repeat(len(push) // num, 1)
        return (push + noise).clamp(-1, 1)


class LeavesBounds(Sound):
    def act(self, problem, generator=None, num=1):
        return super().act(problem, generator, num) * 2.5


class DrawsFromTorch(Sound):
    def act(self, problem, generator=None, num=1):
        drawn = super().act(problem, generator, num)
        return drawn if generator is None else (drawn + 0.1 * torch.randn(2)).clamp(-1, 1)


class DrawsForEachRow(Sound):
    def act(self, problem, generator=None, num=1):
        push = super().act(problem)
        return push if generator is None else (push + torch.randn(push.shape, generator=generator)).clamp(-1, 1)


class LooksAtTheOthers(Sound):
    def act(self, problem, generator=None, num=1):
        push = super().act(problem, generator, num)
        return (push - push.mean(dim=0)).clamp(-1, 1) if len(push) else push


class Alters(Sound):
    def act(self, problem, generator=None, num=1):
        problem.state.latent.add_(0.01)
        return super().act(problem, generator, num)


class KnowsNothing(Sound):
    def knows(self, problem):
        return False


BROKEN = {
    LeavesBounds: "within the bounds",
    DrawsFromTorch: "from the generator",
    DrawsForEachRow: "alike alone and in company",
    LooksAtTheOthers: "acts like the row alone",
    Alters: "not altered",
    KnowsNothing: "knows goals",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_policy_is_told_what_it_breaks(kind):
    with pytest.raises(ConformanceError, match=BROKEN[kind]):
        check_policy(kind())


def test_a_sound_policy_passes():
    check_policy(Sound())


class Fair(AbstractArbiter):
    """Plans where reacting costs more than 1, and where it is refused."""

    def decide(self, prospect):
        planned = ~(prospect.reaction.energy <= 1.0)
        planned = planned if prospect.refused is None else planned | prospect.refused
        return Choice(planned=planned, reason=planned.long(), reasons=("cheap", "dear"))


class Careless(Fair):
    def decide(self, prospect):
        planned = ~(prospect.reaction.energy <= 1.0)
        return Choice(planned=planned, reason=planned.long(), reasons=("cheap", "dear"))


class TrustsWhatIsNoNumber(Fair):
    def decide(self, prospect):
        planned = prospect.reaction.energy > 0.1
        planned = planned if prospect.refused is None else planned | prospect.refused
        return Choice(planned=planned, reason=planned.long(), reasons=("cheap", "dear"))


class Speechless(Fair):
    def decide(self, prospect):
        planned = super().decide(prospect).planned
        return Choice(planned=planned, reason=planned.long() + 1, reasons=("cheap",))


class ByTheMean(Fair):
    def decide(self, prospect):
        planned = super().decide(prospect).planned | (prospect.reaction.energy >= prospect.reaction.energy.mean())
        return Choice(planned=planned, reason=planned.long(), reasons=("cheap", "dear"))


@pytest.mark.parametrize(
    ("kind", "promise"),
    [(Careless, "refuses"), (TrustsWhatIsNoNumber, "not a number"), (Speechless, "reason"), (ByTheMean, "alone and in company")],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_a_broken_arbiter_is_told_what_it_breaks(kind, promise):
    check_arbiter(Fair(), MODEL, Sound(), PathDistance(), 5)
    with pytest.raises(ConformanceError, match=promise):
        check_arbiter(kind(), MODEL, Sound(), PathDistance(), 5)


def test_every_policy_and_arbiter_that_is_exported_keeps_its_promises():
    kinds = {value for value in vars(policies).values() if inspect.isclass(value) and issubclass(value, (AbstractPolicy, AbstractArbiter))}
    assert kinds == {policies.GoalPolicy, policies.CalibratedArbiter}
    for space in (VectorSpace(2, (-1, -1), (1, 1)), DiscreteSpace(5)):
        model = TruePointMass(action=space)
        policy = policies.GoalPolicyConfig(belief_size=4, latent_size=2, action=space, width=16).build().eval()
        check_policy(policy, model)
        config = policies.ArbiterConfig(belief_size=4, latent_size=2, horizon=5, cost=PathDistance(), tolerance=0.1)
        check_arbiter(config.build().eval(), model, policy, PathDistance(), 5)
