"""What is worth remembering is found in the logs of usual life."""

import pytest
import torch
from tiny_runs import collect_logs, tiny

from telos import load_agent
from telos.agent.memory import recollection
from telos.core.errors import ConfigError, DataError
from telos.data import Episodes, split
from telos.recipes.experiment import load_world_model, train
from telos.teaching.memory import STEPS_WITHIN_REACH, teach_memory, usual_steps


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    return train(collect_logs(folder / "logs", episodes=140), folder / "run", recipe=tiny, held_out=0.4)


@pytest.fixture(scope="module")
def held_out(run):
    return split(Episodes.open(run.description["data"][0]["path"]), held_out=0.4, seed=run.description["seed"])[1]


def test_a_share_alpha_of_usual_steps_is_taken_for_something_new(run, held_out):
    errors, moves = usual_steps(load_world_model(run), held_out, seed=9)
    for alpha in (0.2, 0.05):
        config = teach_memory(run, alpha=alpha).config
        assert (errors > config.threshold).double().mean().item() == pytest.approx(alpha, abs=0.25 * alpha)
    assert config.latent_reach == pytest.approx(STEPS_WITHIN_REACH * moves.median().item(), rel=0.05)


def test_a_taught_run_remembers_what_is_unusual_and_nothing_else(run, held_out):
    teach_memory(run, alpha=0.02, slots=3)
    model = load_agent(run, memory="episode").world_model
    episode = held_out.episode(0)
    seen, actions = torch.tensor(episode.observations), torch.tensor(episode.actions)
    with torch.no_grad():
        first = model.observe(None, None, seen[:1])
        usual = model.observe(first, actions[:1], seen[1:2])
        odd = model.observe(first, actions[:1], seen[1:2] + 5.0)
    assert recollection(usual).stored.item() == 0
    assert recollection(odd).stored.item() == 1


def test_what_cannot_be_taught_is_refused(run, held_out):
    for alpha in (0, 1):
        with pytest.raises(ConfigError, match="share of usual steps"):
            teach_memory(run, alpha=alpha)
    with pytest.raises(DataError, match="collect more episodes"):
        usual_steps(load_world_model(run), split(held_out, held_out=0.1, seed=0)[1])
