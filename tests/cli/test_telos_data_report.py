import numpy as np
import pytest
from flawed_logs import CAMERA, wander
from verbs import fine, refusal, telos


def dark(index, episode):
    if index == 17 and "camera" in episode:
        episode["camera"] = np.zeros_like(episode["camera"])


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "logs"
    wander(path, CAMERA, dark)
    return path


def test_tells_what_looks_wrong_and_writes_a_page(logs):
    told = fine("data", "report", logs)
    assert "30 episodes" in told.out and "black or empty frames in episode 17" in told.out
    assert f"report   {logs.with_name('logs-report.html')}" in told.out
    assert "<!doctype html>" in logs.with_name("logs-report.html").read_text()


def test_the_same_as_json(logs, tmp_path):
    told = fine("data", "report", logs, "--out", tmp_path / "deeper" / "page.html", "--json").json
    assert told["report"] == str(tmp_path / "deeper" / "page.html") and (tmp_path / "deeper" / "page.html").is_file()
    assert 17 in [index for finding in told["findings"] for index in finding["episodes"]]


def test_sound_logs_are_called_so(tmp_path):
    wander(tmp_path / "logs")
    assert "nothing stood out" in fine("data", "report", tmp_path / "logs").out


def test_what_cannot_be_reported_is_refused(tmp_path):
    assert "There is no store" in refusal("data", "report", tmp_path / "nowhere")


def test_a_damaged_store_is_named(tmp_path):
    wander(tmp_path / "logs")
    (file,) = (tmp_path / "logs").glob("*-observation.bin")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = telos("data", "report", tmp_path / "logs")
    assert told.code == 2 and "its checksum is not the one" in told.out
    file.write_bytes(content[:-8])
    assert "damaged" in refusal("data", "report", tmp_path / "logs")
