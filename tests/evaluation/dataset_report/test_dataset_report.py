import re
from html import escape

import numpy as np
import pytest
from flawed_logs import CAMERA, NUMBERS, wander
from outline import Outline

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, VectorSpace
from telos.data import Episodes, EpisodeWriter
from telos.data.survey.survey import survey_store
from telos.evaluation.dataset_report import write_dataset_report


def jumpy_and_dark(index, episode):
    if index == 11 and "camera" not in episode:
        episode["places"][12:] = -np.sign(episode["places"][11]) * 5
    if index == 17 and "camera" in episode:
        episode["camera"] = np.zeros_like(episode["camera"])


def written(path) -> str:
    return write_dataset_report(survey_store(path), Episodes.open(path), path.with_name("page.html")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    path = tmp_path_factory.mktemp("flawed") / "logs"
    wander(path, CAMERA, jumpy_and_dark)
    return path


@pytest.fixture(scope="module")
def page(flawed):
    return written(flawed)


def test_the_page_needs_nothing_but_itself(page):
    addresses = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert addresses and all(address.startswith("data:") for address in addresses)
    assert "http" not in page and not {"script", "link", "iframe"} & set(Outline(page).tags)


def test_every_finding_stands_at_the_top_and_its_episode_is_shown(flawed, page):
    survey, shown = survey_store(flawed), page.replace("\u00a0%", " %")
    assert len(survey.findings) >= 3
    for finding in survey.findings:
        assert escape(finding.says) in shown
    odd = shown[shown.index("Episodes that look wrong") : shown.index("What was done")]
    assert ">episode 11<" in odd and ">episode 17<" in odd and "step 12" in odd


def test_it_answers_its_questions_in_order(page):
    assert Outline(page).open == []
    assert Outline(page).headings == [
        "What to look at",
        "A look at the episodes",
        "Episodes that look wrong",
        "What was done",
        "Where it went",
        "From the first episode to the last",
        "For the record",
    ]


def test_sound_logs_have_nothing_that_looks_wrong(tmp_path):
    wander(tmp_path / "logs", NUMBERS)
    text = written(tmp_path / "logs")
    assert "Nothing stood out." in text and "Episodes that look wrong" not in Outline(text).headings


@pytest.mark.parametrize(
    "spaces", [Spaces(PixelSpace(24, 40, 1), DiscreteSpace(3)), Spaces(VectorSpace(12), VectorSpace(1))], ids=["grey", "unbounded"]
)
def test_any_kind_of_logs_has_a_page(tmp_path, spaces):
    rng = np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "logs", spaces) as writer:
        for length in (1, 5, 9):
            space, discrete = spaces.observation, isinstance(spaces.action, DiscreteSpace)
            seen = rng.integers(256, size=(length + 1, *space.shape)) if isinstance(space, PixelSpace) else rng.normal(size=(length + 1, 12))
            done = rng.integers(3, size=(length, 1)) if discrete else rng.normal(size=(length, 1))
            writer.add(seen.astype(space.dtype), done)
    text = written(tmp_path / "logs")
    assert Outline(text).open == []
    assert ("Where it went" in Outline(text).headings) == isinstance(spaces.observation, VectorSpace)


def test_names_from_outside_cannot_break_the_page(tmp_path):
    path = tmp_path / "a & <b>"
    with EpisodeWriter(path, NUMBERS, environment={"name": "<script>", "args": {}}, behaviour="<i>", units={"action": "<u>"}) as writer:
        writer.add(np.zeros((3, 3)), np.zeros((2, 2)))
    assert not {"script", "i", "u", "b"} & set(Outline(written(path)).tags)


def test_the_same_store_gives_the_same_page(flawed, page):
    assert written(flawed) == page


def test_a_place_that_cannot_be_written_is_told(flawed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_dataset_report(survey_store(flawed), Episodes.open(flawed), tmp_path / "file" / "page.html")
