"""Reads a page of the documentation, and does what it says: saves its files, runs its Python, types its commands."""

import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telos import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
FENCE = re.compile(r"^```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (?:(?P<slow>slow)|not run: (?P<reason>[^>]+)) -->\n\Z")
HURRY = re.compile(r"^\| `(?P<written>[^`]+)` \| `(?P<hurried>[^`]+)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced piece of a page."""

    page: Path
    line: int
    """Of its first line of text, counted from 1."""
    kind: str
    """`python`, `console`, ..."""
    title: str
    """Name of the file that it is to be saved as; empty if it is to be run."""
    text: str
    reason: str = ""
    """Why it is not run; empty if it is."""
    slow: bool = False
    """Whether it takes minutes; somebody in a hurry leaves it out."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced pieces of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        note = NOTE.search(text, 0, match.start())
        line = text.count("\n", 0, match.start("text")) + 1
        reason, slow = (note["reason"] or "", bool(note["slow"])) if note else ("", False)
        found.append(Block(page, line, match["kind"], match["title"] or "", match["text"], reason, slow))
    return found


def shortcuts() -> list[tuple[str, str]]:
    """What is written, and what somebody in a hurry takes instead: the table of the tutorial."""
    section = (DOCS / "tutorial.md").read_text(encoding="utf-8").partition("## In a hurry")[2].partition("\n## ")[0]
    return HURRY.findall(section)


def hurried(text: str) -> str:
    """`text` with all shortcuts."""
    for written, shorter in shortcuts():
        text = re.sub(re.escape(written) + r"(?!\w)", lambda _, shorter=shorter: shorter, text)
    return text


@dataclass
class Reader:
    """Somebody who follows pages in the working directory, one name space a page."""

    in_a_hurry: bool = True
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})

    def follow(self, page: Path) -> None:
        """Does everything that a page says, from top to bottom; the files of the shortcuts come first."""
        if self.in_a_hurry:
            for block in blocks(DOCS / "tutorial.md"):
                if block.title:
                    self.do(block)
        for block in blocks(page):
            if not block.reason and not (block.slow and self.in_a_hurry):
                self.do(block)

    def do(self, block: Block) -> None:
        """Does what one piece says."""
        text = hurried(block.text) if self.in_a_hurry else block.text
        if block.title:
            Path(block.title).write_text(text, encoding="utf-8")
        elif block.kind == "python":
            # The empty lines put the page's line numbers into tracebacks.
            exec(compile("\n" * (block.line - 1) + text, str(block.page), "exec"), self.names)
        elif block.kind == "console":
            for command in commands(text):
                code = carry_out(shlex.split(command))
                assert code == 0, f"{block.place}: '{command}' exits with {code}"


def commands(text: str) -> Iterator[str]:
    """What is typed after a `$`; a line that ends in a backslash goes on in the next."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            yield line.removeprefix("$ ")


def carry_out(words: list[str]) -> int:
    """One command; whatever is neither `telos` nor `python FILE` must be marked as not run."""
    match words:
        case ["telos", *arguments]:
            return cli.run(arguments)
        case ["python", file]:
            runpy.run_path(file, run_name="__main__")
            return 0
    raise AssertionError(f"the tests cannot run '{shlex.join(words)}'; put <!-- not run: reason --> above it")
