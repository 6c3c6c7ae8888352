"""Somebody rates: what is asked, what was answered, and a critic that is fitted anew in the background."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.seeding import numpy_generator
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.data.base import AbstractEpisodes
from telos.evaluation.intervals import Rate
from telos.teaching.ratings.answers import Answer, AnswerBook, Comparison, Reading, Score
from telos.teaching.ratings.choosing import DRAWS, random_pair, telling_pair
from telos.teaching.ratings.clips import Place, digest_of, draw_places, read_clips
from telos.teaching.ratings.fitting import Opinion, begin_lesson, fit_critic

CHECK_EVERY = 6
"""Every so many questions one is drawn by chance, and kept out of the fit that it checks."""
LEAST = 8
"""Answers from which on a critic is kept."""
Mode = Literal["pairs", "scores"]


@dataclass(frozen=True)
class Question:
    """What to ask next."""

    clips: tuple[Place, ...]
    """Two to compare, or one to score."""
    check: bool
    """Whether the answer checks the critic."""

    def to_json(self) -> dict[str, Any]:
        return {"clips": [clip.to_json() for clip in self.clips], "check": self.check}


class RatingSession:
    """One taste that is being taught. Everything that was answered is on the disk; the rest is worked out anew after a crash.

    Args:
        folder: of the answers, RUN/ratings/NAME.
        critic_path: where the critic goes, without a suffix: RUN/critics/NAME.
        world_model: whose beliefs are learned on.
        logs: what clips are cut from.
        steps: of a clip.
        num_clips: clips that may be asked about.
        mode: `pairs` or `scores`.
        source: `logs` or `agent`, for the critic's description.
        pessimism: of the critic that is kept.
        seed: of all chance.

    Raises:
        DataError: the logs are too short for such clips.
        ConfigError: there are answers about other clips.
    """

    def __init__(
        self,
        *,
        folder: Path,
        critic_path: Path,
        world_model: AbstractWorldModel,
        logs: AbstractEpisodes,
        steps: int = 12,
        num_clips: int = 2000,
        mode: Mode = "pairs",
        source: str = "logs",
        pessimism: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.logs, self.steps, self.mode, self.seed = logs, steps, mode, seed
        self.book = AnswerBook(folder / "answers.jsonl", digest_of(logs, steps))
        self._critic_path, self._tie = critic_path, fingerprint(world_model)
        answered = {place for answer in self.book.read().answers for place in places_of(answer)}
        drawn = draw_places(logs, numpy_generator(seed, "ratings", "clips"), num_clips, steps)
        # What was answered about stays in, whatever is drawn this time.
        clips = read_clips(world_model, logs, tuple(sorted({*drawn, *answered})), steps)
        self._lesson = begin_lesson(clips, world_model.spaces.action, seed=seed, source=source, pessimism=pessimism)
        self._rows = self._lesson.index()
        self._lock = threading.Lock()
        self._opinion: Opinion = fit_critic(self._lesson, [])
        self._fitted: tuple[Answer, ...] | None = None

    def read(self) -> Reading:
        """All answers so far."""
        return self.book.read()

    def question(self) -> Question:
        """What to ask next; the same again until it is answered or a fit has taught something new."""
        answers = self.read().answers
        check = len(answers) % CHECK_EVERY == CHECK_EVERY - 1
        rng = numpy_generator(self.seed, "ratings", "question", len(answers))
        with self._lock:
            opinion = self._opinion
        if self.mode == "scores":
            return Question((self._clip_to_score(answers, opinion, rng, check),), check)
        asked = [(self._rows[answer.left], self._rows[answer.right]) for answer in answers if isinstance(answer, Comparison)]
        if check:
            pair = random_pair(rng, len(self._rows), asked)
        else:
            pair = telling_pair(opinion.logits(DRAWS, seed=self.seed), rng, asked)
        clips = self._lesson.clips.places
        return Question((clips[pair[0]], clips[pair[1]]), check)

    def answer(self, answer: Answer) -> None:
        """Keeps an answer; it is on the disk when this returns. Raises ConfigError for clips that are not asked about here."""
        for place in places_of(answer):
            if place not in self._rows:
                raise ConfigError(f"Nobody asked about the clip {place.to_json()}.", expected="clips of the question")
        with self._lock:
            self.book.add(answer)

    def undo(self) -> bool:
        """Takes the last answer back; False if there is none."""
        with self._lock:
            return self.book.undo() is not None

    def fit(self) -> bool:
        """Fits anew if there are new answers, and keeps the critic; False if there was nothing to do."""
        answers = self.read().answers
        if answers == self._fitted:
            return False
        known = [answer for answer in answers if answer in self._known(answers)]
        opinion = fit_critic(self._lesson, known, seed=self.seed)
        with self._lock:
            self._opinion = opinion
        if len(answers) >= LEAST:
            # What people get learns from the checks too; how good it is was measured without them.
            final = fit_critic(self._lesson, answers, seed=self.seed, variances=opinion.variances)
            critic, description = final.critic(seed=self.seed)
            save_taught(self._critic_path, description, critic, tie=self._tie)
        self._fitted = answers
        return True

    def agreement(self) -> Rate:
        """How often the critic, taught without them, foresaw the answers to pairs drawn by chance; `equal` ones are left out."""
        with self._lock:
            expected = self._opinion.expected()
        checks = [answer for answer in self.read().answers if answer.check]
        told = []
        for answer in checks:
            if isinstance(answer, Comparison) and answer.choice != "equal":
                apart = float(expected[self._rows[answer.left]] - expected[self._rows[answer.right]])
                told.append((apart > 0) == (answer.choice == "left"))
        scored = [answer for answer in checks if isinstance(answer, Score)]
        for number, one in enumerate(scored):
            for other in scored[:number]:
                if one.score != other.score:
                    apart = float(expected[self._rows[one.clip]] - expected[self._rows[other.clip]])
                    told.append((apart > 0) == (one.score > other.score))
        return Rate(sum(told), len(told))

    def status(self) -> Mapping[str, Any]:
        """Where things stand, for people."""
        reading, agreement = self.read(), self.agreement()
        low, high = agreement.interval
        return {
            "answers": len(reading.answers),
            "damaged": list(reading.damaged),
            "agreement": agreement.value if agreement.total else None,
            "agreement_low": low,
            "agreement_high": high,
            "checks": agreement.total,
            "fitted": 0 if self._fitted is None else len(self._fitted),
        }

    def pressure(self) -> list[dict[str, float]]:
        """Held-out answers against how sure the critic was: where it claims much and is not confirmed, it is over-optimised."""
        expected = self._opinion.expected()
        rows = []
        for answer in self.read().answers:
            if answer.check and isinstance(answer, Comparison) and answer.choice != "equal":
                apart = float(expected[self._rows[answer.left]] - expected[self._rows[answer.right]])
                rows.append((float(torch.tensor(abs(apart)).sigmoid()), (apart > 0) == (answer.choice == "left")))
        rows.sort()
        thirds = [part for part in np.array_split(np.array(rows, dtype=float), 3) if len(part)] if rows else []
        return [{"claimed": float(part[:, 0].mean()), "confirmed": float(part[:, 1].mean()), "answers": len(part)} for part in thirds]

    def _known(self, answers: tuple[Answer, ...]) -> set[Answer]:
        return {answer for answer in answers if not answer.check}

    def _clip_to_score(self, answers: tuple[Answer, ...], opinion: Opinion, rng: np.random.Generator, check: bool) -> Place:
        scored = {answer.clip for answer in answers if isinstance(answer, Score)}
        places = self._lesson.clips.places
        fresh = [row for row, place in enumerate(places) if place not in scored] or list(range(len(places)))
        if check:
            return places[int(rng.choice(fresh))]
        doubt = opinion.logits(DRAWS, seed=self.seed)[fresh].std(dim=1)
        return places[fresh[int(doubt.argmax())]]


class BackgroundFit:
    """Fits in a thread of its own whenever there is something new."""

    def __init__(self, session: RatingSession) -> None:
        self._session = session
        self._wake = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._work, name="critic", daemon=True)

    def __enter__(self) -> "BackgroundFit":
        self._thread.start()
        self._wake.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._wake.set()
        self._thread.join()
        self._session.fit()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def _work(self) -> None:
        while not self._stop:
            self._wake.wait()
            self._wake.clear()
            if not self._stop:
                self._session.fit()


def places_of(answer: Answer) -> tuple[Place, ...]:
    """The clips that an answer is about."""
    return (answer.left, answer.right) if isinstance(answer, Comparison) else (answer.clip,)
