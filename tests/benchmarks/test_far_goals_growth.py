"""Success and planning time over the distance of the goal."""

import json
import sys

import pytest

from benchmarks.far_goals import growth


def result(row: str, kind: str, ways, *, arrives: float, seconds: float) -> dict:
    """All goals up to `arrives` steps are reached."""
    episodes = [{"shortest": way, "success": way <= arrives, "steps": way, "cpu_seconds": seconds * way} for way in ways]
    return {"row": row, "run": "random-15-100-s0", "kind": kind, "episodes": episodes}


RESULTS = [
    result(row, kind, ways, arrives=arrives, seconds=seconds)
    for row, arrives, seconds in (("flat", 25, 0.02), ("2 levels", 200, 0.01))
    for kind, ways in (("near", range(4, 24)), ("far", range(60, 100)))
]


def test_every_episode_lies_in_one_stretch():
    edges = growth.edges_of(RESULTS, 6)
    assert edges == sorted(set(edges)) and edges[0] == 0
    for row in ("flat", "2 levels"):
        assert sum(part.episodes for part in growth.stretches(RESULTS, row, edges)) == 60


def test_what_is_measured_is_told_stretch_by_stretch():
    near, far = growth.stretches(RESULTS, "flat", [0, 30, 101])
    assert (near.success, far.success, near.episodes, far.episodes) == (1, 0, 20, 40)
    assert near.low > 0.8 and far.high < 0.1
    assert (near.cpu_seconds, far.cpu_seconds) == pytest.approx((0.02 * 13.5, 0.02 * 79.5)) and far.cpu_low < far.cpu_seconds < far.cpu_high
    assert growth.stretches(RESULTS, "flat", [30, 60]) == []


def test_rows_are_compared_on_what_all_of_them_played():
    alone = result("flat", "middle", range(30, 50), arrives=25, seconds=0.02)
    assert growth.shared([*RESULTS, alone], ["flat", "2 levels"]) == RESULTS
    assert growth.shared(RESULTS, ["flat", "3 levels"]) == []


def test_the_figure_is_drawn_from_what_was_played(tmp_path, monkeypatch, capsys):
    for place, found in enumerate(RESULTS):
        file = tmp_path / "out" / found["run"] / found["kind"] / f"{place}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    told, figure = tmp_path / "growth.json", tmp_path / "figures" / "growth.svg"
    monkeypatch.setattr(
        sys, "argv", ["growth", str(tmp_path / "out"), str(figure), "--json", str(told), "--stretches", "3", "--rows", "flat", "2 levels"]
    )
    growth.main()
    assert {part["row"] for part in json.loads(told.read_text())} == {"flat", "2 levels"}
    assert "2 levels" in figure.read_text() and "CPU s" in capsys.readouterr().out


def test_nothing_played_is_a_mistake(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["growth", str(tmp_path), str(tmp_path / "growth.svg")])
    with pytest.raises(SystemExit):
        growth.main()
