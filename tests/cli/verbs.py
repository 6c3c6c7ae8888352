"""Runs verbs as the shell would, within this process."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from telos.cli import run


@dataclass(frozen=True)
class Answer:
    """What a verb said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line of standard output; no NaN in it."""

        def refuse(name: str):
            raise AssertionError(f"{name} is no JSON")

        value = json.loads(self.out.splitlines()[-1], parse_constant=refuse)
        assert isinstance(value, dict)
        return value


def telos(*arguments: Any) -> Answer:
    """`telos ARGUMENTS`; an exception that the command line lets through fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
    return Answer(code, out.getvalue(), err.getvalue())


def fine(*arguments: Any) -> Answer:
    """A verb that has to go well."""
    answer = telos(*arguments)
    assert answer.code == 0, answer.err
    return answer


def refusal(*arguments: Any) -> str:
    """The one sentence with which a verb has to refuse, with what was expected and the fix after it."""
    answer = telos(*arguments)
    assert answer.code == 2, (answer.code, answer.out, answer.err)
    assert answer.out == ""
    assert answer.err.startswith("error: ") and answer.err.count("error: ") == 1
    assert "Traceback" not in answer.err
    lines = answer.err.removeprefix("error: ").splitlines()
    assert all(line.startswith(("  Expected: ", "  Fix: ")) for line in lines[1:]), answer.err
    assert lines[0].endswith(".")
    return "\n".join(lines)
