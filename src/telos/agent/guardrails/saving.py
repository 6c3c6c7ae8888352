"""Guardrails in a file: what a run folder keeps of them."""

import json
from pathlib import Path
from typing import Any

from telos.core.config import from_json, to_json
from telos.core.errors import RunError, TelosError
from telos.core.guarding import Guardrail
from telos.core.run import atomic_file

FILE = "guardrails.json"
"""In the run folder."""
FORMAT = 1


def save_guardrails(path: Path, guardrails: tuple[Guardrail, ...]) -> None:
    """Writes them as JSON, the whole file or nothing.

    Raises:
        ConfigError: one holds a function that cannot be found again by a name.
    """
    content = json.dumps({"format": FORMAT, "guardrails": [to_json(guardrail) for guardrail in guardrails]}, indent=1)
    with atomic_file(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def load_guardrails(path: Path) -> tuple[Guardrail, ...]:
    """Reads back what `save_guardrails` wrote.

    Raises:
        RunError: the file is damaged, or was written by a newer Telos. A guardrail that cannot be read is never left out.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise RunError(f"The guardrails in {path} were written by a newer Telos.", fix="pip install --upgrade telos-jepa")
        found = tuple(from_json(part) for part in content["guardrails"])
    except RunError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.what if isinstance(error, TelosError) else error
        raise RunError(
            f"The guardrails in {path} cannot be read: {reason}", fix="restore the file, or calibrate again: telos calibrate RUN"
        ) from error
    if not all(isinstance(guardrail, Guardrail) for guardrail in found):
        raise RunError(f"{path} holds something else than guardrails.", fix="restore the file, or calibrate again: telos calibrate RUN")
    return found
