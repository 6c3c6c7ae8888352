"""Writes the pages of the reference: `python tests/docs/reference_pages.py`. A test fails as long as they are out of date.

A package's page shows the modules in which the things that it exports are written, and in which their base classes are.
"""

import contextlib
import importlib
import inspect
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import telos
from telos import cli

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PACKAGES = {
    "data": ("telos.data", "telos.data.formats", "telos.data.importing", "telos.data.exporting"),
    "envs": ("telos.envs", "telos.envs.adapters"),
    "agent": (
        "telos.agent.actor",
        "telos.agent.cost",
        "telos.agent.critics",
        "telos.agent.guardrails",
        "telos.agent.levels",
        "telos.agent.memory",
        "telos.agent.perception",
        "telos.agent.perception.pretrained",
        "telos.agent.policies",
        "telos.agent.readouts",
        "telos.agent.surprise",
        "telos.agent.tasks",
        "telos.agent.top_down",
        "telos.agent.world_model",
    ),
    "training": ("telos.training", "telos.training.augmentations", "telos.training.objectives"),
    "recipes": ("telos.recipes",),
    "evaluation": (
        "telos.evaluation",
        "telos.evaluation.changes",
        "telos.evaluation.expectations",
        "telos.evaluation.offline",
        "telos.evaluation.report",
        "telos.evaluation.shifts",
        "telos.evaluation.trace",
    ),
    "serving": ("telos.serving",),
    "teaching": (
        "telos.teaching.calibration",
        "telos.teaching.disagreement",
        "telos.teaching.exploration",
        "telos.teaching.levels",
        "telos.teaching.memory",
        "telos.teaching.policy",
        "telos.teaching.practising",
        "telos.teaching.ratings",
        "telos.teaching.readouts",
        "telos.teaching.surprise",
        "telos.teaching.time_to_go",
    ),
    "testing": ("telos.testing",),
}
CORE = (
    "contracts",
    "types",
    "searching",
    "acting",
    "memory",
    "readouts",
    "guarding",
    "levels",
    "top_down",
    "regions",
    "tasks",
    "spaces",
    "world",
    "logs",
    "run",
    "errors",
    "config",
    "seeding",
)
"""All of these; the page of contracts first."""
MARK = "<!-- Written by tests/docs/reference_pages.py; do not edit. -->\n"
WIDE, NARROW = "1000", "129"
"""Columns of the terminal in which help is read: for the names of all verbs in one line, and for options, whose boxes never stand side by side
where there is no room for two of 65 columns."""


def pages() -> dict[str, str]:
    """The text of every page of the reference by the name of its file."""
    written = {f"{name}.md": _package_page(name, packages) for name, packages in PACKAGES.items()}
    core = [f"telos.core.{module}" for module in CORE]
    return {"telos.md": _telos_page(), "cli.md": _cli_page(), "core.md": _modules_page("core", core), **written}


def exports(package: str) -> dict[str, object]:
    """What a package offers, by name."""
    module = importlib.import_module(package)
    names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    found = {name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if callable(value) and str(getattr(value, "__module__", "")).startswith("telos.")}


def homes(value: object) -> list[str]:
    """The modules in which a class, its bases, or a function are written."""
    kinds = inspect.getmro(value) if isinstance(value, type) else (value,)
    return [kind.__module__ for kind in kinds if kind.__module__.startswith("telos.")]


def _package_page(name: str, packages: tuple[str, ...]) -> str:
    values = [value for package in (*packages, "telos") for value in exports(package).values()]
    modules = {module for value in values for module in homes(value) if module.startswith(f"telos.{name}.")}
    return _modules_page(name, sorted(modules))


def _modules_page(name: str, modules: list[str]) -> str:
    says = inspect.getdoc(importlib.import_module(f"telos.{name}"))
    return f"{MARK}\n# telos.{name}\n\n{says}\n\n" + "\n".join(f"::: {module}\n" for module in modules)


def _telos_page() -> str:
    lines = [MARK, "# telos", "", f"{inspect.getdoc(telos)}", "", "The names that most programs need; each is imported when it is first used.", ""]
    lines += ["| Name | What it is |", "|---|---|"]
    for name in telos.__all__:
        value = getattr(telos, name)
        says = (inspect.getdoc(value) or "").partition("\n")[0]
        lines.append(f"| [`telos.{name}`][{value.__module__}.{value.__qualname__}] | {says} |")
    return "\n".join(lines) + "\n"


def _cli_page() -> str:
    lines = [MARK, "# Command line", "", "What `telos VERB --help` says.", ""]
    lines += ["Exit codes: 0 all is well, 1 a property or bar is violated, 2 wrong usage or unusable input, 130 interrupted."]
    lines += ["With `--json`, the last line on standard output is one JSON object; progress and remarks go to standard error.", ""]
    for verb in verbs():
        lines += [f"## telos {verb}", "", *_verb(help_of(verb, NARROW)), ""]
    return "\n".join(lines)


def verbs(verb: str = "") -> list[str]:
    """All that can be typed after `telos`: `demo`, `data collect`, ..."""
    choices = re.search(r"\{([a-z,-]+)\}$", help_of(verb).partition("\n")[0])
    return [found for choice in choices[1].split(",") for found in verbs(f"{verb} {choice}".strip())] if choices else [verb]


def help_of(verb: str, columns: str = WIDE) -> str:
    """What `telos VERB --help` prints on a terminal that is so wide."""
    # With an encoding of its own, it always has the same boxes.
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with mock.patch.dict(os.environ, {"COLUMNS": columns, "NO_COLOR": "1"}), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli.run([*verb.split(), "--help"])
    printed.seek(0)
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.read())


def _verb(text: str) -> Iterator[str]:
    """What a verb does, and a table of what it takes."""
    yield text.split("\n\n")[1].strip()
    yield ""
    yield "| Option | Meaning | Default |"
    yield "|---|---|---|"
    for option, says in _options(text):
        match = re.fullmatch(r"(?P<meaning>.*?) ?\((?P<kind>required|default: (?P<default>.*))\)", says)
        assert match is not None, says
        default = "required" if match["kind"] == "required" else f"`{match['default']}`" if match["default"] not in ("", "None", "False") else ""
        yield f"| `{option}` | {match['meaning']} | {default} |"


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Every option with its sentence; the boxes that are drawn around them are taken away."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("│"):
            continue
        content = line.strip("│").rstrip()
        option, _, says = content.strip().partition("  ")
        if content.startswith("  ") and content.strip() and found:
            # What goes on from the line before: the whole sentence, or its rest.
            found[-1].append(content.strip())
        elif content.strip():
            found.append([option, says.strip()])
    for option, *says in found:
        if any(says) and not option.startswith("-h"):
            yield option.replace("{None}|", "").replace("|", "\\|"), " ".join(filter(None, says))


if __name__ == "__main__":
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
