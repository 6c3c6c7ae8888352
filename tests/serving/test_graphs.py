"""Promises of exported graphs: they compute what the model computes, with torch alone."""

import contextlib
import functools
import json
import subprocess
import sys

import jaxtyping
import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, MPPI, RandomShooting
from telos.agent.tasks import ReachGoal
from telos.core.errors import DataError
from telos.core.logs import map_tree
from telos.serving.chance import ChanceTape
from telos.serving.graphs import PolicyGraph, export_graphs
from tests.serving.conftest import SPACES, make_agent, seen

LOAD_AND_RUN = """
import sys, torch
encoder = torch.export.load(sys.argv[1] + "/encoder.pt2").module()
step = torch.export.load(sys.argv[1] + "/step.pt2").module()
state = encoder(torch.ones(7, 3))
for _ in range(2):
    state = step(state, torch.full((7, 2), 0.5))
assert "telos" not in sys.modules
print(state[0].sum().item())
"""


def tensors(kind, num=1):
    value = seen(kind)
    dtypes = {"camera": torch.uint8, "joints": torch.float32}
    if isinstance(value, dict):
        return {name: torch.tensor(part).to(dtypes[name]).expand(num, *np.shape(part)) for name, part in value.items()}
    return torch.tensor(value).to(torch.uint8 if kind == "pixels" else torch.float32).expand(num, *np.shape(value))


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """The graphs of a kind; exported once."""

    @functools.cache
    def folder_of(kind):
        folder = tmp_path_factory.mktemp("graphs") / kind
        graphs = {graph.name: graph for graph in export_graphs(make_agent(SPACES[kind]), folder)}
        assert set(graphs) == {"encoder", "step", "policy"}
        assert all(graph.difference <= 1e-5 for graph in graphs.values())
        return folder

    return folder_of


@pytest.mark.parametrize("kind", SPACES)
def test_every_graph_equals_its_model_at_any_batch(kind, folder_of):
    agent, folder = make_agent(SPACES[kind]), folder_of(kind)
    encoder = torch.export.load(folder / "encoder.pt2").module()
    for num in (1, 4, 9):
        expected = agent.world_model.observe(None, None, map_tree(torch.clone, tensors(kind, num)))
        torch.testing.assert_close(encoder(map_tree(torch.clone, tensors(kind, num)))[0], expected.latent)
    said = json.loads((folder / "graphs.json").read_text())
    assert [graph["name"] for graph in said["graphs"]] == ["encoder", "step", "policy"]


def test_graphs_run_where_there_is_no_telos(folder_of):
    agent = make_agent(SPACES["vector"])
    run = subprocess.run([sys.executable, "-c", LOAD_AND_RUN, str(folder_of("vector"))], capture_output=True, text=True, check=True)
    state = agent.world_model.observe(None, None, torch.ones(7, 3))
    with torch.no_grad():
        for _ in range(2):
            state = agent.world_model.step(state, torch.full((7, 2), 0.5))
    assert float(run.stdout) == pytest.approx(state.latent.sum().item(), rel=1e-5)


@pytest.mark.parametrize(
    "planner",
    [
        MPPI(horizon=4, num_candidates=8, num_iterations=2),
        pytest.param(CEM(horizon=4, num_candidates=40), marks=pytest.mark.slow),
        pytest.param(ICEM(horizon=4, num_candidates=40), marks=pytest.mark.slow),
    ],
    ids=lambda p: type(p).__name__,
)
def test_the_policy_decides_as_the_agent_does_with_the_same_chance(planner, tmp_path):
    agent = make_agent(SPACES["vector"], planner)
    export_graphs(agent, tmp_path / "graphs")
    policy = torch.export.load(tmp_path / "graphs/policy.pt2").module()
    observation, goal = tensors("vector"), tensors("vector") + 1
    drawn = []

    class Recording(ChanceTape):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            value = super().__torch_function__(func, types, args, kwargs)
            if func is torch.randn:
                drawn.append(value.flatten())
            return value

    agent.set_task(ReachGoal(goal[0].numpy()))
    with Recording(None):
        expected = agent.act(observation[0].numpy())
    torch.testing.assert_close(policy(observation, goal, torch.cat(drawn))[0], torch.from_numpy(expected))


@pytest.mark.parametrize(
    "planner", [MPPI(horizon=4, num_candidates=8, num_iterations=2), RandomShooting(horizon=4, num_candidates=8)], ids=lambda p: type(p).__name__
)
def test_a_search_can_be_captured_for_any_number_of_problems(planner):
    agent = make_agent(SPACES["vector"], planner)
    policy = PolicyGraph(agent.world_model, agent.settings)
    rows = torch.export.Dim("batch", min=1, max=1 << 20)
    given = lambda num: (torch.rand(num, 3), torch.rand(num, 3) + 1, torch.randn(4 * 8 * 2 * 2))  # noqa: E731
    with torch.no_grad(), jaxtyping_off():
        captured = torch.export.export(policy, given(3), dynamic_shapes=({0: rows}, {0: rows}, None)).module()
        for num in (1, 2, 7):
            asked = given(num)
            torch.testing.assert_close(captured(*asked), policy(*asked), rtol=1e-4, atol=1e-4)


@contextlib.contextmanager
def jaxtyping_off():
    """Checks of shapes at run time are none of a graph's business."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def test_uniform_draws_come_from_the_same_tape():
    policy = PolicyGraph(
        make_agent(SPACES["vector"]).world_model, make_agent(SPACES["vector"], RandomShooting(horizon=3, num_candidates=16)).settings
    )
    with ChanceTape(torch.randn(1000, generator=torch.Generator().manual_seed(0))) as tape:
        numbers = torch.rand(500)
    assert tape.used == 500 and numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.05
    noise = torch.randn(1000)
    with torch.no_grad():
        actions = [policy(tensors("vector"), tensors("vector") + 1, noise) for _ in range(2)]
    torch.testing.assert_close(*actions)


def test_a_folder_that_is_taken_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="not empty"):
        export_graphs(make_agent(SPACES["vector"]), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
