"""Promises of the server: a clear status for everything that can go wrong, an action in time, and nothing outside the limits."""

import asyncio
import json
import time

import numpy as np
import pytest

from telos.core.spaces import TreeSpace
from tests.serving.conftest import ACTION, SPACES, Sleepy, client_of, make_server, seen

RAW = {"content-type": "application/octet-stream"}


def run(test):
    """Runs an async test to its end."""
    return asyncio.run(test)


async def opened(client, kind="vector"):
    answer = await client.post("/sessions", json={"goal": seen(kind)})
    assert answer.status_code == 201
    return f"/sessions/{answer.json()['session']}"


@pytest.mark.parametrize("kind", SPACES)
def test_a_session_from_goal_to_goodbye(kind):
    async def test():
        async with client_of(make_server(kind)) as client:
            session = await opened(client, kind)
            for frame in range(3):
                answer = await client.post(f"{session}/act", json={"frame": frame, "age_ms": 1, "observation": seen(kind)})
                assert answer.status_code == 200
                content = answer.json()
                assert content["source"] == "plan" and content["frame"] == frame
                SPACES[kind].action.check(np.array(content["action"]), what="The action")
            assert (await client.post(f"{session}/goal", json={"goal": seen(kind)})).status_code == 200
            assert (await client.get(session)).json()["status"] == "acting"
            assert (await client.delete(session)).status_code == 204
            assert (await client.get(session)).status_code == 404

    run(test())


@pytest.mark.parametrize("kind", SPACES)
def test_raw_bytes_say_the_same_as_json(kind):
    async def test():
        observation = seen(kind)
        space = SPACES[kind].observation
        parts = dict(sorted(space.spaces.items())) if isinstance(space, TreeSpace) else {"": space}
        body = b"".join(np.asarray(observation[name] if name else observation, part.dtype).tobytes() for name, part in parts.items())
        actions = []
        for raw in (False, True):
            async with client_of(make_server(kind)) as client:
                session = await opened(client, kind)
                if raw:
                    answer = await client.post(f"{session}/act", content=body, headers={**RAW, "telos-frame": "0", "telos-age-ms": "2.5"})
                else:
                    answer = await client.post(f"{session}/act", json={"frame": 0, "observation": observation})
                assert answer.status_code == 200
                actions.append(answer.json()["action"])
        assert actions[0] == actions[1]

    run(test())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1, 2]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"observation": [1, 2, 3]}', 400),
        (b'{"frame": 1.5, "observation": [1, 2, 3]}', 400),
        (b'{"frame": -1, "observation": [1, 2, 3]}', 400),
        (b'{"frame": true, "observation": [1, 2, 3]}', 400),
        (b'{"frame": 1e400, "observation": [1, 2, 3]}', 400),
        (b'{"frame": 1, "age_ms": "old", "observation": [1, 2, 3]}', 400),
        (b'{"frame": 1}', 400),
        (b'{"frame": 1, "observation": [1, 2]}', 422),
        (b'{"frame": 1, "observation": [1, 2, NaN]}', 422),
        (b'{"frame": 1, "observation": [1, 2, 1e400]}', 422),
        (b'{"frame": 1, "observation": [1, 2, "x"]}', 422),
        (b'{"frame": 1, "observation": [[1], [2, 3]]}', 422),
        (b'{"frame": 1, "observation": {"a": 1}}', 422),
        (b'{"frame": 1, "observation": null}', 422),
        (b'{"frame": 1, "observation": [[1, 2, 3]]}', 422),
        (b'{"frame": 1, "age_ms": 6000, "observation": [1, 2, 3]}', 409),
        (b'{"frame": 1, "observation": [' + b"1," * 100_000 + b"1]}", 413),
    ],
)
def test_everything_that_is_wrong_has_its_status_and_a_safe_action(body, status):
    async def test():
        async with client_of(make_server(max_bytes=150_000, slew=0.1)) as client:
            session = await opened(client)
            answer = await client.post(f"{session}/act", content=body)
            content = answer.json()
            assert answer.status_code == status and content["error"] and content["source"] == "fallback"
            ACTION.check(np.array(content["action"]), what="The action")
            # And the session goes on.
            assert (await client.post(f"{session}/act", json={"frame": 2, "observation": seen("vector")})).status_code == 200

    run(test())


def test_unknown_places_and_methods_are_told():
    async def test():
        async with client_of(make_server()) as client:
            for method, path, status in [
                ("GET", "/sessions/none", 404),
                ("POST", "/sessions/none/act", 404),
                ("GET", "/x", 404),
                ("PUT", "/spaces", 405),
            ]:
                answer = await client.request(method, path, json={})
                assert answer.status_code == status and answer.json()["error"]
            assert (await client.post("/sessions", json={"goal": [1]})).status_code == 422
            assert (await client.get("/health")).json()["status"] == "ok"

    run(test())


