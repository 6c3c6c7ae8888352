"""Promises of the sense of what is familiar."""

import numpy as np
import pytest
import torch
from tiny_runs import collect_logs, tiny

from telos.agent.cost import ActionEffort, Drives
from telos.agent.cost.familiarity import Familiarity, FamiliarityConfig
from telos.agent.tasks import ReachGoal, StayNearData
from telos.core.errors import ConfigError, DataError, RunError
from telos.core.readouts import Knowledge
from telos.core.types import Problem, Rollout, State
from telos.data import Episodes, split
from telos.envs import PointMass
from telos.recipes.experiment import load_agent, train
from telos.recipes.knowledge import load_knowledge
from telos.teaching.familiarity import familiarity_of, fit_familiarity, prepare_for, strangeness, teach_familiarity
from telos.testing import TruePointMass
from telos.testing.costs import LATENT, check_cost, example_futures


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Of a point mass, long enough to have been everywhere."""
    return Episodes.open(collect_logs(tmp_path_factory.mktemp("familiar") / "logs", episodes=400, steps=25))


@pytest.fixture(scope="module")
def taught(logs):
    """Of a model that is always right; its latent is the position, from 0 to 1."""
    model = TruePointMass()
    known, held_out = split(logs, held_out=0.3, seed=0)
    familiarity, _ = fit_familiarity(model, known, held_out, horizon=10)
    return model, familiarity, held_out


def along(*positions) -> tuple[Rollout, Problem]:
    latent = torch.tensor(positions)[None]
    state = State(latent=latent[:, 0], belief=latent[:, 0])
    return Rollout(latent=latent, actions=torch.zeros(1, len(positions), 2)), Problem(state=state)


def test_it_keeps_the_promises_of_a_cost():
    familiarity = FamiliarityConfig(latent_size=LATENT, num_directions=3, num_components=5).build()
    generator = torch.Generator().manual_seed(0)
    for name, buffer in familiarity.named_buffers():
        if name in ("quadratic", "linear", "constant"):
            buffer.copy_(torch.rand(buffer.shape, generator=generator))
    assert familiarity.energy(*example_futures(0)).max() > 0
    check_cost(familiarity)


def test_what_the_logs_show_costs_nothing_and_what_they_do_not_costs_more_the_farther_it_lies(taught):
    _, familiarity, held_out = taught
    positions = torch.from_numpy(np.concatenate([held_out.episode(i).observations[:, :2] for i in range(held_out.num_episodes)]))
    rollout, problem = along(*positions.tolist())
    assert (familiarity.energy(rollout, problem) == 0).float().mean() >= 0.985
    outside = familiarity.energy(*along((1.5, 0.5), (2.0, 0.5), (4.0, 0.5)))[0]
    assert 0 < outside[0] < outside[1] < outside[2]


def test_its_unit_is_a_deviation(taught):
    _, familiarity, _ = taught
    far = familiarity.deviations(torch.tensor([[40.0, 0.5], [80.0, 0.5]]))
    assert far[1] / far[0] == pytest.approx(2, rel=0.05)
    two = familiarity.energy(*along((40.0, 0.5), (80.0, 0.5)))[0]
    assert (2 * two + familiarity.threshold).tolist() == pytest.approx(far.tolist(), rel=1e-4), "the mean over the path of what lies beyond"


def test_its_slope_leads_back(taught):
    _, familiarity, _ = taught
    here = torch.tensor([[1.6, 0.5]])
    for _ in range(200):
        latent = here[None].clone().requires_grad_()
        rollout = Rollout(latent=latent, actions=torch.zeros(1, 1, 2))
        (slope,) = torch.autograd.grad(familiarity.energy(rollout, Problem(state=State(latent[:, 0], latent[:, 0]))).sum(), latent)
        here = here - 0.01 * slope[0] / slope[0].norm().clamp_min(1e-6)
    assert familiarity.energy(*along(here[0].tolist())).item() == 0
    assert 0 <= here[0, 0] <= 1.2, "back in the arena"


def test_among_what_is_familiar_ranks_are_even(taught, tmp_path):
    _, familiarity, _ = taught
    fresh = Episodes.open(collect_logs(tmp_path / "fresh", episodes=200, steps=25, seed=7))
    positions = torch.from_numpy(np.array(fresh.rows("observation")[:, :2]))
    for alpha in (0.05, 0.2, 0.5):
        assert (familiarity.p_value(positions) <= alpha).float().mean() == pytest.approx(alpha, abs=0.06)
    assert familiarity.p_value(torch.tensor([[3.0, 3.0]])).item() <= 1 / 500


def test_a_world_that_answers_otherwise_is_strange_though_it_looks_the_same(tmp_path):
    """A model that errs a little, in a world of which the damping has changed."""
    folder = collect_logs(tmp_path / "logs", episodes=60, steps=25, damping=1.0)
    known, held_out = split(Episodes.open(folder), held_out=0.3, seed=0)
    model = TruePointMass(PointMass(damping=0.8))
    familiarity, _ = fit_familiarity(model, known, held_out, horizon=10)
    knowledge = Knowledge(world_model=model, familiarity=familiarity)
    usual, changed = (
        strangeness(knowledge, Episodes.open(collect_logs(tmp_path / f"{damping}", episodes=60, steps=25, seed=3, damping=damping)))
        for damping in (1.0, 6.0)
    )
    assert usual.steps < 0.1
    assert changed.steps > 0.3
    assert max(usual.states, changed.states) < 0.2


def test_an_agent_without_a_sense_of_the_familiar_says_so(logs):
    with pytest.raises(ConfigError, match="teach_familiarity"):
        strangeness(Knowledge(world_model=TruePointMass()), logs)


def test_a_run_is_taught_once_and_knows_it_from_then_on(tmp_path):
    run = train(collect_logs(tmp_path / "logs"), tmp_path / "run", recipe=tiny)
    assert load_knowledge(run).familiarity is None
    first = familiarity_of(run)
    kept = load_knowledge(run).familiarity
    assert isinstance(kept, Familiarity)
    latent = torch.randn(5, kept.mean.shape[0])
    assert torch.equal(kept.deviations(latent), first.deviations(latent))
    assert torch.equal(familiarity_of(run, seed=9).deviations(latent), first.deviations(latent)), "it is not taught again"


def test_a_task_that_asks_for_it_teaches_it(tmp_path):
    run = train(collect_logs(tmp_path / "logs"), tmp_path / "run", recipe=tiny)
    goal = ReachGoal(np.full(4, 0.5, np.float32))
    prepare_for(goal + ActionEffort(), run)
    assert load_knowledge(run).familiarity is None
    task = goal + 0.1 * StayNearData()
    prepare_for(task, run)
    agent = load_agent(run)
    agent.set_task(task)
    assert agent.act(np.full(4, 0.3, np.float32)).shape == (2,)


def test_the_same_seed_teaches_the_same_and_another_model_is_refused(tmp_path):
    logs = collect_logs(tmp_path / "logs")
    runs = [train(logs, tmp_path / f"run-{seed}", recipe=tiny, seed=seed) for seed in (0, 1)]
    first, again = teach_familiarity(runs[0]), teach_familiarity(runs[0])
    assert all(torch.equal(one, other) for one, other in zip(first.buffers(), again.buffers(), strict=True))
    for suffix in (".json", ".safetensors"):
        (runs[1].path / f"familiarity{suffix}").write_bytes((runs[0].path / f"familiarity{suffix}").read_bytes())
    with pytest.raises(RunError, match="other weights"):
        load_knowledge(runs[1])


def test_too_little_to_go_by_is_refused(tmp_path):
    few = Episodes.open(collect_logs(tmp_path / "logs", episodes=4, steps=5))
    with pytest.raises(DataError, match="100"):
        fit_familiarity(TruePointMass(), few, few, horizon=3)


def test_logs_that_are_gone_are_named(tmp_path):
    run = train(collect_logs(tmp_path / "logs"), tmp_path / "run", recipe=tiny)
    (tmp_path / "logs").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"logs"):
        familiarity_of(run)


@pytest.mark.parametrize("wrong", [{"num_directions": 5}, {"num_components": 0}, {"level": 1.0}])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"cannot be looked at|no share"):
        FamiliarityConfig(**{"latent_size": 4, "num_directions": 4, "num_components": 2, **wrong})


def test_drives_are_one_cost_and_know_nothing_of_goals(taught):
    model, familiarity, _ = taught
    knowledge = Knowledge(world_model=model, familiarity=familiarity)
    cost = Drives(effort=0.5, near_data=2.0).cost(knowledge)
    assert cost is not None
    rollout, problem = along((3.0, 0.5), (4.0, 0.5))
    pushed = Rollout(latent=rollout.latent, actions=torch.ones(1, 2, 2))
    effort, strange = cost.energy(pushed, problem) - cost.energy(rollout, problem), familiarity.energy(rollout, problem)
    assert effort.tolist() == [[pytest.approx(0.5), pytest.approx(0.5)]]
    assert torch.allclose(cost.energy(rollout, problem), 2 * strange)
    assert Drives().cost(knowledge) is None


def test_a_drive_towards_data_that_nobody_has_looked_at_is_refused():
    with pytest.raises(ConfigError, match="familiar"):
        Drives(near_data=1.0).cost(Knowledge(world_model=TruePointMass()))
    with pytest.raises(ConfigError, match="effort"):
        Drives(effort=-1.0)
