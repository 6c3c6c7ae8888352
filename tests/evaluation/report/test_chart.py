import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from telos.evaluation.report.chart import ROW, Chart, Line


def drawn(**changes) -> ElementTree.Element:
    line = Line(label="the model", x=[0, 1, 2, 3], y=[3.0, 2.0, math.nan, 1.0])
    return ElementTree.fromstring(Chart(**{"title": "A < B", "x_label": "step", "lines": (line,), **changes}).svg())


def points(svg, index=0):
    return [tuple(map(float, point.split(","))) for point in svg.findall("polyline")[index].get("points").split()]


def test_higher_values_stand_higher_and_later_ones_farther_right():
    (x0, y0), (x1, y1) = points(drawn())
    assert x0 < x1 and y0 < y1


def test_what_is_no_number_leaves_a_gap():
    svg = drawn()
    assert [len(points(svg, index)) for index in range(len(svg.findall("polyline")))] == [2, 1]


def test_everything_stays_within_the_picture():
    labels = ("a rather long name of a line", "short")
    lines = tuple(Line(label=label, x=[0, 10], y=[0.2, 1e4]) for label in labels)
    for log in (True, False):
        svg = drawn(lines=lines, log=log, levels=((1.0, "nothing moves"),), marks=((5.0, "phase 2"),))
        for line in range(2):
            assert all(0 <= x <= 420 and 0 <= y <= 240 for x, y in points(svg, line))
        for text in svg.findall("text"):
            assert 0 <= float(text.get("x")) <= 420 and 0 <= float(text.get("y")) <= 240


def test_zero_is_drawn_at_the_bottom_of_a_logarithmic_axis():
    svg = drawn(lines=(Line(label="variance", x=[0, 1, 2], y=[1.0, 0.0, 1e-9]),), log=True)
    (_, top), (_, zero), (_, tiny) = points(svg)
    assert top < zero == tiny == 240 - 34


def test_names_of_lines_that_end_together_do_not_overlap():
    lines = tuple(Line(label=f"line {number}", x=[0, 1], y=[0, 1]) for number in range(4))
    heights = sorted(float(text.get("y")) for text in drawn(lines=lines).findall("text") if text.get("class") == "name")
    assert all(after - before > ROW - 1 for before, after in pairwise(heights))


@pytest.mark.parametrize("y", [[], [0.0], [5.0], [math.nan], [2.0, 2.0], [-1.0, -2.0]])
@pytest.mark.parametrize("log", [True, False])
def test_odd_data_still_give_a_chart(y, log):
    svg = drawn(lines=(Line(label="odd", x=list(range(len(y))), y=y),), log=log)
    assert not re.search(r"nan|inf", ElementTree.tostring(svg, encoding="unicode"))


def test_colours_come_from_the_page():
    text = ElementTree.tostring(drawn(), encoding="unicode")
    assert "var(--us)" in text
    assert "#" not in text


def test_an_axis_of_powers_gives_every_factor_the_same_room():
    xs = [float(x) for x, _ in points(drawn(lines=(Line(label="cost", x=[1, 10, 100], y=[0, 1, 2]),), log_x=True))]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


@pytest.mark.parametrize("x", [[3.0], [0.5, 0.7], [1e-3, 1e4], []])
def test_an_axis_of_powers_has_a_number_wherever_there_is_one_to_see(x):
    svg = drawn(lines=(Line(label="cost", x=x, y=[1.0] * len(x)),), log_x=True)
    assert not re.search(r"nan|inf", ElementTree.tostring(svg, encoding="unicode"))
    for text in svg.findall("text"):
        assert 0 <= float(text.get("x")) <= 420


def test_measured_points_are_marked_and_gaps_are_not():
    svg = drawn(lines=(Line(label="measured", x=[0, 1, 2], y=[3.0, math.nan, 1.0], dots=True),))
    assert len(svg.findall("circle")) == 2
