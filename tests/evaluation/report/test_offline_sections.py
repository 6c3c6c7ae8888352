import json
from html import escape

import pytest
from outline import Outline
from small_runs import QUICK, SmallRun

from telos.cli.offline import evaluate_offline_run
from telos.core.run import plain
from telos.evaluation.report import write_report


@pytest.fixture(scope="module")
def offline(walks):
    return evaluate_offline_run(walks.run, pairs=20)


def written(small: SmallRun, offline) -> str:
    return write_report(small.sources, None, offline=offline, decoder=QUICK).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(walks, offline):
    return written(walks, offline)


def test_the_page_begins_with_what_was_imagined_and_the_verdicts(page):
    assert page.index("<video") < page.index("Go or no-go") < page.index("Do plans do what was done?") < page.index("How far ahead it sees")
    assert Outline(page).open == []


def test_every_verdict_stands_there_with_its_numbers_and_its_rule(page, offline):
    shown = page.replace("\u00a0%", " %")
    for verdict in offline["verdicts"]:
        for part in ("question", "says", "rule"):
            assert escape(verdict[part]) in shown
    for sentence in offline["not_shown"]:
        assert escape(sentence) in shown


def test_the_floors_of_imagination_are_drawn_too(page):
    for label in ("nothing moves", "mean frame", "told other actions"):
        assert f">{label}<" in page


def test_a_result_read_back_from_the_folder_gives_the_same_page(walks, offline, page):
    assert written(walks, json.loads(json.dumps(plain(offline)))) == page


def test_without_plans_the_page_has_no_section_on_them(walks, offline):
    assert "Do plans do what was done?" not in Outline(written(walks, {**offline, "action_recovery": []})).headings
