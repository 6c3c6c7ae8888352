"""One page that needs nothing but itself: one column, light and dark, fit to be printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

NO_BREAK = "\u00a0%"
"""A percent sign that stays with its number."""
STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, a sentence that says what to see, the picture, and what else there is to know."""

    title: str
    says: str
    """HTML: what to see."""
    body: str
    """HTML: the picture or table."""
    note: str = ""
    """HTML: small print."""

    def html(self) -> str:
        note = f'<p class="note">{self.note}</p>' if self.note else ""
        heading = f"<h2>{escape(self.title)}</h2>" if self.title else ""
        return f"<section>{heading}<p>{self.says}</p>{self.body}{note}</section>"


def page(*, title: str, lead: Sequence[str], sections: Sequence[Section], footer: str) -> str:
    """The whole page as HTML; `lead` are paragraphs under the title."""
    paragraphs = "".join(f'<p class="lead">{text}</p>' for text in lead).replace(" %", NO_BREAK)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
            f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>",
            f"<body><main><header><h1>{escape(title)}</h1>{paragraphs}</header>",
            *(section.html().replace(" %", NO_BREAK) for section in sections),
            f"<footer>{footer}</footer></main></body></html>",
        )
    )
