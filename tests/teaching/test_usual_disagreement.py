"""Promises of the unit in which disagreement is counted."""

import numpy as np
import pytest
import torch
from tiny_runs import collect_logs, shrink

from telos.agent.cost import Disagreement
from telos.agent.tasks import ReachGoal
from telos.agent.world_model import EnsemblePredictorConfig
from telos.core.errors import ConfigError
from telos.core.types import Problem
from telos.data import Episodes, split
from telos.recipes import default, ensemble
from telos.recipes.experiment import load_agent, load_world_model, train
from telos.teaching.disagreement import measure_disagreement, usual_disagreement
from telos.training.codes import CodeWindows


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of a tiny ensemble."""
    folder = tmp_path_factory.mktemp("ensemble")
    return train(collect_logs(folder / "logs"), folder / "run", recipe=lambda logs: shrink(ensemble(logs)), held_out=0.3)


def test_the_recipe_makes_an_ensemble_whose_agent_acts(run):
    model = load_world_model(run)
    assert model.predictor.num_members == EnsemblePredictorConfig().num_members
    agent = load_agent(run)
    store = Episodes.open(run.description["data"][0]["path"])
    agent.set_task(ReachGoal(store.episode(0).observations[-1:]) + 0.1 * measure_disagreement(run))
    assert agent.act(store.episode(1).observations[:1]).shape == (1, 2)


def test_along_held_out_logs_a_share_of_the_level_costs_nothing(run):
    model = load_world_model(run)
    store = Episodes.open(run.description["data"][0]["path"])
    _, held_out = split(store, held_out=0.3, seed=run.description["seed"])
    cost = usual_disagreement(model, held_out, horizon=5, level=0.8)
    drawn = CodeWindows(model, held_out).windows(np.random.default_rng(7), 500, 5)
    state = model.assemble(drawn.observations, drawn.actions, drawn.frames).at(0)
    with torch.no_grad():
        energy = cost.energy(model.rollout(state, drawn.actions), Problem(state=state))
    assert (energy == 0).float().mean() == pytest.approx(0.8, abs=0.05)
    assert measure_disagreement(run, level=0.99).threshold > measure_disagreement(run, level=0.5).threshold
    assert measure_disagreement(run) == measure_disagreement(run) and isinstance(cost, Disagreement)


def test_what_cannot_be_measured_is_refused(run, tmp_path):
    store = Episodes.open(run.description["data"][0]["path"])
    plain = train(store.path, tmp_path / "plain", recipe=lambda logs: shrink(default(logs)))
    with pytest.raises(ConfigError, match="no ensemble"):
        measure_disagreement(plain)
    with pytest.raises(ConfigError, match="no share"):
        measure_disagreement(run, level=1.0)
