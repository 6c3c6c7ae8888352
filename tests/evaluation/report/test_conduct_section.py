import json

import pytest
from outline import Outline

from telos.core.run import Run
from telos.evaluation.report.conduct_section import conduct, has_conduct, read_practice
from telos.evaluation.report.curves import training_charts

AUTO = {
    "mode": "auto",
    "steps": 1200,
    "decisions": 1200,
    "searches": 180,
    "modes": {"plan": 0.15, "react": 0.85},
    "reasons": [{"mode": "react", "why": "good <enough>", "share": 0.85}, {"mode": "plan", "why": "surprised", "share": 0.15}],
    "surprise": None,
    "surprise_level": 0.0,
}
PLAN = {**AUTO, "mode": "plan", "modes": {"plan": 1.0, "react": 0.0}}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_an_agent_that_always_searches_has_nothing_to_tell(run):
    assert not has_conduct(run, {"conduct": PLAN}) and not has_conduct(run, None) and not has_conduct(run, {})
    assert has_conduct(run, {"conduct": AUTO})


def test_shares_and_reasons_stand_in_the_section(run):
    text = conduct(run, {"conduct": AUTO}, ()).html()
    assert "85.0 %" in text and "180 searches" in text and "1,200" in text and "good &lt;enough&gt;" in text
    assert Outline(text).open == []


def test_the_curve_from_slow_to_fast_is_what_practice_left(run):
    lines = [{"episodes": 40 * n, "planned": 1 / n, "success": 0.9, "plans": 100} for n in (1, 2, 3)]
    (run.path / "practice.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"episodes": 16')
    assert read_practice(run) == lines, "a line that was cut off does not count"
    text = conduct(run, None, ()).html()
    assert "From slow to fast" in text and text.count("<circle") == 6


def test_surprise_over_time_is_drawn_from_the_attempts(run):
    class Attempt:
        def __init__(self, *values):
            self.moments = [{"surprise": value} for value in values]

    told = {**PLAN, "surprise": {"surprises": 3, "below": {"0.05": 0.06, "0.01": 0.012}, "median": 0.4, "least": 0.001}, "surprise_level": 0.01}
    text = conduct(run, {"conduct": told}, (Attempt(1.0, 0.5, 0.001), Attempt(1.0, 0.2))).html()
    assert "6.0 %" in text and "below 0.05" in text and "2 attempts" in text and ">surprise<" in text


LINE = {"phase": "a", "loss": 1.0, "prediction": 1.0, "latent_size": 8, "relative_error": 0.4, "effective_rank": 6}
LINE |= {"mean_deviation": 1, "least_deviation": 1}


def test_what_chance_tells_is_drawn_for_models_that_know_of_chance():
    plain = training_charts([{**LINE, "step": step, "information": None} for step in (1, 2)])
    assert "nats" not in plain
    chance = {"information": 0.7, "gain": 0.6, "explained_error": 0.05, "blind_error": 0.8}
    told = training_charts([{**LINE, **chance, "step": step} for step in (1, 2)])
    assert "nats a step" in told and ">explained by it<" in told and ">tells all<" in told and ">information<" not in told, (
        "it is no term of the loss"
    )
