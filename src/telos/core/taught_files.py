"""Descriptions of what an agent was taught, as they lie on disk; readable without torch."""

import json
from pathlib import Path
from typing import Any

from telos.core.errors import RunError, RunVersionError
from telos.core.run import CHECKSUM, checksum_of

FORMAT_VERSION = 1
"""Raised whenever the layout of a description changes."""
DESCRIPTION, WEIGHTS = ".json", ".safetensors"
"""Suffixes of the two files."""
TEACH_AGAIN = "restore the file, or teach it again: the same command replaces both files"


def read_taught(path: Path) -> dict[str, Any]:
    """The description as it lies on disk: `description`, `world_model` and `weights`. Raises what `load_taught` raises for a damaged one."""
    file = with_suffix(path, DESCRIPTION)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror or error}.", fix=TEACH_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} is damaged: it is not valid JSON.", fix=TEACH_AGAIN) from error
    version = content.get("format") if isinstance(content, dict) else None
    if type(version) is int and version > FORMAT_VERSION:
        raise RunVersionError(f"{file} has format {version}, written by a newer Telos.", fix="pip install -U telos-jepa")
    if not isinstance(content, dict) or content.pop(CHECKSUM, None) != checksum_of(content):
        raise RunError(f"{file} is damaged: it was altered after it had been written.", fix=TEACH_AGAIN)
    if any(name not in content for name in ("description", "world_model", "weights")):
        raise RunError(f"{file} is damaged: it does not describe anything that was taught.", fix=TEACH_AGAIN)
    return content


def taught_in(folder: Path) -> list[Path]:
    """Paths without suffix of all that a folder holds, by name; none where there is no folder."""
    return [file.with_name(file.name.removesuffix(DESCRIPTION)) for file in sorted(folder.glob(f"*{DESCRIPTION}"))]


def with_suffix(path: Path, suffix: str) -> Path:
    """One of the two files of what is taught at `path`."""
    # Not `with_suffix`: a name may hold a full stop.
    return path.with_name(path.name + suffix)
