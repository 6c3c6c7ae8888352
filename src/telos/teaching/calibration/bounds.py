"""What a number of episodes proves: exact binomial tests, and how much is too little. No approximation anywhere."""

import math

from telos.core.errors import ConfigError


def binomial_cdf(count: int, total: int, share: float) -> float:
    """The probability of at most `count` among `total` where each happens with probability `share`."""
    if count >= total:
        return 1.0
    if count < 0 or share >= 1:
        return 0.0
    if share <= 0:
        return 1.0
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) + k * math.log(share) + (total - k) * math.log1p(-share)
        for k in range(count + 1)
    ]
    return min(1.0, math.fsum(map(math.exp, logs)))


def proves(violations: int, episodes: int, *, alpha: float, confidence: float) -> bool:
    """Whether so few violations would be rarer than 1 - confidence if the true share were above alpha."""
    return episodes > 0 and binomial_cdf(violations, episodes, alpha) <= 1 - confidence


def upper_bound(violations: int, episodes: int, *, confidence: float) -> float:
    """The least share that so few violations speak against. Source: Clopper & Pearson (1934), Biometrika 26; one-sided."""
    if violations >= episodes:
        return 1.0
    low, high = violations / episodes, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if binomial_cdf(violations, episodes, middle) <= 1 - confidence else (middle, high)
    return high


def most_violations(episodes: int, *, alpha: float, confidence: float) -> int:
    """The most violations with which so many episodes prove alpha; -1 if not even none would."""
    allowed = -1
    while allowed + 1 < episodes and proves(allowed + 1, episodes, alpha=alpha, confidence=confidence):
        allowed += 1
    return allowed


def episodes_needed(*, alpha: float, confidence: float) -> int:
    """The fewest episodes that prove alpha if none of them breaks the guardrail: 299 for 0.01 at 0.95."""
    needed = max(1, math.ceil(math.log(1 - confidence) / math.log1p(-alpha)))
    # The logarithms may be off by a hair.
    while needed > 1 and proves(0, needed - 1, alpha=alpha, confidence=confidence):
        needed -= 1
    while not proves(0, needed, alpha=alpha, confidence=confidence):
        needed += 1
    return needed


def check_enough(episodes: int, *, alpha: float, confidence: float) -> None:
    """Raises ConfigError if so many episodes cannot prove alpha, however clean they are; it says how many more are needed."""
    needed = episodes_needed(alpha=alpha, confidence=confidence)
    if episodes < needed:
        raise ConfigError(
            f"{episodes} episodes per margin cannot prove alpha = {alpha:g} at {100 * confidence:g} % confidence, not even if all are clean.",
            expected=f"{needed} or more: {needed - episodes} more",
            fix=f"--episodes {needed}, or a larger alpha",
        )


def conformal_rank(num: int, alpha: float) -> int:
    """Which of `num` errors, the smallest being 1, the next one exceeds with a probability of at most alpha; above `num`: none of them.

    Source: split conformal prediction, Vovk, Gammerman & Shafer (2005), "Algorithmic learning in a random world": the rank is
    that of the (n + 1)(1 - alpha)-th.
    """
    return math.ceil((num + 1) * (1 - alpha) - 1e-9)


def logs_needed(alpha: float) -> int:
    """The fewest episodes of which the largest error is a bound at alpha: 99 for 0.01."""
    return math.ceil((1 - alpha) / alpha - 1e-9)
