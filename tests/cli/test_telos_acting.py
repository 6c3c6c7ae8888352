"""Fast, slow, surprised: what it takes to be so, and what a verb says if that is not there."""

import json
import shutil

import pytest
import torch
from tiny_runs import RECIPE
from verbs import fine, refusal

from telos.agent.actor import CVaR, Worst
from telos.cli.acting import read_risk
from telos.cli.practise import Practise
from telos.core.run import Run
from telos.recipes.experiment import load_agent

MINE = """
from dataclasses import dataclass
from telos.core.contracts import AbstractRisk

@dataclass(frozen=True, kw_only=True)
class Median(AbstractRisk):
    def __call__(self, energies):
        return energies.median(dim=-1).values
"""


@pytest.fixture(scope="module")
def taught(folders, tmp_path_factory):
    """A run that knows what is usual, and has practised a little."""
    path = tmp_path_factory.mktemp("taught") / "run"
    fine("train", folders.logs, "--out", path, "--recipe", RECIPE, "--held-out", 0.3)
    fine("surprise", path, "--horizons", "1,2", "--threads", 1)
    told = fine("practise", path, "--rounds", 0, "--threads", 1, "--json").json
    return path, told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mode", "react"], "telos practise"),
        (["--mode", "auto"], "telos practise"),
        (["--proposals", 8], "telos practise"),
        (["--proposals", -1], "proposals is -1"),
        (["--mode", "react", "--planner", "cem"], "nobody searches, so --planner"),
        (["--mode", "react", "--proposals", 3], "nobody searches, so --proposals"),
        (["--surprise", 0.01], "telos surprise"),
        (["--surprise", 1.5], "surprise_level is 1.5"),
        (["--when-surprised", "plan"], "add --surprise 0.01"),
        (["--risk", "cvr"], "did you mean 'cvar'"),
        (["--risk", "cvar,levle=0.1"], "did you mean 'level'"),
        (["--risk", "cvar,level=much"], "'level=much' of the risk"),
        (["--risk", "cvar,level=2"], "level is 2"),
        (["--risk", "telos.agent.actor:CEM"], "is not a risk"),
        (["--risk", "cvar"], "future"),
        (["--levels", 2], "telos levels"),
        (["--levels", 0], "levels is 0"),
        (["--time-to-go", "landmarks"], "telos time-to-go"),
        (["--subgoals", "critic"], "--time-to-go landmarks"),
        (["--subgoals", "levels"], "add --levels 2"),
        (["--memory", "episode"], "telos remember"),
        (["--memory", "always"], "side by side"),
        (["--disagreement", 1], "ensemble"),
        (["--offline", "--mode", "auto"], "--offline and --mode exclude each other"),
        (["--offline", "--trace", "trace.jsonl"], "--offline and --trace exclude each other"),
    ],
    ids=str,
)
def test_what_the_run_was_not_taught_or_what_has_no_place_is_refused(folders, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal("evaluate", folders.run, "--episodes", 2, *arguments)
    assert not list(tmp_path.iterdir())


def test_other_verbs_that_let_the_agent_act_refuse_the_same(folders, tmp_path):
    plan = ["plan", folders.run, "--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 3]
    (tmp_path / "rules.toml").write_text("")
    for verb in (plan, ["serve", folders.run, "--port", 0]):
        assert "telos practise" in refusal(*verb, "--mode", "auto")
        assert "nobody searches" in refusal(*verb, "--mode", "react", "--planner", "cem")


def test_a_risk_is_named_with_its_fields_or_is_ones_own(tmp_path):
    assert read_risk("worst") == Worst() and read_risk("cvar,level=0.25,num_futures=32") == CVaR(level=0.25, num_futures=32)
    (tmp_path / "median.py").write_text(MINE)
    assert read_risk(f"{tmp_path / 'median.py'}:Median,num_futures=4").num_futures == 4


def test_what_is_usual_is_taught_and_checked_on_other_episodes(taught):
    path, _ = taught
    told = fine("surprise", path, "--horizons", "1,2", "--json").json
    assert told["horizons"] == [1, 2] and told["num_steps"] > 0 and told["held_out_steps"] > 0
    assert all(found["low"] <= found["share"] <= found["high"] for found in told["below"].values())
    shown = fine("surprise", path, "--horizons", "1,2").out
    assert "below 0.05" in shown and f"next      telos evaluate {path} --surprise 0.01" in shown
    assert "whole numbers" in refusal("surprise", path, "--horizons", "1,two")


def test_what_is_usual_may_be_seen_in_the_agents_own_episodes(taught, tmp_path):
    path = shutil.copytree(taught[0], tmp_path / "run")
    told = fine("surprise", path, "--horizons", "1", "--own", 8, "--json").json
    assert told["own"] == 8 and told["num_steps"] > 0
    assert len(list((path / "own-episodes").iterdir())) == 1
    assert "--own of 4 or more" in refusal("surprise", path, "--own", -1)


def test_practice_tells_the_policy_beside_planning_and_resting(taught):
    path, told = taught
    assert told["rounds"] == 0 and told["policy"]["num_plans"] == 0
    assert {"energy_reacting", "energy_planning", "energy_resting", "imitation_error", "imitation_floor"} <= set(told["policy"])
    assert 0 <= told["arbiter"]["reacting"] <= 1
    assert (path / "policy.json").is_file() and (path / "arbiter.safetensors").is_file()


def test_practice_in_the_world_is_told_block_by_block_and_what_was_learned_is_kept(taught, tmp_path):
    run = Run.open(shutil.copytree(taught[0], tmp_path / "run"))
    before = (run.path / "arbiter.safetensors").read_bytes()
    blocks = Practise(run_folder=run.path, episodes=8).in_the_world(run, lambda stage, done, total: None)
    assert [block["episodes"] for block in blocks] == [8] and 0 <= blocks[0]["planned"] <= 1
    assert [json.loads(line)["planned"] for line in (run.path / "practice.jsonl").read_text().splitlines()] == [blocks[0]["planned"]]
    assert (run.path / "arbiter.safetensors").read_bytes() != before
    assert load_agent(run, mode="auto").knowledge.arbiter is not None, "it still belongs to the model"


@pytest.mark.parametrize("arguments", [["--episodes", -1], ["--protocol", "anywhere"]], ids=str)
def test_practice_in_the_world_takes_episodes(folders, arguments):
    assert "--episodes of 1 or more" in refusal("practise", folders.run, *arguments)


@pytest.mark.parametrize("arguments", [["--rounds", -1], ["--alpha", 2]], ids=str)
def test_a_course_that_cannot_be_is_refused_before_anything_is_done(folders, arguments):
    assert "course" in refusal("practise", folders.run, *arguments)
    assert not (folders.run / "policy.json").exists()


def test_show_says_what_was_taught(folders, taught):
    shown, told = fine("show", taught[0]).out, fine("show", taught[0], "--json").json["taught"]
    assert all(word in shown for word in ("policy", "without a search", "arbiter", "surprise", "1, 2 steps before"))
    assert set(told) == {"policy", "arbiter", "surprise", "memory"} and told["surprise"]["horizons"] == [1, 2]
    assert fine("show", folders.run, "--json").json["taught"] == dict.fromkeys(("policy", "arbiter", "surprise", "memory"))


def test_whoever_reacts_calls_no_planner_and_the_trace_says_so(taught, tmp_path):
    path, _ = taught
    told = fine("evaluate", path, "--episodes", 3, "--mode", "react", "--trace", tmp_path / "trace.jsonl", "--json").json
    assert told["planner_calls"] == 0 and told["conduct"]["modes"]["react"] == 1 and told["conduct"]["decisions"] > 0
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert len(lines) == told["conduct"]["steps"] and {line["mode"] for line in lines} == {"react"}
    assert list(path.glob("evaluations/across-rooms-default-react-*.json"))


def test_the_arbiter_decides_and_surprises_are_told(taught):
    path, _ = taught
    told = fine("evaluate", path, "--episodes", 3, "--mode", "auto", "--surprise", 0.05, "--json").json
    conduct = told["conduct"]
    assert (conduct["mode"], conduct["surprise_level"]) == ("auto", 0.05)
    assert told["planner_calls"] == conduct["searches"] <= conduct["decisions"]
    assert set(conduct["surprise"]["below"]) == {"0.05", "0.01"}
    shown = fine("evaluate", path, "--episodes", 2, "--mode", "auto", "--surprise", 0.05).out
    assert "calls of the planner" in shown and "of the p-values" in shown
    assert "guardrails" in refusal("evaluate", path, "--episodes", 2, "--surprise", 0.05, "--when-surprised", "fall-back")


@pytest.mark.slow
def test_the_report_plays_the_agent_as_it_was_evaluated(taught):
    path, _ = taught
    shutil.rmtree(path / "evaluations", ignore_errors=True)
    fine("evaluate", path, "--episodes", 2, "--mode", "react", "--threads", 1)
    fine("show", path, "--report")
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "Fast and slow" in page and "reacting" in page and "--mode react" in page


def test_the_policy_is_exported_beside_the_search(taught, tmp_path):
    told = fine("export", taught[0], "--out", tmp_path / "graphs", "--json").json
    assert [graph["name"] for graph in told["graphs"]] == ["encoder", "step", "policy", "react"]
    react = torch.export.load(tmp_path / "graphs/react.pt2").module()
    pictures = torch.zeros(3, 16, 16, 3, dtype=torch.uint8)
    assert react(pictures, pictures).shape == (3, 2)
