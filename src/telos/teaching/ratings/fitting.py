"""From answers to a critic, in a second or so."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.cost.critic import Critic, CriticConfig
from telos.agent.cost.step_features import GROUPS
from telos.core.errors import ConfigError
from telos.core.seeding import numpy_generator, torch_generator
from telos.core.spaces import ActionSpace
from telos.teaching.ratings.answers import CHOICES, Answer, Comparison, Score
from telos.teaching.ratings.clips import Clips, Place
from telos.teaching.ratings.posterior import Posterior, choose_spread, fit_posterior, spread_of

USUAL = (0.3, 0.03, 0.03, 1.0, 1.0, 1.0, 1.0)
"""Prior precision of each group of weights before anybody has answered: coarse waves bend more than fine ones, sizes more than waves."""
FEWEST = 4
"""Answers that anything is learned from."""
RIVALS = 6
"""Other scored clips that a scored clip is compared with."""


@dataclass(frozen=True)
class Lesson:
    """What a critic is fitted with: features of all clips that may be asked about."""

    critic: Critic
    """With its means and waves, and no opinion so far."""
    description: CriticConfig
    clips: Clips
    features: Float[Tensor, "clips size"]
    """Of each clip, the mean over its steps, less the usual clip's; float64."""
    unit: float
    """What features are divided by, so that the prior means the same for every model."""

    def index(self) -> dict[Place, int]:
        """Which row belongs to which clip."""
        return {place: row for row, place in enumerate(self.clips.places)}


def begin_lesson(clips: Clips, action: ActionSpace, *, seed: int = 0, source: str = "", num_members: int = 32, pessimism: float = 1.0) -> Lesson:
    """A critic without an opinion, for clips like these; all chance comes from `seed`."""
    description = CriticConfig.of(
        clips.beliefs.shape[-1], action, clip_steps=clips.steps, source=source, num_members=num_members, pessimism=pessimism
    )
    critic = description.build()
    with torch.no_grad():
        critic.features.settle(clips.beliefs, clips.actions, torch_generator(seed, "critic", "waves"))
        features = clip_features(critic, clips)
        usual = features.mean(dim=0)
        critic.usual.copy_(usual)
    centred = features - usual
    unit = float(centred.square().mean(dim=0).sum().sqrt())
    if not unit > 0:
        raise ConfigError("All clips look alike to the model: there is nothing to choose between.", fix="telos show RUN tells its health")
    return Lesson(critic, description, clips, centred / unit, unit)


def clip_features(critic: Critic, clips: Clips) -> Float[Tensor, "clips size"]:
    """The mean over the steps of each clip, in float64."""
    pieces = []
    for first in range(0, len(clips), 256):
        beliefs, actions = clips.beliefs[first : first + 256], clips.actions[first : first + 256]
        pieces.append(critic.features(beliefs[:, :-1], beliefs[:, 1:], actions).mean(dim=1).double())
    return torch.cat(pieces)


def comparisons(answers: Sequence[Answer], rows: dict[Place, int], *, seed: int = 0) -> tuple[list[tuple[int, int]], list[float]]:
    """Pairs of rows, and how often the first is preferred. A score is an order: scored clips are compared with some others each."""
    pairs, choices = [], []
    for answer in answers:
        if isinstance(answer, Comparison):
            pairs.append((rows[answer.left], rows[answer.right]))
            choices.append(CHOICES[answer.choice])
    scored = [answer for answer in answers if isinstance(answer, Score)]
    rng = numpy_generator(seed, "critic", "rivals")
    for number, answer in enumerate(scored[1:], start=1):
        # With those scored before it: what was learned of them stays as it was.
        for other in rng.choice(number, min(RIVALS // 2, number), replace=False):
            rival = scored[int(other)]
            pairs.append((rows[answer.clip], rows[rival.clip]))
            choices.append(0.5 if answer.score == rival.score else float(answer.score > rival.score))
    return pairs, choices


def fit_critic(
    lesson: Lesson, answers: Sequence[Answer], *, seed: int = 0, variances: tuple[float, ...] | None = None
) -> tuple[Critic, CriticConfig, tuple[float, ...]] | None:
    """A critic that agrees with the answers as far as they allow; None where there are fewer than four comparisons to learn from.

    How far weights may go is chosen by the evidence, which needs no held-out answers; regularised so, the fit is convex and needs no
    stopping early. The ensemble is drawn from the posterior: its members agree about what was asked, and differ about what was not.

    Args:
        answers: about clips of the lesson.
        seed: of the ensemble, and of which scored clips are compared.
        variances: prior variances of the groups of weights; None: those that make the answers likeliest.

    Returns:
        The critic, what describes it, and the prior variances.
    """
    pairs, choices = comparisons(answers, lesson.index(), seed=seed)
    if len(pairs) < FEWEST:
        return None
    posterior, variances = _fit(lesson, pairs, choices, variances)
    drawn = posterior.draw(lesson.description.num_members, torch_generator(seed, "critic", "ensemble"))
    description = CriticConfig(**{**vars(lesson.description), "num_answers": len(answers)})
    critic = description.build()
    critic.load_state_dict(lesson.critic.state_dict())
    scale = (lesson.features @ posterior.mean).std()
    with torch.no_grad():
        critic.weights.copy_(drawn / lesson.unit)
        # Where all clips are rated alike there is no deviation to measure in.
        critic.scale.copy_(scale if scale > 1e-3 else torch.ones(()))
    return critic.requires_grad_(False).eval(), description, variances


def _fit(
    lesson: Lesson, pairs: list[tuple[int, int]], choices: list[float], variances: tuple[float, ...] | None
) -> tuple[Posterior, tuple[float, ...]]:
    left, right = torch.tensor(pairs).T
    apart = lesson.features[left] - lesson.features[right]
    answered = torch.tensor(choices, dtype=torch.float64)
    usual = tuple(1 / precision for precision in USUAL)
    if variances is None:
        variances = choose_spread(apart, answered, GROUPS, usual)
    return fit_posterior(apart, answered, spread_of(GROUPS, variances)), variances
