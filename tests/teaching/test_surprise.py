"""Promises of teaching what is usual."""

import json

import numpy as np
import pytest
import torch
from tiny_runs import collect_logs, tiny

from telos.agent.perception import EncoderConfig
from telos.agent.surprise import Surprise
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.errors import ConfigError, DataError, RunError
from telos.data import Episodes, split
from telos.envs import PointMass
from telos.recipes.experiment import train
from telos.recipes.knowledge import load_knowledge
from telos.teaching.surprise import REPORT, fit_surprise, surprise_of, teach_surprise
from telos.testing import TruePointMass

HORIZONS = (1, 2, 4)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Of a point mass that is pushed at random."""
    return Episodes.open(collect_logs(tmp_path_factory.mktemp("usual") / "logs", episodes=1600, steps=16))


def model(predictor) -> torch.nn.Module:
    """With weights as they come: it errs, and always in the same way."""
    torch.manual_seed(1)
    return JEPAConfig(encoder=EncoderConfig(), latent_size=6, predictor=predictor).build(PointMass().spaces).eval().requires_grad_(False)


@pytest.mark.parametrize("predictor", [MLPPredictorConfig(width=16), RecurrentPredictorConfig(width=8)], ids=["memoryless", "recurrent"])
def test_where_nothing_has_changed_a_share_of_five_percent_lies_below_five_percent(logs, predictor):
    known, fresh = split(logs, held_out=0.5, seed=0)
    world_model = model(predictor)
    lesson, _ = fit_surprise(world_model, known, horizons=HORIZONS)
    share, low, high = lesson.below[0.05]
    assert low <= share <= high
    shares = {level: _share_below(lesson.surprise, world_model, fresh, level) for level in (0.05, 0.2, 0.5)}
    assert shares[0.05] == pytest.approx(0.05, abs=0.03)
    assert shares[0.2] == pytest.approx(0.2, abs=0.05)
    assert shares[0.5] == pytest.approx(0.5, abs=0.06)


def test_a_world_that_has_become_sticky_is_noticed_by_a_model_that_was_right(logs, tmp_path):
    world_model = TruePointMass()
    lesson, _ = fit_surprise(world_model, logs, horizons=HORIZONS)
    slow = Episodes.open(collect_logs(tmp_path / "slow", episodes=60, steps=20, seed=5, damping=8.0))
    assert _share_below(lesson.surprise, world_model, slow, 0.05) > 0.8
    assert _share_below(lesson.surprise, world_model, logs, 0.05) < 0.1


def test_a_run_that_was_taught_is_loaded_with_it_and_says_how_well_it_is_calibrated(tmp_path):
    run = train(collect_logs(tmp_path / "logs", episodes=60), tmp_path / "run", recipe=tiny, held_out=0.2)
    stages = []
    lesson = teach_surprise(run, horizons=(1, 3), progress=lambda stage, done, total: stages.append((stage, done, total)))
    found = load_knowledge(run).surprise
    assert isinstance(found, Surprise)
    assert found.horizons == (1, 3)
    assert all(torch.equal(one, two) for one, two in zip(found.state_dict().values(), lesson.surprise.state_dict().values(), strict=True))
    assert json.loads((run.path / REPORT).read_text()) == json.loads(json.dumps(lesson.to_json()))
    assert [stage for stage, done, total in stages if done == total] == ["calibrate", "check"]
    assert all(torch.equal(one, two) for one, two in zip(surprise_of(run).state_dict().values(), found.state_dict().values(), strict=True))
    own = Episodes.open(collect_logs(tmp_path / "own", episodes=40, seed=3))
    assert teach_surprise(run, own, horizons=(1, 3)).num_steps == 27 * 14
    assert not torch.equal(load_knowledge(run).surprise.energy_ranks, found.energy_ranks)
    train(collect_logs(tmp_path / "more", seed=9), tmp_path / "other", recipe=tiny)
    for suffix in (".json", ".safetensors"):
        (tmp_path / "other" / f"surprise{suffix}").write_bytes((run.path / f"surprise{suffix}").read_bytes())
    with pytest.raises(RunError, match="other weights"):
        load_knowledge(tmp_path / "other")


def test_too_little_to_learn_from_is_refused(logs):
    with pytest.raises(DataError, match="what is usual"):
        fit_surprise(model(MLPPredictorConfig(width=16)), split(logs, held_out=0.001, seed=0)[1])
    with pytest.raises(ConfigError, match="horizons"):
        fit_surprise(model(MLPPredictorConfig(width=16)), logs, horizons=(3, 1))


def _share_below(surprise, world_model, logs, level: float) -> float:
    """Of all steps of whole episodes, as an agent lives through them."""
    seen = torch.from_numpy(np.stack([logs.episode(i).observations for i in range(logs.num_episodes)]))
    actions = torch.from_numpy(np.stack([logs.episode(i).actions for i in range(logs.num_episodes)]))
    state = world_model.observe(None, None, seen[:, 0])
    expected, found = surprise.begin(world_model, state), []
    for time in range(actions.shape[1]):
        expected = surprise.expect(world_model, expected, state, actions[:, time])
        state = world_model.observe(state, actions[:, time], seen[:, time + 1])
        found.append(surprise.p_value(expected, state))
    return float((torch.stack(found) < level).float().mean())