def test_frames_that_come_late_or_twice_are_stale():
    async def test():
        async with client_of(make_server()) as client:
            session = await opened(client)
            statuses = []
            for frame in (3, 3, 2, 4):
                statuses.append((await client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector")})).status_code)
            assert statuses == [200, 409, 409, 200]

    run(test())


def test_a_late_plan_gives_way_to_the_fallback_and_then_to_what_is_left_of_the_last_plan():
    async def test():
        server = make_server(planner=Sleepy(horizon=4, num_candidates=8, seconds=0.4), deadline_ms=100.0)
        async with client_of(server) as client:
            session = await opened(client)
            sources, slowest = [], 0.0
            for frame in range(8):
                started = time.monotonic()
                answer = await client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector")})
                slowest = max(slowest, time.monotonic() - started)
                assert answer.status_code == 200
                sources.append(answer.json()["source"])
                await asyncio.sleep(0.02)
            # Every plan is late, so none of them is ever carried out; but the answers are in time.
            assert set(sources) == {"fallback"} and slowest < 0.3

    run(test())


def test_the_rest_of_a_plan_stands_in_for_a_few_late_ones_only():
    async def test():
        planner = Sleepy(horizon=6, num_candidates=8, seconds=0.0)
        server = make_server(planner=planner, deadline_ms=600.0)
        async with client_of(server) as client:
            session = await opened(client)
            first = await client.post(f"{session}/act", json={"frame": 0, "observation": seen("vector")})
            assert first.json()["source"] == "plan"
            object.__setattr__(planner, "seconds", 5.0)
            sources = []
            for frame in range(1, 6):
                answer = await client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector")})
                sources.append(answer.json()["source"])
            assert sources == ["previous plan"] * 3 + ["fallback"] * 2

    run(test())


def test_silence_makes_the_session_fall_back_and_the_next_frame_begins_afresh(clock):
    async def test():
        server = make_server(clock=clock, watchdog_ms=1000.0, slew=0.5)
        async with client_of(server) as client:
            session = await opened(client)
            sent = (await client.post(f"{session}/act", json={"frame": 0, "observation": seen("vector")})).json()["action"]
            assert (await client.get(f"{session}/action")).json()["action"] == sent
            clock.now += 1.1
            assert (await client.get(session)).json()["status"] == "fallen back"
            for _ in range(2):
                at_rest = (await client.get(f"{session}/action")).json()["action"]
            assert at_rest == [0.0, 0.0]
            answer = (await client.post(f"{session}/act", json={"frame": 1, "observation": seen("vector")})).json()
            assert answer["restarted"] and answer["source"] == "plan"
            assert not (await client.post(f"{session}/act", json={"frame": 2, "observation": seen("vector")})).json()["restarted"]

    run(test())


def test_one_request_of_a_session_at_a_time():
    async def test():
        server = make_server(planner=Sleepy(horizon=4, num_candidates=8, seconds=0.2))
        async with client_of(server) as client:
            session = await opened(client)
            requests = [client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector")}) for frame in (1, 2)]
            assert sorted(answer.status_code for answer in await asyncio.gather(*requests)) == [200, 429]

    run(test())


def test_sessions_are_counted():
    async def test():
        async with client_of(make_server(max_sessions=1)) as client:
            session = await opened(client)
            assert (await client.post("/sessions", json={"goal": seen("vector")})).status_code == 503
            await client.delete(session)
            await opened(client)

    run(test())


def test_no_mix_of_good_and_bad_requests_leaves_the_limits():
    async def test():
        slew, (low, high) = 0.2, ACTION.bounds
        rng = np.random.default_rng(0)
        async with client_of(make_server(slew=slew, stale_ms=500.0, max_bytes=4000)) as client:
            session, last, statuses = await opened(client), np.zeros(2, np.float32), set()
            for frame in range(200):
                body = json.dumps({"frame": frame, "age_ms": int(rng.choice([0, 900])), "observation": rng.normal(size=3).tolist()}).encode()
                match rng.integers(5):
                    case 0:
                        body = body[: rng.integers(len(body))]
                    case 1:
                        body = bytes(rng.integers(256, size=20, dtype=np.uint8))
                    case 2:
                        body = body + b" " * 5000
                answer = await client.post(f"{session}/act", content=body)
                statuses.add(answer.status_code)
                action = np.array(answer.json()["action"], np.float32)
                assert (action >= low).all() and (action <= high).all()
                assert (np.abs(action - last) <= slew * (high - low) * (1 + 1e-5)).all()
                last = action
            assert statuses == {200, 400, 409, 413}

    run(test())


def test_the_agent_hears_what_was_really_sent():
    async def test():
        server = make_server(slew=0.01)
        async with client_of(server) as client:
            session = await opened(client)
            agent = server.sessions[session.rpartition("/")[2]].agent
            for frame in range(2):
                sent = (await client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector")})).json()["action"]
            heard = []
            agent.did = lambda action: heard.append(action.tolist())
            await client.post(f"{session}/act", json={"frame": 2, "observation": seen("vector")})
            assert heard == [sent]

    run(test())
