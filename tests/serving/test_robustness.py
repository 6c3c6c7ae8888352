"""Promises of the server when things go wrong inside it, or around it."""

import asyncio
import json
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from telos.agent.actor import MPPI
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.serving.limits import usual_fallback
from tests.serving.conftest import Sleepy, client_of, make_server, seen
from tests.serving.test_app import opened, run

PLANNER = {"horizon": 4, "num_candidates": 8}


@dataclass(frozen=True, kw_only=True)
class Failing(MPPI):
    """A planner with a bug that shows now and then."""

    failures: list = None  # type: ignore[assignment]

    def search(self, evaluate, warm_start, generator):
        if self.failures:
            raise self.failures.pop()
        return super().search(evaluate, warm_start, generator)


def act(client, session, frame, **more):
    return client.post(f"{session}/act", json={"frame": frame, "observation": seen("vector"), **more})


def test_a_planner_that_fails_gives_the_fallback_and_no_traceback_and_the_session_goes_on():
    async def test():
        failures: list = []
        async with client_of(make_server(planner=Failing(failures=failures, **PLANNER))) as client:
            session = await opened(client)
            await act(client, session, 0)
            failures.append(RuntimeError("/home/somebody/planner.py is wrong"))
            answer = await act(client, session, 1)
            assert answer.status_code == 500 and answer.json()["error"] == "The planner failed." and answer.json()["source"] == "fallback"
            assert "somebody" not in answer.text and "Traceback" not in answer.text
            assert [(await act(client, session, frame)).json()["source"] for frame in (2, 3)] == ["plan", "plan"]

    run(test())


def test_a_server_that_fails_elsewhere_says_so_in_json():
    async def test():
        server = make_server()
        async with client_of(server) as client:
            server.make_agent = lambda: 1 / 0
            answer = await client.post("/sessions", json={"goal": seen("vector")})
            assert answer.status_code == 500 and answer.json()["error"] == "The server failed." and not server.sessions

    run(test())


def test_a_plan_that_hangs_stops_no_answer_of_any_session_and_health_tells():
    async def test():
        planner = Sleepy(seconds=0.0, **PLANNER)
        async with client_of(make_server(planner=planner, deadline_ms=400.0, watchdog_ms=300.0)) as client:
            hangs, other = await opened(client), await opened(client)
            for session in (hangs, other):
                await act(client, session, 0)
            object.__setattr__(planner, "seconds", 2.0)
            for session in (hangs, other):
                started = time.monotonic()
                answer = await act(client, session, 1)
                assert answer.status_code == 200 and answer.json()["source"] != "plan" and time.monotonic() - started < 1.0
            health = await client.get("/health")
            assert health.status_code == 503 and health.json()["status"] == "planning hangs"
            assert (await client.post("/sessions", json={"goal": seen("vector")})).status_code == 503
            object.__setattr__(planner, "seconds", 0.0)
            await asyncio.sleep(2.2)
            # The other session's work was withdrawn, and both plan again.
            assert [(await act(client, session, 2)).json()["source"] for session in (hangs, other)] == ["plan", "plan"]
            assert (await client.get("/health")).status_code == 200

    run(test())


def test_a_body_that_dawdles_is_answered_before_the_deadline():
    async def test():
        async def pieces():
            yield b'{"frame": 0, '
            await asyncio.sleep(3)
            yield b'"observation": [0, 0, 0]}'

        async with client_of(make_server(deadline_ms=300.0)) as client:
            session = await opened(client)
            started = time.monotonic()
            answer = await client.post(f"{session}/act", content=pieces())
            assert answer.status_code == 408 and answer.json()["source"] == "fallback" and time.monotonic() - started < 1.0

    run(test())


