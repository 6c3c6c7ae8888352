"""How real moves look by a critic's clock: what the veto has to let pass, and whether the clock is right."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.cost.time_to_go import RATE
from telos.core.levels import AbstractTimeToGo
from telos.core.seeding import numpy_generator
from telos.teaching.time_to_go.logged import LoggedLatents

NUM_MOVES = 10_000
SHARE = 0.98
"""Of the real moves, which the veto lets pass for nothing."""
AT_ONCE = 4096


@torch.no_grad()
def times_of_moves(critic: AbstractTimeToGo, logged: LoggedLatents, gap: int, *, seed: int = 0, num: int = NUM_MOVES) -> Float[Tensor, " moves"]:
    """What the critic says of moves that took `gap` steps."""
    rows, later = (torch.from_numpy(part) for part in logged.pairs(numpy_generator(seed, "moves", gap), num, gap))
    parts = zip(rows.split(AT_ONCE), later.split(AT_ONCE), strict=True)
    return torch.cat([critic(logged.latents[some], logged.latents[then]) for some, then in parts]).double().cpu()


def calibrate_slack(critic: AbstractTimeToGo, logged: LoggedLatents, gaps: tuple[int, ...], *, share: float = SHARE, seed: int = 0) -> float:
    """Steps by which real moves come out longer than `RATE` times what they took, but for a small share of those of every gap; 0 or more.

    Args:
        gaps: steps of the moves, such as half a plan and a whole one. Those that no episode is long enough for are left out.
    """
    fitting = [gap for gap in gaps if 1 <= gap <= logged.lengths.max(initial=0)]
    return max([0.0, *(float((times_of_moves(critic, logged, gap, seed=seed) - RATE * gap).quantile(share)) for gap in fitting)])


def clock(critic: AbstractTimeToGo, logged: LoggedLatents, gap: int, *, share: float = SHARE, seed: int = 0) -> float:
    """How fast the critic's clock runs on the fastest real moves of `gap` steps, those that lead farthest: 1 is right.

    Below 1 moves seem shorter than they can be: landmarks are so few that a step hardly leaves one's surroundings, and both sides of a thin
    wall may be one. Far above 1 they seem longer than they were: landmarks are so many that most moves between them were never seen.
    """
    return float(times_of_moves(critic, logged, gap, seed=seed).quantile(share)) / gap


def gaps_of(horizon: int) -> tuple[int, ...]:
    """Of a plan: half of it and all of it, and of a shorter one."""
    return tuple(sorted({max(1, horizon // 4), max(1, horizon // 2), horizon}))


def rank_correlation(critic: AbstractTimeToGo, logged: LoggedLatents, *, longest: int, seed: int = 0) -> float:
    """Spearman's, of what the critic says of pairs within an episode and the steps between them. A random walk returns, so it is never near 1."""
    from scipy.stats import spearmanr

    gaps = np.unique(np.linspace(1, min(longest, int(logged.lengths.max())), 12).astype(int))
    said = [times_of_moves(critic, logged, int(gap), seed=seed, num=500) for gap in gaps]
    return float(spearmanr(torch.cat(said).numpy(), np.repeat(gaps, 500)).statistic)
