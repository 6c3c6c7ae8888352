import json
import shutil

import pytest
from verbs import fine, refusal, telos

from telos.core.run import Run
from telos.data import Episodes
from telos.recipes.knowledge import load_knowledge, load_world_model
from telos.teaching.ratings.answers import AnswerBook, Comparison
from telos.teaching.ratings.clips import Place, digest_of


@pytest.fixture
def run(folders, tmp_path):
    return shutil.copytree(folders.run, tmp_path / "run")


def answer(run, logs, num=12, name="taste", steps=6):
    book = AnswerBook(run / "ratings" / name / "answers.jsonl", digest_of(Episodes.open(logs), steps))
    for number in range(num):
        book.add(Comparison(Place(number, 0), Place(number + 1, 2), "left" if number % 2 else "right", check=number % 6 == 5))


def rate(run, *options):
    return telos("rate", run, "--steps", 6, "--threads", 1, *options)


def test_fits_the_answers_that_are_there_and_agents_have_the_critic(run, folders):
    answer(run, folders.logs)
    told = rate(run, "--fit", "--json").json
    assert (told["answers"], told["fitted"], told["checks"]) == (12, 12, 2)
    assert list(load_knowledge(run).critics) == ["taste"]
    assert "telos evaluate" in rate(run, "--fit").out


def test_the_critic_can_be_evaluated(run, folders):
    answer(run, folders.logs)
    rate(run, "--fit")
    fine("evaluate", run, "--critic", "taste", "--critic-weight", 0.3, "--episodes", 2, "--steps", 4, "--threads", 1)
    assert [file.name for file in (run / "evaluations").iterdir() if "-taste-0.3-" in file.name]
    assert "calm" in refusal("evaluate", run, "--critic", "calm", "--episodes", 2, "--threads", 1)


def test_the_report_draws_how_claims_fare(run, folders):
    answer(run, folders.logs)
    told = rate(run, "--report", "--json").json
    assert told["claims"] and (run / "ratings" / "taste" / "claims.svg").read_text().startswith("<svg")


def test_without_answers_there_is_no_critic_and_it_says_what_is_missing(run):
    shown = rate(run, "--fit")
    assert shown.code == 0 and "none so far" in shown.out and not (run / "critics").exists()


def test_damaged_lines_are_named(run, folders):
    answer(run, folders.logs)
    file = run / "ratings" / "taste" / "answers.jsonl"
    file.write_text("nonsense\n" + file.read_text())
    shown = rate(run, "--fit")
    assert "line 1" in shown.err and "damaged" in shown.err and json.loads(rate(run, "--fit", "--json").out)["answers"] == 12


def test_clips_can_be_the_agents_own(run):
    told = telos("rate", run, "--clips", "agent", "--episodes", 4, "--steps", 3, "--fit", "--json", "--threads", 1).json
    assert told["answers"] == 0
    logs = Episodes.open(run / "ratings" / "taste" / "episodes")
    assert logs.spaces.to_json() == load_world_model(run).spaces.to_json() and "position" in logs.info_names


def test_mistakes_are_refused_with_a_sentence(run, folders):
    answer(run, folders.logs)
    assert "two things" in refusal("rate", run, "--fit", "--report")
    assert "cannot be called" in refusal("rate", run, "--name", "../taste", "--fit")
    assert "0 steps" in refusal("rate", run, "--steps", 0, "--fit")
    assert "other clips" in refusal("rate", run, "--steps", 5, "--fit")
    assert "no port" in refusal("rate", run, "--steps", 6, "--port", 99999)
    assert Run.open(run).finished
