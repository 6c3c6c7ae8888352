"""What the README and the documentation show is what happens."""

import runpy
import shutil
import sys
from pathlib import Path

import pages
import pytest
from pages import DOCS, PAGES, ROOT, Reader

from telos.core.config import load_class
from telos.testing import check_cost, check_objective, check_planner, check_world

TUTORIAL = DOCS / "tutorial.md"
PROVEN = DOCS / "tutorial-guardrails.md"
"""Proves something of the tutorial's model, which therefore has to be trained in full."""
LONG = (
    ROOT / "README.md",
    TUTORIAL,
    PROVEN,
    *(DOCS / "how-to" / f"{name}.md" for name in ("own-cost", "pretrained-encoder", "visual-shift", "far-goals")),
    *(DOCS / f"tutorial-{name}.md" for name in ("unknown", "fast-and-slow", "surprise", "new-york-to-beijing")),
)
"""Pages with something that takes minutes as it stands."""
WIDEST = 94
"""Characters of a line of code that are seen without scrolling, give or take."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def runnable(page: Path) -> bool:
    return any(block.title or block.kind in ("python", "console") for block in pages.blocks(page))


@pytest.fixture(scope="session")
def finished_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody in a hurry has followed the tutorial; the pages that follow it start from there."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        Reader().follow(TUTORIAL)
    return folder


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Works in `folder`, as a user does in a Python started there."""
    patch.chdir(folder)
    patch.syspath_prepend(str(folder))
    patch.setenv("MPLBACKEND", "Agg")


def record_somebody_elses_logs() -> None:
    """The HDF5 file of the page on imports, which the README takes for granted."""
    (recorder,) = [block for block in pages.blocks(DOCS / "how-to/import-your-logs.md") if block.title == "record.py"]
    Reader().do(recorder)
    runpy.run_path(recorder.title, run_name="__main__")


def test_the_tutorial_can_be_followed_in_a_hurry(finished_tutorial):
    assert (finished_tutorial / "runs/two-rooms/model.safetensors").is_file()


def test_the_readme_can_be_followed_in_a_hurry(tmp_path, monkeypatch, capsys):
    enter(tmp_path, monkeypatch)
    record_somebody_elses_logs()
    Reader().follow(ROOT / "README.md")
    assert "<video" in Path("runs/my-robot/report.html").read_text(encoding="utf-8")
    assert "left to go" in capsys.readouterr().out


@pytest.mark.parametrize("page", [page for page in PAGES if page not in LONG[:2] and runnable(page)], ids=name_of)
def test_a_page_can_be_followed_after_the_tutorial(page, finished_tutorial, tmp_path, monkeypatch):
    folder = shutil.copytree(finished_tutorial, tmp_path / "work")
    enter(folder, monkeypatch)
    Reader().follow(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", LONG, ids=name_of)
def test_a_long_page_can_be_followed_as_it_stands(page, tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    record_somebody_elses_logs()
    if page not in LONG[:2]:
        Reader(in_a_hurry=page != PROVEN).follow(TUTORIAL)
    Reader(in_a_hurry=False).follow(page)


@pytest.mark.slow
def test_the_filmstrip_can_be_drawn_again(finished_tutorial, monkeypatch):
    enter(finished_tutorial, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["filmstrip.py", "runs/two-rooms", "filmstrip.png"])
    runpy.run_path(str(ROOT / "benchmarks/filmstrip.py"), run_name="__main__")
    assert (finished_tutorial / "filmstrip.png").stat().st_size > 10_000


def test_the_program_of_the_readme_has_15_lines_at_most():
    (program,) = [block for block in pages.blocks(ROOT / "README.md") if block.kind == "python"]
    assert len(program.text.splitlines()) <= 15
    imports = [block for block in pages.blocks(ROOT / "README.md") if "telos data import" in block.text]
    assert len(imports) == 1 and len(imports[0].text.splitlines()) <= 12
    for word in ("Episodes.open", "train(", "load_agent", "ReachGoal", "make_env", ".act(", "env.step("):
        assert word in program.text


def test_whatever_is_not_run_says_why():
    skipped = [block for page in PAGES for block in pages.blocks(page) if block.reason]
    assert all(block.kind == "console" for block in skipped), "Python is always run"
    assert all(block.page.name == "train-on-many-devices.md" for block in skipped), [block.place for block in skipped]


def test_every_fence_is_found_by_the_reader():
    for page in PAGES:
        fences = sum(line.lstrip().startswith("```") for line in page.read_text(encoding="utf-8").splitlines())
        assert fences == 2 * len(pages.blocks(page)), f"{name_of(page)} has a fence that is indented, unclosed, or of another form"


def test_every_shortcut_of_the_table_is_used():
    shown = "".join(block.text for page in PAGES for block in pages.blocks(page))
    table = pages.shortcuts()
    assert len(table) >= 3
    for written, _ in table:
        assert written in shown, written


def test_code_fits_the_column():
    for page in PAGES:
        for block in pages.blocks(page):
            wide = [line for line in block.text.splitlines() if len(line) > WIDEST]
            assert not wide, f"{block.place}: {wide[0]}"


@pytest.mark.parametrize(
    ("page", "component", "check"),
    [
        ("own-planner.md", "hill.py:HillClimbing", check_planner),
        ("own-planner.md", "coordinates.py:CoordinateSearch", check_planner),
        ("own-environment.md", "arm.py:PlanarArm", check_world),
        ("own-cost.md", "late.py:Lateness", check_cost),
        ("own-recipe.md", "sparse.py:Sparsity", check_objective),
    ],
)
def test_a_component_of_one_file_keeps_its_promises_under_the_name_that_is_typed(page, component, check, tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    files = [block for block in pages.blocks(DOCS / "how-to" / page) if block.title == component.partition(":")[0]]
    for block in files:
        Reader().do(block)
    assert len(files) == 1, "one file"
    check(load_class(component)())
