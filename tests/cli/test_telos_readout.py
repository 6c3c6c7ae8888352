import json
import shutil

import pytest
from verbs import Answer, fine, refusal, telos

from telos.core.run import Run


@pytest.fixture
def run(folders, tmp_path):
    return shutil.copytree(folders.run, tmp_path / "run")


def teach(run, *options) -> Answer:
    return telos("readout", run, "--threads", 1, "--kind", "linear", *options)


def test_teaches_and_says_how_well_it_reads(run):
    answer = teach(run, "--column", "position", "--json")
    told = answer.json
    assert (told["name"], told["size"], told["kind"], told["numbers"]) == ("position", 2, "LinearReadout", ["position[0]", "position[1]"])
    assert answer.code == (0 if told["readable"] else 1)
    assert told["error"] > 0 and told["floor"] > 0 and told["untrained"] > 0 and len(told["step_errors"]) == 5
    assert (run / "readouts" / "position.png").is_file() and told["picture"].endswith("position.png")
    shown = teach(run, "--column", "position").out
    for word in (
        "observed",
        "1 step ahead",
        "3 steps ahead",
        "5 steps ahead",
        "nothing changes",
        "always the mean",
        "untrained encoder",
        "2 numbers",
    ):
        assert word in shown


def test_a_quantity_that_cannot_be_read_is_kept_said_and_exits_with_1(run):
    answer = teach(run, "--column", "wall")
    assert answer.code == 1 and "cannot carry a guardrail: wall never changes" in answer.out
    assert "wall · 1 number" in fine("readout", run).out and "cannot carry a guardrail" in fine("show", run).out


def test_says_what_is_read_and_what_could_be(run):
    assert "nothing yet" in fine("readout", run).out
    teach(run, "--column", "position", "--name", "place")
    told = fine("readout", run, "--json").json
    assert [one["name"] for one in told["readouts"]] == ["place"] and set(told["columns"]) == {"position", "wall", "door"}
    assert [one["name"] for one in fine("show", run, "--json").json["readouts"]] == ["place"]
    assert "place · 2 numbers" in fine("show", run).out


def test_logs_that_are_gone_do_not_keep_it_from_saying_what_is_read(run, tmp_path):
    description = json.loads((run / "run.json").read_text())
    description.pop("checksum")
    description["data"] = [description["data"][0] | {"path": str(tmp_path / "gone")}]
    other = Run.create(tmp_path / "other", description)
    assert "gone" in fine("readout", other.path).out


def test_learns_from_a_file_of_labelled_frames(run, tmp_path):
    from telos.data import Episodes

    logs = Episodes.open(Run.open(run).description["data"][0]["path"])
    rows = [[episode, frame, *logs.info("position", episode)[frame]] for episode in range(30) for frame in range(0, 15, 3)]
    file = tmp_path / "where.csv"
    file.write_text("episode,frame,x,y\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    told = teach(run, "--labels", file, "--unit", "arena widths", "--json").json
    assert (told["name"], told["unit"], told["numbers"], told["source"]) == ("where", "arena widths", ["x", "y"], str(file))
    file.write_text("episode,frame,x,y\n0,0,1,oops\n")
    assert "line 2: y is 'oops'" in refusal("readout", run, "--labels", file)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--column", "positon"], "no column 'positon'"),
        (["--column", "position", "--labels", "x.csv"], "one of the two"),
        (["--name", "x"], "--name is about teaching"),
        (["--num-labels", 3], "--num-labels is about teaching"),
        (["--column", "position", "--threads", 0], "0 threads"),
    ],
)
def test_mistakes_are_told(run, options, said):
    assert said in refusal("readout", run, *options)
    assert not (run / "readouts").exists()


def test_a_damaged_readout_is_named(run):
    teach(run, "--column", "position")
    (run / "readouts" / "position.json").write_text("{}")
    for verb in ("readout", "show"):
        assert "position.json is damaged" in refusal(verb, run)