def test_sessions_that_are_opened_at_once_are_counted_too():
    async def test():
        server = make_server(max_sessions=2)
        async with client_of(server) as client:
            answers = await asyncio.gather(*[client.post("/sessions", json={"goal": seen("vector")}) for _ in range(5)])
            assert sorted(answer.status_code for answer in answers) == [201, 201, 503, 503, 503] and len(server.sessions) == 2
            # What is refused takes no place.
            assert (await client.delete(f"/sessions/{next(iter(server.sessions))}")).status_code == 204
            assert (await client.post("/sessions", json={"goal": [1e39, 0, 0]})).status_code == 422 and len(server.sessions) == 1

    run(test())


def test_a_robot_that_has_long_been_silent_makes_room_for_another(clock):
    async def test():
        async with client_of(make_server(clock=clock, max_sessions=1, forget_ms=60_000.0)) as client:
            session = await opened(client)
            clock.now += 59
            assert (await client.post("/sessions", json={"goal": seen("vector")})).status_code == 503
            clock.now += 2
            await opened(client)
            assert (await client.get(session)).status_code == 404

    run(test())


def test_web_pages_cannot_move_the_robot():
    async def test():
        async with client_of(make_server()) as client:
            body = json.dumps({"goal": seen("vector")})
            headers = {"origin": "http://a.page", "content-type": "text/plain"}
            assert (await client.post("/sessions", content=body, headers=headers)).status_code == 403

    run(test())


def test_a_reset_begins_a_new_episode_and_slew_goes_on_from_what_was_sent():
    async def test():
        async with client_of(make_server(slew=0.05)) as client:
            session = await opened(client)
            for frame in (7, 8):
                sent = (await act(client, session, frame)).json()["action"]
            assert (await client.post(f"{session}/reset")).status_code == 200
            answer = (await act(client, session, 0)).json()
            assert answer["restarted"] and answer["source"] == "plan" and answer["frame"] == 0
            assert (np.abs(np.subtract(answer["action"], sent)) <= 0.05 * np.array([2.0, 4.0]) + 1e-6).all()

    run(test())


def test_a_session_may_begin_from_what_the_robot_is_doing():
    async def test():
        async with client_of(make_server(slew=0.01, fallback="hold")) as client:
            goal = {"goal": seen("vector")}
            session = "/sessions/" + (await client.post("/sessions", json={**goal, "last_action": [0.5, 3.0]})).json()["session"]
            assert (await client.get(f"{session}/action")).json()["action"] == [0.5, 3.0]
            answer = (await act(client, session, 0)).json()
            assert (np.abs(np.subtract(answer["action"], [0.5, 3.0])) <= 0.01 * np.array([2.0, 4.0]) + 1e-6).all()
            for wrong in ([1.0], "up", [[0.0, 1.0]], [float("nan"), 0.0]):
                content = json.dumps({**goal, "last_action": wrong})
                assert (await client.post("/sessions", content=content)).status_code == 422

    run(test())


def test_a_plan_that_is_carried_out_for_several_steps_goes_on_where_it_was():
    async def test():
        server = make_server()
        agent = server.make_agent()
        agent.settings = replace(agent.settings, replan_every=3)
        server.make_agent = lambda: agent
        async with client_of(server) as client:
            session = await opened(client)
            for frame in range(2):
                await act(client, session, frame)
            left = server.sessions[session.rpartition("/")[2]]._rest
            np.testing.assert_array_equal(left, agent.last_plan.actions[0, 2:].numpy())

    run(test())


@pytest.mark.parametrize(
    ("space", "fallback"),
    [(VectorSpace(1, (-1,), (2,)), "zero"), (DiscreteSpace(3), "hold"), (VectorSpace(1, (0,), (512,)), None), (VectorSpace(1, (2,), (3,)), None)],
)
def test_the_usual_fallback_is_taken_only_where_it_can_mean_one_thing(space, fallback):
    if fallback is not None:
        assert usual_fallback(space) == fallback
        return
    with pytest.raises(ConfigError, match="at the edge"):
        usual_fallback(space)
