"""What the report says of guardrails."""

import json

import pytest

from telos.core.run import Run
from telos.evaluation.report.guardrail_section import guardrails

AGENT = {"violations": 1, "violated": 0.005, "violated_low": 0.001, "violated_high": 0.028, "worst": 0.012}
EXPERT = {"violations": 0, "violated": 0.0, "violated_low": 0.0, "violated_high": 0.019, "worst": -0.001}
ROW = {"name": "keep off <it>", "alpha": 0.01, "margin": 0.03, "calibrated": True, "contestants": {"agent": AGENT, "guarded expert": EXPERT}}
TOLD = {"in_force": True, "conflicts_only": True, "fallback_share": 0.004, "rows": [ROW]}


def trial(margin, success, bound):
    return {"margins": {"zone": margin}, "success": success, "bounds": {"zone": bound}}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_everybody_who_played_stands_in_the_table_with_an_interval(run):
    page = guardrails(run, {"guardrails": TOLD}).html()
    assert "keep off &lt;it&gt;" in page and "in at most 1 % of the episodes, margin 0.03" in page
    assert "0.5 %" in page and "0.1 to 2.8" in page and "the agent" in page and "expert under the guardrails" in page
    assert "0.4 %</strong>" not in page and "In 0.4 % of its steps no plan was safe" in page and "Only starts and goals were played" in page


def test_an_agent_without_guardrails_is_not_said_to_have_kept_them(run):
    page = guardrails(run, {"guardrails": {**TOLD, "in_force": False, "rows": [{**ROW, "margin": None}]}}).html()
    assert "did not know of these guardrails" in page and "margin" not in page.split("<table>")[0].split("<strong>")[1]


def test_what_a_calibration_left_is_shown(run):
    without = guardrails(run, {"guardrails": TOLD}).html()
    report = {"alphas": {"zone": 0.01}, "trials": [trial(0.05, 0.8, 0.009), trial(0.03, 0.95, 0.009)]}
    (run.path / "calibration.json").write_text(json.dumps(report))
    (run.path / "guardrails.png").write_bytes(b"\x89PNG")
    page = guardrails(run, {"guardrails": TOLD}).html()
    assert "the margins that were tried" in page and "data:image/png;base64" in page and "the margins that were tried" not in without
