"""The page answers this machine's own browser, and nobody else; what it is told is on the disk."""

import asyncio

import httpx
import pytest
import tiny_runs

from telos.data import Episodes
from telos.teaching.ratings.app import rating_app
from telos.teaching.ratings.session import BackgroundFit, RatingSession
from telos.testing import TruePointMass

HOME = {"host": "127.0.0.1:8767"}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(tiny_runs.collect_logs(tmp_path_factory.mktemp("logs") / "point-mass", episodes=20, steps=12))


@pytest.fixture
def session(logs, tmp_path):
    return RatingSession(folder=tmp_path / "ratings", critic_path=tmp_path / "critic", world_model=TruePointMass(), logs=logs, steps=4, num_clips=40)


@pytest.fixture
def ask(session):
    app = rating_app(session, BackgroundFit(session), title="run · taste")

    def request(method, path, headers=HOME, **rest):
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8767") as client:
                return await client.request(method, path, headers=headers, **rest)

        return asyncio.run(go())

    return request


def _answer(state, choice="left"):
    left, right = state["question"]["clips"]
    return {"kind": "pair", "left": left, "right": right, "answer": choice, "check": state["question"]["check"]}


def test_the_page_needs_nothing_from_elsewhere(ask):
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        response = ask("GET", path)
        assert response.status_code == 200 and response.headers["content-type"].startswith(kind)
        assert "http://" not in response.text and "https://" not in response.text
        assert "default-src 'self'" in response.headers["content-security-policy"]


def test_an_answer_is_kept_before_the_next_question_comes(ask, session):
    state = ask("GET", "/state").json()
    told = ask("POST", "/answers", json=_answer(state)).json()
    assert told["answers"] == 1 and told["question"] != state["question"] and len(session.read().answers) == 1
    assert ask("POST", "/undo", json={}).json()["answers"] == 0
    assert ask("GET", "/state").json()["question"] == state["question"]


def test_the_clips_of_a_question_can_be_seen(ask):
    for episode, start in ask("GET", "/state").json()["question"]["clips"]:
        clip = ask("GET", f"/clips/{episode}/{start}").json()
        assert clip["kind"] == "lines" and clip["frames"] == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:8767"},
        {**HOME, "origin": "http://evil.example"},
        {**HOME, "origin": "null"},
        {**HOME, "origin": "http://127.0.0.1:9999"},
    ],
    ids=str,
)
def test_other_hosts_and_pages_of_other_sites_are_sent_away(ask, session, headers):
    state = ask("GET", "/state").json()
    assert ask("GET", "/state", headers=headers).status_code == 403
    assert ask("POST", "/answers", headers=headers, json=_answer(state)).status_code == 403
    assert session.read().answers == ()


def test_its_own_page_is_answered_with_its_origin(ask):
    state = ask("GET", "/state").json()
    assert ask("POST", "/answers", headers={**HOME, "origin": "http://127.0.0.1:8767"}, json=_answer(state)).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"kind": "pair", "left": [0, 0], "right": [999999, 0], "answer": "left"}',
        b'{"kind": "score", "clip": [0, 0], "score": 9}',
    ],
)
def test_what_is_no_answer_gets_a_sentence_and_leaves_no_trace(ask, session, content):
    response = ask("POST", "/answers", headers={**HOME, "content-type": "application/json"}, content=content)
    assert response.status_code == 400 and response.json()["error"]
    assert session.read().answers == () and not session.book.path.exists()


def test_forms_and_floods_are_refused(ask, session):
    assert ask("POST", "/answers", data={"kind": "pair"}).status_code == 403
    assert ask("POST", "/answers", headers={**HOME, "content-type": "application/json"}, content=b" " * 100_000).status_code == 403
    assert session.read().answers == ()


@pytest.mark.parametrize(
    "path", ["/../answers.jsonl", "/page/../../answers.py", "/clips/../../etc/passwd", "/clips/0/-1", "/clips/999999/0", "/clips/0/9999"]
)
def test_only_the_page_and_clips_can_be_read(ask, path):
    assert ask("GET", path).status_code in (400, 403, 404)
