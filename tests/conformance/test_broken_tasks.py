"""Tasks about quantities that break a promise are told which."""

from dataclasses import dataclass, replace

import pytest
import torch

from telos.agent.tasks import ReachValue
from telos.testing import ConformanceError, check_task, true_knowledge


@dataclass(frozen=True)
class LooksAtOthers(ReachValue):
    """Its energy is the mean over the batch."""

    def energy(self, progress, along, readings):
        energy = super().energy(progress, along, readings)
        return energy.mean(dim=0, keepdim=True).expand_as(energy)


@dataclass(frozen=True)
class ChangesItsMind(ReachValue):
    """Is through at every other step."""

    def fulfilled(self, progress):
        return progress.time % 2 == 0


@dataclass(frozen=True)
class CountsEpisodes(ReachValue):
    """Its progress depends on who else is there."""

    def step(self, progress, numbers):
        after = super().step(progress, numbers)
        return replace(after, nearest=torch.full_like(after.nearest, float(len(after.nearest))))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (LooksAtOthers, "judged like the row alone"),
        (ChangesItsMind, "who is through stays through"),
        (CountsEpisodes, "goes on as it would in company"),
    ],
)
def test_a_broken_task_is_told_which_promise_of_numbers_it_breaks(kind, says):
    with pytest.raises(ConformanceError, match=says):
        check_task(kind("position", (0.5, 0.5)), true_knowledge())
