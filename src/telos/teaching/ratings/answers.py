"""What people said of clips, kept as lines that are only ever added to."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from telos.core.errors import ConfigError, DataError
from telos.teaching.ratings.clips import Place

Choice = Literal["left", "right", "equal"]
CHOICES: Mapping[str, float] = {"left": 1.0, "right": 0.0, "equal": 0.5}
"""How often left would be preferred."""
BEST_SCORE = 5
"""Scores go from 1 to this."""


@dataclass(frozen=True)
class Comparison:
    """One pair, and which of its clips is better."""

    left: Place
    right: Place
    choice: Choice
    check: bool = False
    """Whether it was drawn by chance, to see how good the critic is: it is not learned from while that is measured."""

    def to_json(self) -> dict[str, Any]:
        return {"kind": "pair", "left": self.left.to_json(), "right": self.right.to_json(), "answer": self.choice, "check": self.check}


@dataclass(frozen=True)
class Score:
    """One clip, and how good it is, from 1 to 5."""

    clip: Place
    score: int
    check: bool = False
    """As in a comparison."""

    def to_json(self) -> dict[str, Any]:
        return {"kind": "score", "clip": self.clip.to_json(), "score": self.score, "check": self.check}


Answer = Comparison | Score


@dataclass(frozen=True)
class Reading:
    """What a file of answers holds."""

    answers: tuple[Answer, ...] = ()
    """Those that count: what was taken back is left out."""
    damaged: tuple[int, ...] = ()
    """Lines, counted from 1, that are not what was written. A last line that a crash cut off is none: it was never finished."""


@dataclass(frozen=True)
class AnswerBook:
    """A file of answers. Each is one line, on the disk before `add` returns; taking one back is a line too."""

    path: Path
    clips: str
    """Which clips the answers are about (`digest_of`); answers about others are refused."""

    def add(self, answer: Answer) -> None:
        """Keeps an answer. Raises OSError if the disk does not take it."""
        self._append({**answer.to_json(), "clips": self.clips})

    def undo(self) -> Answer | None:
        """Takes the last answer back, and returns it; None if there is none."""
        answers = self.read().answers
        if not answers:
            return None
        # It names what it takes back: a damaged line before it, or another process, cannot make it hit a wrong one.
        self._append({"kind": "undo", "of": answers[-1].to_json(), "clips": self.clips})
        return answers[-1]

    def read(self) -> Reading:
        """All answers that count.

        Raises:
            ConfigError: they are about other clips than these.
            DataError: the file cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Reading()
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}.", fix="check its permissions") from error
        *lines, rest = content.split(b"\n")
        answers: list[Answer] = []
        damaged = []
        # A last line without an end counts if it is whole; if not, a crash cut it off before anybody was told that it was saved.
        lines += [rest] if _parse(rest) is not None else []
        for number, line in enumerate(lines, start=1):
            entry = _parse(line)
            if entry is None:
                # What a crash cut off stands before the line that the next process began; an empty line is no loss.
                damaged += [number] if line.strip() else []
                continue
            if entry["clips"] != self.clips:
                raise ConfigError(
                    f"{self.path} holds answers about other clips.", expected="the same logs and the same --steps", fix="choose another --name"
                )
            answer = entry["answer"]
            if entry["kind"] != "undo":
                answers.append(answer)
            elif answer in answers:
                del answers[len(answers) - 1 - answers[::-1].index(answer)]
        return Reading(tuple(answers), tuple(damaged))

    def _append(self, content: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(content, allow_nan=False).encode() + b"\n"
        # One write to a file opened for appending: lines of two processes do not mix.
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line
            if os.write(handle, line) != len(line):
                raise OSError(28, "the disk is full", str(self.path))
            os.fsync(handle)
        finally:
            os.close(handle)


def _parse(line: bytes) -> dict[str, Any] | None:
    """A line as it was written; None if it is damaged."""
    try:
        entry = json.loads(line)
        kind, clips = entry["kind"], entry["clips"]
        if not isinstance(clips, str):
            return None
        return {"kind": kind, "clips": clips, "answer": answer_from_json(entry["of"] if kind == "undo" else entry)}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def answer_from_json(entry: Mapping[str, Any]) -> Answer:
    """An answer as `to_json` wrote it. Raises ConfigError (a ValueError), KeyError or TypeError for what is none."""
    check = entry.get("check", False)
    if entry["kind"] == "pair" and entry["answer"] in CHOICES and isinstance(check, bool):
        return Comparison(_place(entry["left"]), _place(entry["right"]), cast(Choice, entry["answer"]), check)
    if entry["kind"] == "score" and type(entry["score"]) is int and 1 <= entry["score"] <= BEST_SCORE and isinstance(check, bool):
        return Score(_place(entry["clip"]), entry["score"], check)
    raise ConfigError("This is no answer.", expected=f"left, right or equal; or a score from 1 to {BEST_SCORE}")


def _place(value: Any) -> Place:
    episode, start = value
    if type(episode) is not int or type(start) is not int or min(episode, start) < 0:
        raise ConfigError(f"{value} names no clip.", expected="[episode, first frame]")
    return Place(episode, start)
