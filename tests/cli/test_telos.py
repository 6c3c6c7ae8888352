import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from verbs import telos

import telos as package

TELOS = Path(sys.executable).with_name("telos")
VERBS = ("demo", "data", "train", "plan", "evaluate", "show")


def test_help_answers_in_half_a_second():
    """Of processor time, the best of five: other work on the machine is not its fault."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([TELOS, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize(
    "code", ["import telos", "import telos; dir(telos)", "from telos.cli import run; run(['--help'])", "import telos.data, telos.envs"]
)
def test_nothing_waits_for_torch_that_does_not_need_it(code):
    check = "\nimport sys\nassert not {'torch', 'lightning_fabric', 'matplotlib'} & set(sys.modules)"
    tried = "try:\n    " + code + "\nexcept SystemExit:\n    pass" + check
    subprocess.run([sys.executable, "-c", tried], check=True, stdout=subprocess.DEVNULL)


def test_help_names_every_verb_and_each_verb_explains_itself():
    answer = telos("--help")
    assert answer.code == 0 and all(verb in answer.out for verb in VERBS)
    for verb in VERBS:
        assert telos(verb, "--help").code == 0


OPTIONS = {
    ("demo",): ["--out", "--seed", "--json"],
    ("data", "collect"): ["ENV", "--episodes", "--out", "--seed", "--env-args"],
    ("data", "inspect"): ["--quick", "--json"],
    ("train",): ["DATA", "--out", "--recipe", "--from", "--seed", "--json"],
    ("plan",): ["--data", "--episode", "--start", "--goal", "--planner", "--json"],
    ("evaluate",): ["--protocol", "--episodes", "--planner", "--offset", "--seed", "--json"],
    ("show",): [],
}


@pytest.mark.parametrize("verb", OPTIONS, ids=" ".join)
def test_every_option_of_the_interface_is_there(verb):
    shown = telos(*verb, "--help").out
    assert all(option in shown for option in OPTIONS[verb])


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["show"],
        ["train", "logs"],
        ["train", "--out", "run"],
        ["evaluate", "run", "--episodes", "many"],
        ["evaluate", "run", "--speed", "3"],
        ["data", "collect", "two-rooms", "--out", "x"],
        ["data", "dance"],
        ["plan", "run"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_no_traceback(arguments):
    answer = telos(*arguments)
    assert answer.code == 2 and "Traceback" not in answer.err + answer.out


def test_a_real_process_says_its_one_sentence_and_exits_with_2(tmp_path):
    found = subprocess.run([TELOS, "show", tmp_path / "nowhere"], capture_output=True, text=True, env={**os.environ, "COLUMNS": "40"})
    assert found.returncode == 2 and found.stdout == ""
    assert found.stderr == f"error: There is no run at {tmp_path}/nowhere: it has no run.json.\n  Fix: telos train DATA --out RUN makes one\n"


def test_every_public_name_is_there():
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing
