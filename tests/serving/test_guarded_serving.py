"""A served agent obeys its guardrails, and says when its fallback runs; what would lead past the gate is refused."""

import asyncio

import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.cost import ActionEffort, PathDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut, Limit
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.core.errors import GuardrailError
from telos.serving.app import Server
from telos.serving.graphs import PolicyGraph, export_graphs
from telos.serving.limits import ActionLimits
from telos.serving.settings import ServingSettings
from telos.testing import true_knowledge
from tests.serving.conftest import SPACES, Sleepy, client_of, make_agent, seen

BRAKE = Brake(quantity="velocity", gain=10.0, steps=6)
PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=BRAKE)
NEVER = Guardrail(name="never", requirement=Limit(quantity="position", most=-9.0), fallback=BRAKE)


def make_guarded(*guardrails, planner=None):
    settings = AgentSettings(planner=planner or MPPI(horizon=6, num_candidates=16, num_iterations=2), cost=PathDistance())
    return Agent(true_knowledge(), settings, guardrails=guardrails)


def serve(make, slew=None, deadline_ms=2000.0):
    space = make().world_model.spaces.action
    times = ServingSettings(deadline_ms=deadline_ms, stale_ms=5000.0, watchdog_ms=5000.0)
    return Server(make, ActionLimits(space, slew, "zero"), times)


async def answers(server, observations, pause=0.0):
    async with client_of(server) as client:
        session = (await client.post("/sessions", json={"goal": [0.9, 0.5, 0.0, 0.0]})).json()["session"]
        found = []
        for frame, observation in enumerate(observations):
            found.append((await client.post(f"/sessions/{session}/act", json={"frame": frame, "observation": observation})).json())
            await asyncio.sleep(pause)
        return found


def test_an_answer_says_whether_it_is_a_plan_or_the_fallback():
    (found,) = asyncio.run(answers(serve(lambda: make_guarded(PILLAR)), [[0.1, 0.5, 0.0, 0.0]]))
    assert found["source"] == "plan"
    (found,) = asyncio.run(answers(serve(lambda: make_guarded(NEVER)), [[0.2, 0.5, 0.05, 0.0]]))
    assert found["source"] == "fallback"
    assert found["action"] == pytest.approx([-0.5, 0.0], abs=1e-6)


def test_what_stands_in_for_a_late_plan_is_the_fallback_that_was_checked():
    planner = Sleepy(horizon=6, num_candidates=8, seconds=0.0)
    server = serve(lambda: make_guarded(PILLAR, planner=planner), deadline_ms=600.0)

    async def test():
        async with client_of(server) as client:
            session = (await client.post("/sessions", json={"goal": [0.9, 0.5, 0.0, 0.0]})).json()["session"]

            async def act(frame):
                body = {"frame": frame, "observation": [0.1, 0.5, 0.3, 0.0]}
                return (await client.post(f"/sessions/{session}/act", json=body)).json()

            first = await act(0)
            object.__setattr__(planner, "seconds", 5.0)
            return first, await act(1)

    first, second = asyncio.run(test())
    assert first["source"] == "plan" and second["source"] == "previous plan"
    # After any push of one step the point is still fast enough to be braked as hard as can be.
    assert second["action"][0] == pytest.approx(-1.0)


def test_a_slew_limit_would_change_what_the_gate_has_passed():
    with pytest.raises(GuardrailError, match="slew"):
        serve(lambda: make_guarded(PILLAR), slew=0.1)
    serve(make_guarded, slew=0.1)


def test_a_policy_that_would_not_know_of_guardrails_is_not_exported(tmp_path):
    with pytest.raises(GuardrailError, match="'pillar'"):
        export_graphs(make_guarded(PILLAR), tmp_path / "graphs")
    assert not (tmp_path / "graphs").exists()


def test_drives_travel_with_an_exported_policy():
    agent = make_guarded()
    driven = Agent(agent.knowledge, agent.settings, drives=10.0 * ActionEffort())
    seen, goal = torch.tensor([[0.1, 0.5, 0.0, 0.0]]), torch.tensor([[0.9, 0.5, 0.0, 0.0]])
    torch.manual_seed(0)
    plain, careful = (PolicyGraph(one.world_model, one.settings, one.drives).plan(seen, goal) for one in (agent, driven))
    assert careful.norm() < plain.norm()


def test_without_guardrails_the_rest_of_the_plan_may_follow():
    agent = make_agent(SPACES["vector"])
    agent.set_task(ReachGoal(seen("vector")))
    agent.act(seen("vector"))
    assert torch.equal(agent.continuation(2), agent.last_plan.actions[:, 1:3])
