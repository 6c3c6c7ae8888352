import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from telos.evaluation.report.feelings import LEFT, RIGHT, WIDTH, feelings_strip, follow

PLAIN = {"decided": True, "disagreement": None, "guardrail": None, "guardrail_value": None, "fallback": None, "surprise": None, "remembered": None}


def moment(mode="plan", why="always by search", mean=0.2, **more):
    return {**PLAIN, "mode": mode, "why": why, "best": 0.5 * mean, "mean": mean, "worst": 2 * mean, **more}


def drawn(moments, **more):
    return ElementTree.fromstring(feelings_strip(moments, **more))


def names(picture):
    return [text.text for text in picture.iter("text") if text.get("class") == "lane"]


def points_of(picture, kind):
    (line,) = [part for part in picture.iter("polyline") if part.get("class") == kind]
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def test_lanes_of_which_there_is_nothing_to_tell_are_left_out():
    assert names(drawn([moment()] * 3)) == ["how it acts", "energy ahead"]
    full = moment(disagreement=0.1, guardrail="pillar", guardrail_value=-0.1, fallback=False, surprise=0.4, remembered=2)
    assert names(drawn([full] * 3)) == ["how it acts", "energy ahead", "disagreement", "remembers", "nearest rule", "surprise"]
    assert feelings_strip([]) == ""


def test_the_mean_lies_inside_of_the_band_and_time_runs_from_edge_to_edge():
    picture = drawn([moment(mean=0.3 - 0.05 * step) for step in range(5)])
    band = next(part for part in picture.iter("polygon") if part.get("class") == "band")
    corners = [tuple(map(float, pair.split(","))) for pair in band.get("points").split()]
    upper, lower = corners[:5], corners[:4:-1]
    for (x, y), (_, high), (_, low) in zip(points_of(picture, "mean"), upper, lower, strict=True):
        assert high < y < low, "downwards is less"
        assert LEFT <= x <= WIDTH - RIGHT
    assert [x for x, _ in upper] == pytest.approx([LEFT + step / 5 * (WIDTH - LEFT - RIGHT) for step in range(5)], abs=0.06)


def test_stretches_of_one_mode_and_reason_are_one_piece_and_the_fallback_is_told_apart():
    moments = [moment()] * 3 + [moment("react", "sure")] * 4 + [moment("react", "sure", fallback=True)] + [moment("plan", "surprised")] * 2
    titles = [part.text for part in drawn(moments).iter("title")]
    assert titles == [
        "steps 0 to 2, planning: always by search",
        "steps 3 to 6, reacting: sure",
        "steps 7 to 7, falling back: sure",
        "steps 8 to 9, planning: surprised",
    ]


def test_only_what_is_below_the_level_is_marked_as_a_surprise():
    moments = [moment(surprise=p) for p in (1.0, 0.04, 0.009, 0.0005)]
    assert len(list(drawn(moments, level=0.01).iter("circle"))) == 2
    assert len(list(drawn(moments, level=0.05).iter("circle"))) == 3
    heights = [float(part.get("height")) for part in drawn(moments).iter("rect") if part.get("style") and part.get("rx") is None]
    assert all(before < after for before, after in pairwise(heights)), "the less usual, the higher"


def test_a_broken_guardrail_stands_above_its_line():
    picture = drawn([moment(guardrail="pillar", guardrail_value=value, fallback=False) for value in (-0.2, 0.1, -0.1)])
    (limit,) = [part for part in picture.iter("line") if part.get("class") == "limit"]
    line = float(limit.get("y1"))
    assert [y < line for _, y in points_of(picture, "rule")] == [False, True, False]


def test_what_the_agent_says_cannot_break_the_page():
    assert "<script>" not in feelings_strip([moment(why="<script>", guardrail="<b>", guardrail_value=0.0, fallback=False)] * 90)


def test_energies_that_are_no_numbers_do_not_break_the_strip():
    text = feelings_strip([moment(), {**moment(), "worst": float("inf"), "mean": float("nan"), "best": float("nan")}])
    assert not re.search(r"\b(nan|inf)\b", text)


def test_only_under_a_film_there_is_a_cursor():
    assert not [part for part in drawn([moment()] * 3).iter("line") if part.get("class") == "now"]
    picture = drawn([moment()] * 3, cursor=True)
    assert len([part for part in picture.iter("line") if part.get("class") == "now"]) == 1 and "currentTime" in picture.get("onclick")
    assert "onplay=" in follow(12, 4) and '"2.7500"' in follow(12, 4)
