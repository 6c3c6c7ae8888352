"""From answers to a critic, in a second or so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

USUAL = (1.0, 0.1, 0.01, 2.0, 2.0, 2.0, 2.0)
"""Prior precision of each group of weights before anybody has answered: tastes are coarse functions of the place, first of all."""
FEWEST = 8
"""Comparisons from which on the prior is chosen by them."""
LEAST_SCALE = 1e-3
BEST = 0.95
"""Share of the clips that fall short of what costs nothing."""
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


@dataclass(frozen=True)
class Opinion:
    """What answers say, and what they leave open."""

    lesson: Lesson
    posterior: Posterior | None
    """None: nobody has answered."""
    variances: tuple[float, ...]
    """Prior variances of the groups of weights."""
    num_answers: int = 0

    def logits(self, num: int, *, seed: int = 0) -> Float[Tensor, "clips {num}"]:
        """What each of `num` critics that the answers allow thinks of each clip; differences are logits of "is better"."""
        return self.lesson.features @ self._draw(num, seed)

    def expected(self) -> Float[Tensor, " clips"]:
        """The likeliest rating of each clip, in the same unit."""
        return self.lesson.features @ self._mean()

    def critic(self, *, seed: int = 0) -> tuple[Critic, CriticConfig]:
        """The critic, its scale set by the clips of the lesson, and what describes it."""
        description = replace(self.lesson.description, num_answers=self.num_answers)
        critic = description.build()
        critic.load_state_dict(self.lesson.critic.state_dict())
        ratings = self.expected()
        # Where all clips are rated alike there is no deviation to measure in.
        scale = ratings.std().clamp_min(LEAST_SCALE)
        with torch.no_grad():
            critic.weights.copy_(self._draw(description.num_members, seed) / self.lesson.unit)
            critic.scale.copy_(scale)
            critic.best.copy_((ratings / scale).quantile(BEST))
        return critic.requires_grad_(False).eval(), description

    def _draw(self, num: int, seed: int) -> Tensor:
        generator = torch_generator(seed, "critic", "ensemble")
        if self.posterior is not None:
            return self.posterior.draw(num, generator)
        spread = spread_of(GROUPS, self.variances)
        return spread.sqrt()[:, None] * torch.randn(spread.shape[0], num, generator=generator, dtype=torch.float64)

    def _mean(self) -> Tensor:
        return spread_of(GROUPS, self.variances) * 0 if self.posterior is None else self.posterior.mean


def fit_critic(lesson: Lesson, answers: Sequence[Answer], *, seed: int = 0, variances: tuple[float, ...] | None = None) -> Opinion:
    """What the answers say of the clips.

    How far weights may go is chosen by the evidence, which needs no held-out answers; regularised so, the fit is convex and needs no
    stopping early. The ensemble is drawn from the posterior: its members agree about what was asked, and differ about what was not.

    Args:
        answers: about clips of the lesson.
        seed: of which scored clips are compared.
        variances: prior variances of the groups of weights; None: those that make the answers likeliest.
    """
    usual = tuple(1 / precision for precision in USUAL)
    pairs, choices = comparisons(answers, lesson.index(), seed=seed)
    if not pairs:
        return Opinion(lesson, None, usual, len(answers))
    left, right = torch.tensor(pairs).T
    apart, answered = lesson.features[left] - lesson.features[right], torch.tensor(choices, dtype=torch.float64)
    if variances is None:
        variances = choose_spread(apart, answered, GROUPS, usual) if len(pairs) >= FEWEST else usual
    return Opinion(lesson, fit_posterior(apart, answered, spread_of(GROUPS, variances)), variances, len(answers))
