"""The page in a real browser: keys are pressed, the server is killed, and every answer is still there."""

import os
import signal
import socket
import subprocess
import sys

import pytest
import tiny_runs
from browser import CHROMIUM, Browser, until

from telos.core.run import Run
from telos.recipes import experiment
from telos.teaching.ratings.answers import AnswerBook, Comparison

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
COMMAND = "import sys; from telos import cli; sys.exit(cli.run(sys.argv[1:]))"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    logs = tiny_runs.collect_logs(folder / "logs", "two-rooms", episodes=40, size=16)
    return experiment.train(logs, folder / "run", recipe=tiny_runs.tiny).path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, run, port, *options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        words = ["rate", str(run), "--no-browser", "--port", str(port), "--steps", "6", *options]
        self.process = subprocess.Popen([sys.executable, "-c", COMMAND, *words], stderr=subprocess.DEVNULL, env=environment)
        until(lambda: _answers(port), 240)

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.process.wait(60)


def _answers(port) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _counted(browser, num) -> None:
    until(lambda: browser.value("document.body.dataset.answers") == str(num), 120)


@pytest.mark.slow
def test_keys_answer_a_killed_server_loses_nothing_and_the_page_goes_on(run, tmp_path):
    port = _free_port()
    file = run / "ratings" / "taste" / "answers.jsonl"
    server = Server(run, port)
    with Browser(tmp_path / "browser") as browser:
        browser.open(f"http://127.0.0.1:{port}/")
        _counted(browser, 0)
        assert browser.value("document.querySelector('canvas').width") == 160
        first = browser.value("document.querySelector('canvas').toDataURL()")
        until(lambda: browser.value("document.querySelector('canvas').toDataURL()") != first)
        for number, key in enumerate(("ArrowLeft", "ArrowRight", "=", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"), start=1):
            browser.press(key)
            _counted(browser, number)
        browser.press("u")
        _counted(browser, 6)
        browser.press("Backspace")
        _counted(browser, 5)
        server.end(signal.SIGKILL)
        kept = file.read_bytes()
        browser.press("ArrowLeft")
        until(lambda: "Nobody answers" in browser.value("document.getElementById('note').textContent"))
        assert file.read_bytes() == kept

        server = Server(run, port)
        browser.press("ArrowLeft")
        _counted(browser, 6)
        for number in range(7, 11):
            browser.press("ArrowRight")
            _counted(browser, number)
        browser.picture(tmp_path / "page.png")
    assert server.end() == 0
    entries = [AnswerBook(file, _clips(file)).read().answers][0]
    assert [answer.choice for answer in entries if isinstance(answer, Comparison)] == ["left", "right", "equal", "equal", "equal", "left"] + [
        "right"
    ] * 4
    assert (Run.open(run).path / "critics" / "taste.json").is_file()


@pytest.mark.slow
def test_clips_are_scored_with_numbers(run, tmp_path):
    port = _free_port()
    server = Server(run, port, "--scores", "--name", "scores")
    with Browser(tmp_path / "browser", dark=True) as browser:
        browser.open(f"http://127.0.0.1:{port}/")
        _counted(browser, 0)
        assert browser.value("document.getElementById('second').hidden") is True
        browser.press("3")
        _counted(browser, 1)
    assert server.end() == 0
    assert '"score": 3' in (run / "ratings" / "scores" / "answers.jsonl").read_text()


def _clips(file) -> str:
    import json

    return json.loads(file.read_text().splitlines()[0])["clips"]
