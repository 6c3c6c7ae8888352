"""Every error a user can meet, each one sentence long: what is wrong, what was expected, what to type."""

import difflib
from collections.abc import Iterable


class TelosError(ValueError):
    """A mistake that its reader can mend. The command line prints it without a traceback and exits with 2.

    Args:
        what: What is wrong, naming the thing.
        expected: What should have been there instead.
        fix: What to type to mend it.
    """

    def __init__(self, what: str, *, expected: str = "", fix: str = "") -> None:
        self.what, self.expected, self.fix = what, expected, fix
        lines = [what, expected and f"Expected: {expected}", fix and f"Fix: {fix}"]
        super().__init__("\n  ".join(line for line in lines if line))

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.expected, self.fix)


def _rebuild(kind: type[TelosError], what: str, expected: str, fix: str) -> TelosError:
    return kind(what, expected=expected, fix=fix)


class SpaceError(TelosError):
    """An observation or action that does not fit the space it is meant for."""


class DataError(TelosError):
    """Logs that cannot be used as they are."""


class DamagedStoreError(DataError):
    """A file of a store that is missing, cut or altered."""


class MissingColumnError(DataError):
    """A column that the logs do not have."""


class EpisodeTooShortError(DataError):
    """No episode is long enough for the window that was asked for."""


class RunError(TelosError):
    """A run folder that cannot be used as it is."""


class RunVersionError(RunError):
    """A run folder written by a newer Telos."""


class CollapseError(RunError):
    """Training was stopped because the latents carry no information any more."""


class ConfigError(TelosError):
    """A setting out of range, or one that contradicts another."""


class GuardrailError(ConfigError):
    """A guardrail that cannot be kept as things are, or that somebody has tampered with."""


class MissingExtraError(TelosError):
    """An optional dependency that is not installed."""

    @classmethod
    def of(cls, package: str, *, extra: str, purpose: str) -> "MissingExtraError":
        return cls(f"{purpose} needs the package '{package}', which is not installed.", fix=f"pip install 'telos-jepa[{extra}]'")


class UnknownNameError(TelosError):
    """A name that stands for nothing; answers with the closest one that does."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownNameError":
        known = sorted(known)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return cls(
            f"There is no {kind} called '{name}'.",
            expected="one of " + ", ".join(known),
            fix=f"did you mean '{close[0]}'?" if close else "",
        )
