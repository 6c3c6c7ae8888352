"""A run made of somebody else's weights is a run like any other."""

import pytest
import tiny_lewm
import tiny_runs
import torch
from safetensors.torch import save_file

from telos.core.errors import RunError
from telos.data import Episodes
from telos.evaluation.recovery import recover
from telos.recipes.experiment import load_agent, load_recipe, load_world_model, train
from telos.recipes.lewm import import_lewm, load_lewm


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tiny_runs.collect_logs(tmp_path_factory.mktemp("lewm") / "logs", "two-rooms", size=16)


@pytest.fixture(scope="module")
def run(logs):
    file = logs.parent / "weights.safetensors"
    save_file(tiny_lewm.weights("stable_worldmodel"), file)
    return import_lewm(file, logs, logs.parent / "run", untold=tiny_lewm.UNTOLD)


def test_it_holds_the_model_for_the_world_of_the_logs(run, logs):
    store = Episodes.open(logs)
    expected = load_lewm(tiny_lewm.weights("stable_worldmodel"), store.spaces, actions=store.moments("action"), untold=tiny_lewm.UNTOLD)
    found = load_world_model(run)
    assert found.spaces == store.spaces
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in expected.state_dict().items())


def test_it_says_where_the_weights_came_from(run):
    told = run.description["imported"]
    assert told["weights"].endswith("weights.safetensors")
    assert len(told["checksum"]) == 32


def test_it_plans(run, logs):
    planner = load_recipe(run).agent.planner
    assert (planner.num_candidates, planner.num_iterations, planner.horizon) == (300, 30, 5)
    recovery = recover(load_agent(run), Episodes.open(logs), episode=0, start=2, goal=6)
    assert recovery.planned.energy >= 0


def test_it_can_be_trained_further(run, logs, tmp_path, monkeypatch):
    small = tiny_runs.shrink(load_recipe(run))
    monkeypatch.setattr("telos.recipes.experiment.load_recipe", lambda source: small)
    finer = train(logs, tmp_path / "finer", from_run=run.path)
    before, after = load_world_model(run).state_dict(), load_world_model(finer).state_dict()
    assert torch.equal(before["encoder.normalization.mean"], after["encoder.normalization.mean"])
    assert not torch.equal(before["encoder.embed.weight"], after["encoder.embed.weight"])


def test_a_folder_that_holds_something_is_left_alone(run, logs):
    with pytest.raises(RunError, match="not empty"):
        import_lewm(logs.parent / "weights.safetensors", logs, run.path, untold=tiny_lewm.UNTOLD)
