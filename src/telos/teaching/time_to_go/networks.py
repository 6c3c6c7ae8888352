"""Critics that are networks: which kind learns what."""

from typing import Any

import torch

from telos.agent.critics import PairNetworkConfig, QuasimetricConfig
from telos.core.levels import AbstractTimeToGo
from telos.core.seeding import derive_seed
from telos.teaching.time_to_go.fitting import Progress, learn
from telos.teaching.time_to_go.lessons import AbstractLesson, Expectile, FromTeacher, Hindsight, Stretch
from telos.teaching.time_to_go.logged import LoggedLatents

LONGEST_GAP = 100
"""Steps between two frames of one episode that are compared, at the most."""
NEAR = 12
"""Steps between two frames of the near pairs that a teacher is asked about: as far as a plan looks."""
FARTHEST = 4
"""Times the longest gap compared that any way may take, where the logs do not say how long the longest is."""


def teach_network(
    kind: str, teacher: AbstractTimeToGo | None, logged: LoggedLatents, *, steps: int, seed: int, progress: Progress | None, said: dict[str, Any]
) -> tuple[AbstractTimeToGo, PairNetworkConfig | QuasimetricConfig, float]:
    """The critic, its description, and the loss in the end; `said` goes to the description."""
    longest = min(LONGEST_GAP, int(logged.lengths.max()))
    make = QuasimetricConfig if kind == "quasimetric" else PairNetworkConfig
    description = make(latent_size=logged.latents.shape[1], **said)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "critic of time"))
        critic = description.build().to(logged.latents.device)
    loss = learn(critic, _lesson(kind, teacher, longest), logged, steps=steps, seed=seed, progress=progress)
    return critic, description, loss


def _lesson(kind: str, teacher: AbstractTimeToGo | None, longest: int) -> AbstractLesson:
    if teacher is not None:
        return FromTeacher(teacher=teacher, longest=min(NEAR, longest))
    if kind == "hindsight":
        return Hindsight(longest=longest)
    # A way may be longer than any gap that was compared; beyond this the answer stays as it is.
    cap = float(FARTHEST * LONGEST_GAP)
    return Expectile(longest=longest, cap=cap) if kind == "expectile" else Stretch(cap=cap / 2)
