"""Margins tested one after another, in an order that was decided before: whatever is accepted is valid, all of it at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from telos.evaluation.intervals import Rate
from telos.teaching.calibration.bounds import most_violations, proves, upper_bound


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was seen with one set of margins."""

    margins: Mapping[str, float]
    """By the guardrail's name."""
    violations: Mapping[str, int]
    """Episodes that broke it, by the true state."""
    episodes: int
    """That were played."""
    successes: int
    """Of these."""
    fallback_share: float
    """Share of the steps in which no plan was safe."""
    accepted: bool
    """Whether every guardrail's alpha is proved."""

    @property
    def success(self) -> Rate:
        return Rate(self.successes, self.episodes)

    def bound(self, name: str, confidence: float) -> float:
        """The least share of violations that is still possible."""
        return upper_bound(self.violations[name], self.episodes, confidence=confidence)


@dataclass(frozen=True)
class Seen:
    """Counts from some fresh episodes."""

    violations: Mapping[str, int]
    episodes: int
    successes: int
    fallback_steps: int = 0
    steps: int = 0

    def __add__(self, other: "Seen") -> "Seen":
        violations = {name: count + other.violations[name] for name, count in self.violations.items()}
        sums = (getattr(self, name) + getattr(other, name) for name in ("episodes", "successes", "fallback_steps", "steps"))
        return Seen(violations, *sums)


Player = Callable[[Mapping[str, float], int, int], Iterable[Seen]]
"""`(margins, number of the trial, episodes)`: fresh episodes of the agent with these margins, some at a time."""


def try_in_order(
    candidates: Sequence[Mapping[str, float]], play: Player, *, alphas: Mapping[str, float], confidence: float, episodes: int
) -> list[Trial]:
    """Tests margins from the first on, each on fresh episodes with itself switched on, and stops at the first that is not accepted.

    That a margin which breaks its alpha is accepted at all has a probability of at most 1 - confidence: it would have to be the first
    such one in the order, and for that one the test errs so rarely. So every accepted margin may be used, the one that serves
    best too. With several guardrails a set of margins is accepted only if each of them is: this needs no correction, since one
    invalid guardrail is enough for the test to err, and it errs so rarely about that one.

    Source: Angelopoulos, Bates, Candès, Jordan & Lei (2021), "Learn then Test", arXiv 2110.01052, on fixed-sequence testing.
    """
    most = {name: most_violations(episodes, alpha=alpha, confidence=confidence) for name, alpha in alphas.items()}
    trials: list[Trial] = []
    for number, margins in enumerate(candidates):
        seen = Seen(dict.fromkeys(alphas, 0), 0, 0)
        for some in play(margins, number, episodes):
            seen = seen + some
            # More violations than the test allows do not become fewer: to stop here can only reject.
            if any(count > most[name] for name, count in seen.violations.items()):
                break
        passed = seen.episodes >= episodes and all(
            proves(seen.violations[name], seen.episodes, alpha=alpha, confidence=confidence) for name, alpha in alphas.items()
        )
        trials.append(_trial(margins, seen, passed))
        if not passed:
            break
    return trials


def choose(trials: Sequence[Trial]) -> Trial | None:
    """The accepted trial to use: of those whose success is within one standard error of the best, the first, which has the widest margins.

    Source of the rule: Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees".
    """
    accepted = [trial for trial in trials if trial.accepted]
    if not accepted:
        return None
    best = max(trial.success.value for trial in accepted)
    num = accepted[0].episodes
    error = sqrt(max(best * (1 - best), 1 / num) / num)
    return next(trial for trial in accepted if trial.success.value >= best - error)


def _trial(margins: Mapping[str, float], seen: Seen, passed: bool) -> Trial:
    share = seen.fallback_steps / seen.steps if seen.steps else 0.0
    return Trial(
        margins=dict(margins),
        violations=dict(seen.violations),
        episodes=seen.episodes,
        successes=seen.successes,
        fallback_share=share,
        accepted=passed,
    )


def trial_to_json(trial: Trial, confidence: float) -> dict[str, Any]:
    """One JSON object."""
    low, high = trial.success.interval
    return {
        "margins": dict(trial.margins),
        "violations": dict(trial.violations),
        "bounds": {name: trial.bound(name, confidence) for name in trial.violations},
        "episodes": trial.episodes,
        "success": trial.success.value,
        "success_low": low,
        "success_high": high,
        "fallback_share": trial.fallback_share,
        "accepted": trial.accepted,
    }
