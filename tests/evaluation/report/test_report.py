import re
from xml.etree import ElementTree

import pytest
from outline import Outline
from small_runs import QUICK, SmallRun

from telos.cli.report import find_sources, report_run
from telos.core import config
from telos.core.run import Run
from telos.evaluation.report import write_report
from telos.evaluation.report.curves import training_charts
from telos.evaluation.report.page import Section, page
from telos.evaluation.report.tables import percent, success_table
from telos.evaluation.shifts import Brightness, Scaled


def written(small: SmallRun) -> str:
    return write_report(small.sources, small.result, decoder=QUICK).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rooms_page(rooms):
    return written(rooms)


def test_the_page_needs_nothing_but_itself(rooms_page):
    assert "http" not in rooms_page
    addresses = re.findall(r'(?:src|href|poster)="([^"]{0,30})', rooms_page) + re.findall(r"url\(([^)]{0,30})", rooms_page)
    assert addresses and all(address.startswith("data:") for address in addresses)
    assert not {"script", "link", "iframe"} & set(Outline(rooms_page).tags)
    assert "@import" not in rooms_page and "@font-face" not in rooms_page


def test_the_page_is_small_enough_to_send(rooms_page):
    assert len(rooms_page) < 5_000_000


def test_the_film_and_the_table_come_first_and_nothing_is_left_out(rooms_page):
    assert rooms_page.index("<video") < rooms_page.index("<table") < rooms_page.index("Step by step")
    assert Outline(rooms_page).headings == [
        "How often it gets there",
        "Step by step",
        "What it tries to make small",
        "More attempts",
        "How far ahead it sees",
        "What its numbers mean",
        "How it learned",
        "For the record",
    ]


def test_every_element_is_closed(rooms_page):
    assert Outline(rooms_page).open == []


def test_the_table_holds_the_numbers_of_the_evaluation(rooms, rooms_page):
    for row in (rooms.result, *rooms.result["floors"].values()):
        assert percent(row["success"]).replace(" ", "\u00a0") in rooms_page
        assert f"{100 * row['success_low']:.1f} to {100 * row['success_high']:.1f}" in rooms_page
    assert rooms.result["protocol_hash"] in rooms_page
    for part in rooms.result["probe"]:
        assert f"{part['pca']:.3f}".replace("-", "−") in rooms_page


def test_numbers_that_determine_the_state_are_drawn_by_the_world(mass):
    text = written(mass)
    assert "<video" in text
    assert "It sees numbers only; this page draws them." in text
    assert "What it tries to make small" in Outline(text).headings


def test_numbers_that_nobody_can_draw_are_shown_as_curves(dial):
    text = written(dial)
    headings = Outline(text).headings
    assert "<video" not in text
    assert "Step by step" in headings and "What it tries to make small" not in headings
    assert ">number 2<" in text and ">eyes closed<" in text


def test_a_run_without_a_world_shows_what_was_logged_beside_what_was_imagined(walks):
    text = written(walks)
    assert "what it imagined" in text and "<video" in text
    assert Outline(text).headings == ["How far ahead it sees", "What its numbers mean", "How it learned", "What is left out", "For the record"]
    assert "name no environment" in text


def test_a_run_whose_logs_have_moved_says_so_and_shows_the_rest(mass, tmp_path):
    description = dict(mass.run.description)
    description["data"] = [{**description["data"][0], "path": str(tmp_path / "gone")}]
    run = Run.create(tmp_path / "run", description)
    run.weights_file.write_bytes(mass.run.weights_file.read_bytes())
    run.metrics_file.write_bytes(mass.run.metrics_file.read_bytes())
    text = report_run(run, None, seed=0).read_text(encoding="utf-8")
    assert "both need the logs" in text and "gone" in text
    assert f"telos evaluate {run.path}" in text
    assert "<video" in text and "How it learned" in Outline(text).headings
    assert "what it had imagined" not in text


def test_a_result_read_back_from_the_folder_gives_the_same_page(rooms, rooms_page):
    (file,) = (rooms.run.path / "evaluations").iterdir()
    result = rooms.run.read_json(f"evaluations/{file.name}")
    sources = find_sources(rooms.run, result, seed=0)
    assert write_report(sources, result, decoder=QUICK).read_text(encoding="utf-8") == rooms_page


def test_each_term_of_the_loss_has_a_curve_and_nothing_else_has(rooms):
    charts = training_charts(rooms.run.metrics())
    losses = ElementTree.fromstring(charts).findall("svg")[0]
    names = {text.text for text in losses.findall("text") if text.get("class") == "name"}
    assert names == {"prediction", "variance", "covariance", "smoothness", "inverse dynamics"}


def test_progress_runs_from_its_beginning_to_its_end(dial):
    seen = []
    write_report(dial.sources, dial.result, decoder=QUICK, progress=lambda stage, done, total, note: seen.append((stage, done / total)))
    assert {stage for stage, _ in seen} == {"report"}
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[-1] == 1


def test_names_from_outside_cannot_break_the_page():
    section = Section(title="<b>", says="fine", body="<p>fine</p>")
    text = page(title="a & <script>", lead=["fine"], sections=[section], footer="fine")
    assert "<title>a &amp; &lt;script&gt;</title>" in text
    assert "<h2>&lt;b&gt;</h2>" in text


def test_a_world_that_has_changed_since_training_is_left_out(rooms, tmp_path):
    description = dict(rooms.run.description)
    changed = {"name": "two-rooms", "args": {"size": 24}}
    description["data"] = [{**description["data"][0], "environment": changed}]
    run = Run.create(tmp_path / "run", description)
    run.weights_file.write_bytes(rooms.run.weights_file.read_bytes())
    sources = find_sources(run, None, seed=0)
    assert sources.world is None and sources.held_out is not None
    assert "The world has changed" in sources.missing[0] and "24" in sources.missing[0]


def test_other_looks_are_shown_with_their_pictures_and_what_they_cost(rooms, rooms_page):
    sources, plain = rooms.sources, rooms.result
    looks = [Brightness(factor=0.5), Scaled(factor=0.7)]
    row = {key: plain[key] for key in ("success", "success_low", "success_high")} | {
        "difference": -0.25,
        "difference_low": -0.5,
        "difference_high": 0.1,
    }
    shifts = {"goals": "shifted", "rows": [{"label": look.label, "shift": config.to_json(look), **row} for look in looks], "left_out": []}
    text = write_report(sources, {**plain, "shifts": shifts}, decoder=QUICK).read_text(encoding="utf-8")
    section = text.partition("When it looks different")[2].partition("</section>")[0].replace("\u00a0", " ")
    pictures = re.findall(r'src="(data:image/png[^"]+)"', section)
    assert len(pictures) == 3 == len(set(pictures))
    assert all(word in section for word in (*(look.label for look in looks), "−25.0", "−50.0 to +10.0"))
    assert Outline(text).open == [] and "When it looks different" not in rooms_page


def test_a_floor_that_a_world_does_not_have_is_named_as_such(rooms):
    result = {**rooms.result, "floors": {**rooms.result["floors"], "zero": None}}
    assert "not in this world" in success_table(result)
