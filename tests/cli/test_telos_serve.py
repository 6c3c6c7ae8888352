"""The server as it is started, on a real port, and stopped."""

import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import tiny_runs
from verbs import fine, refusal

from telos.agent.guardrails import load_guardrails_file, save_guardrails
from telos.cli.serve import Serve
from telos.recipes.experiment import train

HANGS = """
import time
from telos.agent.actor import MPPI

class Hangs(MPPI):
    def search(self, evaluate, warm_start, generator):
        time.sleep(3600)
"""
START = "from telos.cli import main; main()"
BENCHMARK = Path(__file__).parents[2] / "benchmarks/serving.py"


@pytest.fixture(scope="module")
def point_mass(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    return train(tiny_runs.collect_logs(folder / "logs"), folder / "run", recipe=tiny_runs.RECIPE).path


def test_a_server_whose_planner_hangs_answers_in_time_and_stops_when_it_is_told_to(point_mass, tmp_path):
    (tmp_path / "hangs.py").write_text(HANGS)
    options = ["--port", "0", "--deadline-ms", "500", "--planner", f"{tmp_path}/hangs.py:Hangs"]
    process = subprocess.Popen([sys.executable, "-c", START, "serve", str(point_mass), *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = process.stderr.readline() + process.stderr.readline()
        assert "deadline 500 ms" in told and "fallback zero" in told
        address = next(word for word in told.split() if word.startswith("http://127.0.0.1:"))
        with httpx.Client(base_url=address, timeout=20) as client:
            session = client.post("/sessions", json={"goal": [0.5, 0.5, 0, 0]}).json()["session"]
            started = time.monotonic()
            answer = client.post(f"/sessions/{session}/act", json={"frame": 0, "observation": [0.1, 0.1, 0, 0]})
            assert answer.status_code == 200 and answer.json()["source"] == "fallback" and time.monotonic() - started < 2
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()


def test_a_mix_of_good_and_bad_requests_over_loopback_is_answered_clearly_in_time_and_within_the_limits(point_mass, monkeypatch, capsys):
    # 10,000 of them, and a deadline as robots have it, is what the benchmark does when it is run by hand.
    monkeypatch.setattr(sys, "argv", ["serving.py", "--run", str(point_mass), "--requests", "300", "--deadline-ms", "400"])
    assert runpy.run_path(str(BENCHMARK))["main"]() == 0, capsys.readouterr().out
    assert "violations of bounds or slew 0; unclear statuses 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "lets other machines in"),
        (["--host", "nowhere.invalid", "--expose"], "cannot be listened at"),
        (["--port", 70_000], "no port 70000"),
        (["--port", -1], "no port -1"),
        (["--deadline-ms", 0], "deadline_ms is 0"),
        (["--slew", 2], "slew limit is 2"),
        (["--planner", "mpi"], "did you mean 'mppi'"),
        (["--max-sessions", 0], "0 sessions"),
        (["--threads", 0], "0 threads"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_refused(point_mass, options, words):
    assert words in refusal("serve", point_mass, *options)


def test_a_port_that_is_taken_is_named(point_mass):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert f"127.0.0.1:{taken.getsockname()[1]} cannot be listened at" in refusal("serve", point_mass, "--port", taken.getsockname()[1])


RULE = """
[[guardrail]]
name = "left half"
stay_inside = { quantity = "position", box = { low = [-9.0, -9.0], high = [9.0, 9.0] } }
fallback = "hold"
"""


def test_every_session_keeps_the_guardrails_of_the_run_and_what_it_was_taught(point_mass, tmp_path):
    run = shutil.copytree(point_mass, tmp_path / "run")
    fine("readout", run, "--column", "position")
    (tmp_path / "rule.toml").write_text(RULE)
    save_guardrails(run / "guardrails.json", load_guardrails_file(tmp_path / "rule.toml"))
    server = Serve(run_folder=run).server()
    agents = server.make_agent(), server.make_agent()
    assert agents[0] is not agents[1]
    for agent in agents:
        assert [rule.name for rule in agent.guardrails] == ["left half"] and set(agent.knowledge.readouts) == {"position"}
    assert "slew" in refusal("serve", run, "--slew", 0.5)
