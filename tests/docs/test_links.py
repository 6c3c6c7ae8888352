"""Links lead somewhere, and code that the pages speak of is there."""

import re
from pathlib import Path

import pytest
import reference_pages
from pages import DOCS, FENCE, PAGES, ROOT

LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
CODE = re.compile(r"`(?P<file>(?:src/|tests/|benchmarks/)?[\w/.-]+\.py)`(?: · `(?P<name>[\w.]+)`)?")
FOLDER = re.compile(r"`(?P<folder>(?:src/telos/|training/|tests/)[\w/]+)`")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its fenced pieces."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    titles = (match["title"].lower() for match in HEADING.finditer(prose(page)))
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title)).strip("-") for title in titles}


def file_of(name: str) -> Path:
    """A file that a page names from the root of the project, or from `src/telos`."""
    return next((path for path in (ROOT / name, ROOT / "src/telos" / name) if path.is_file()), ROOT / name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings_that_are_there(page):
    for link in LINK.finditer(prose(page)):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.is_file(), f"{link[0]} leads nowhere"
        if link["anchor"]:
            assert link["anchor"] in anchors(target), f"{link[0]} leads to no heading"


def test_pages_of_the_site_link_to_nothing_outside_of_it():
    for page in DOCS.rglob("*.md"):
        for link in LINK.finditer(prose(page)):
            assert not link["path"] or DOCS in (page.parent / link["path"]).resolve().parents, f"{page}: {link[0]}"


def test_every_page_is_in_the_menu():
    menu = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    missing = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if f'"{page.relative_to(DOCS)}"' not in menu]
    assert not missing


def test_code_that_the_pages_name_is_where_they_say():
    named = [(page, match) for page in PAGES for match in CODE.finditer(prose(page)) if "/" in match["file"]]
    assert len(named) > 20
    for page, match in named:
        if match["file"].startswith("path/to/"):
            continue
        file = file_of(match["file"])
        assert file.is_file(), f"{page.name}: there is no {match['file']}"
        for part in (match["name"] or "").split("."):
            assert part in file.read_text(encoding="utf-8"), f"{page.name}: {match['file']} has no {match['name']}"
    for page in PAGES:
        for match in FOLDER.finditer(prose(page)):
            assert any((root / match["folder"]).exists() for root in (ROOT, ROOT / "src/telos")), f"{page.name}: {match['folder']}"


def test_the_drawing_of_the_walk_names_code_that_is_there():
    drawing = (DOCS / "images/walk.svg").read_text(encoding="utf-8")
    stations = re.findall(r'<text class="code"[^>]*>([\w/]+\.py)</text><text class="code"[^>]*>([\w.]+)</text>', drawing)
    assert len(stations) == 10
    for name, function in stations:
        (file,) = [path for path in (ROOT / "src/telos").rglob(Path(name).name) if str(path).endswith(f"/{name}")]
        assert all(part in file.read_text(encoding="utf-8") for part in function.split(".")), f"{name} has no {function}"


@pytest.mark.parametrize("name", reference_pages.pages())
def test_the_reference_is_up_to_date(name):
    written = (reference_pages.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference_pages.pages()[name], "run: python tests/docs/reference_pages.py"


def test_the_site_asks_nobody_for_anything():
    settings = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert "font = false" in settings and "http" not in settings
    for file in DOCS.rglob("*"):
        if file.suffix in (".css", ".js", ".svg"):
            assert "http" not in file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', ""), file
