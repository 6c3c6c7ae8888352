from xml.etree import ElementTree

from outline import Outline
from small_runs import QUICK

from telos.core.run import Run
from telos.evaluation.report import write_report
from telos.evaluation.report.planner_section import planner_chart, planners

FLOORS = {"random": {"success": 0.05}, "zero": None, "scripted": {"success": 1.0}}


def row(name: str, setting: str, success: float, seconds: float) -> dict:
    interval = {"success_low": success - 0.02, "success_high": success + 0.02, "difference_low": success - 0.97, "difference_high": success - 0.93}
    return {
        "name": name,
        "setting": setting,
        "planner": {},
        "success": success,
        **interval,
        "difference": success - 0.95,
        "cpu_seconds": seconds,
        "cpu_seconds_together": seconds / 2,
    }


ROWS = [row("mppi", "mppi 64 x 3", 0.95, 0.008), row("mppi", "mppi 8 x 1", 0.4, 0.001), row("cem", "cem 16 x 2", 0.93, 0.003)]
CURVES = {
    "episodes": 200,
    "floors": FLOORS,
    "rows": ROWS,
    "best": 0,
    "knee": 2,
    "margin": 0.03,
    "says": "cem 16 x 2 is the cheapest <as good as the best>.",
    **dict.fromkeys(("protocol", "protocol_hash", "pairs_from", "judge", "seed", "versions")),
}


def test_the_knee_is_marked_where_it_is():
    svg = ElementTree.fromstring(planner_chart(CURVES).svg())
    (mark,) = (line for line in svg.findall("line") if line.get("class") == "mark")
    (cem,) = (dot for dot in svg.findall("circle") if "dream" in dot.get("style"))
    assert mark.get("x1") == cem.get("cx")
    assert any(text.text == "knee: cem 16 x 2" for text in svg.findall("text"))


def test_a_planners_points_are_joined_in_the_order_of_their_cost():
    svg = ElementTree.fromstring(planner_chart(CURVES).svg())
    xs = [float(point.split(",")[0]) for point in svg.findall("polyline")[0].get("points").split()]
    assert len(xs) == 2 and xs == sorted(xs)


def test_floors_are_lines_and_what_is_not_in_the_world_is_left_out():
    names = [text.text for text in ElementTree.fromstring(planner_chart(CURVES).svg()).findall("text")]
    assert "random actions" in names and "scripted expert" in names and "no action at all" not in names


def test_every_number_stands_in_the_table():
    text = planners(CURVES).html()
    assert Outline(text).open == []
    assert all(word in text for word in ("mppi 8 x 1", "40.0 %", "38.0 to 42.0", "−55.0", "8.0", "4.0", "&lt;as good as the best&gt;"))
    assert text.count("<tr class=us>") == 1


def test_without_a_choice_nothing_is_marked():
    assert "knee:" not in planner_chart({**CURVES, "knee": None}).svg()


def test_the_report_of_a_run_shows_what_was_measured(rooms, tmp_path):
    file = rooms.run.path / "planners.json"
    Run(rooms.run.path).write_json("planners.json", CURVES)
    try:
        page = write_report(rooms.sources, rooms.result, decoder=QUICK).read_text(encoding="utf-8")
    finally:
        file.unlink()
    assert "What thinking longer is worth" in Outline(page).headings
