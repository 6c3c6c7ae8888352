from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from safetensors.torch import load_file

import telos
from telos.agent.actor import CEM, MPPI
from telos.core import config
from telos.core.errors import ConfigError, DataError, RunError, SpaceError, UnknownNameError
from telos.data import Mixture, split
from telos.recipes import default, pixels
from telos.recipes.experiment import choose_recipe, load_agent, load_untrained, load_world_model, make_fabric, open_logs, train

OWN = """
from dataclasses import replace
from telos.recipes import default

def short(logs):
    return replace(default(logs), name="short")

NUMBER = 7

def gives_nothing(logs):
    return None
"""
NUMBERED = """
from dataclasses import dataclass
from telos.recipes import Recipe, default

@dataclass(frozen=True, kw_only=True)
class Own(Recipe):
    number: int = {number}

def make(logs):
    return Own(**vars(default(logs)))
"""


@pytest.fixture(scope="module")
def run(stores, tmp_path_factory):
    return train(stores["pixels"].path, tmp_path_factory.mktemp("runs") / "run", recipe=tiny_runs.tiny)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_a_recipe_may_be_a_name_a_value_a_function_or_a_function_in_a_file(stores, own):
    logs = stores["pixels"]
    assert choose_recipe("pixels", logs) == choose_recipe(pixels, logs) == choose_recipe(pixels(logs), logs) == pixels(logs)
    assert choose_recipe(f"{own}:short", logs).name == "short"
    assert choose_recipe("telos.recipes:pixels", logs) == pixels(logs)


def test_a_recipe_nobody_knows_is_answered_with_the_closest(stores):
    with pytest.raises(UnknownNameError, match="did you mean 'sigreg'"):
        choose_recipe("sigregs", stores["pixels"])


@pytest.mark.parametrize(("name", "words"), [("NUMBER", "gives a int"), ("gives_nothing", "gives a NoneType"), ("nowhere", "called 'nowhere'")])
def test_what_is_no_recipe_is_refused(stores, own, name, words):
    with pytest.raises((ConfigError, UnknownNameError), match=words):
        choose_recipe(f"{own}:{name}", stores["pixels"])


def test_files_and_modules_that_cannot_be_loaded_are_named(stores, tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    for name, words in (
        (f"{tmp_path}/missing.py:x", "missing.py"),
        (f"{tmp_path}/broken.py:x", "ZeroDivisionError"),
        ("no.such.module:x", "no.such"),
    ):
        with pytest.raises(ConfigError, match=words):
            choose_recipe(name, stores["pixels"])


def test_two_files_of_the_same_name_are_two_recipes(stores, tmp_path):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "own.py").write_text(NUMBERED.format(number=number))
    recipes = [choose_recipe(f"{tmp_path}/{number}/own.py:make", stores["vector"]) for number in (1, 2)]
    assert [config.from_json(config.to_json(recipe)).number for recipe in recipes] == [1, 2]


def test_several_stores_are_trained_on_as_one(stores, tmp_path):
    other = tiny_runs.collect_logs(tmp_path / "other", seed=1)
    paths = [stores["vector"].path, other]
    assert isinstance(open_logs(paths), Mixture) and open_logs(paths).num_episodes == 60
    run = train(paths, tmp_path / "run", recipe=tiny_runs.tiny)
    assert [part["path"] for part in run.description["data"]] == [str(path.resolve()) for path in paths]
    with pytest.raises(SpaceError, match="cannot be mixed"):
        open_logs([stores["vector"].path, stores["pixels"].path])


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        train(tmp_path / "nowhere", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_that_cannot_be_held_out_is_refused(stores, tmp_path, share):
    with pytest.raises(ConfigError, match="held out"):
        train(stores["vector"].path, tmp_path / "run", recipe=tiny_runs.tiny, held_out=share)


def test_a_run_tells_all_that_it_takes_to_make_it_again(stores, run):
    about, store = run.description, stores["pixels"]
    assert about["recipe"]["class"] == "telos.recipes.recipe:Recipe" and about["telos"] == telos.__version__
    assert about["seed"] == 0 and about["held_out"] == 0.1 and about["from_run"] is None
    assert about["spaces"] == store.spaces.to_json()
    assert about["data"] == [{"path": str(store.path.resolve()), "fingerprint": store.fingerprint, "environment": store.environment}]


def test_the_loaded_model_is_the_trained_one_ready_for_use(stores, run):
    model = load_world_model(run)
    assert not model.training
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in load_file(run.weights_file).items())
    training = split(stores["pixels"])[0]
    mean = np.concatenate([training.episode(index).observations for index in range(training.num_episodes)]).mean((0, 1, 2))
    np.testing.assert_allclose(model.encoder.normalization.mean.numpy(), mean, rtol=1e-4)


def test_the_untrained_model_is_the_one_that_training_began_with(stores, run, tmp_path):
    recipe = tiny_runs.shrink(default(stores["pixels"]), steps=(1,))
    (first,) = recipe.curriculum.phases
    still = replace(recipe, curriculum=replace(recipe.curriculum, phases=(replace(first, learning_rate=1e-30, weight_decay=0.0),)))
    begun = load_file(train(stores["pixels"].path, tmp_path / "run", recipe=still).weights_file)
    fresh, trained = load_untrained(run).state_dict(), load_file(run.weights_file)
    assert set(fresh) == set(begun)
    for name, value in begun.items():
        torch.testing.assert_close(fresh[name], value)
    assert not torch.equal(fresh["encoder.project.weight"], trained["encoder.project.weight"])


def test_an_agent_takes_another_planner_or_a_budget(run):
    agent = load_agent(run, planner=CEM(horizon=4, num_candidates=8, num_elites=3), budget_ms=5.0)
    assert isinstance(agent.settings.planner, CEM) and agent.settings.budget_ms == 5.0
    assert isinstance(load_agent(run, budget_ms=5.0).settings.planner, MPPI)


def test_goals_and_observations_of_another_size_are_refused_in_one_sentence(run):
    agent = load_agent(run)
    for goal in (np.zeros((32, 32, 3), np.uint8), np.zeros((16, 16, 3), np.float32), np.zeros(4, np.float32), {"camera": np.zeros(3)}):
        with pytest.raises(SpaceError, match="The goal"):
            agent.set_task(telos.ReachGoal(goal))
    agent.set_task(telos.ReachGoal(np.zeros((16, 16, 3), np.uint8)))
    with pytest.raises(SpaceError, match=r"The observation has shape \[8, 8, 3\]"):
        agent.act(np.zeros((8, 8, 3), np.uint8))


def test_an_unfinished_run_is_no_agent(run, tmp_path):
    unfinished = telos.Run.create(tmp_path / "run", run.description)
    with pytest.raises(RunError, match="has not been trained to its end"):
        load_agent(unfinished)


@pytest.mark.parametrize(
    "wrong",
    [{"devices": 0}, {"num_nodes": 0}, {"accelerator": "nope"}],
    ids=str,
)
def test_a_way_of_running_that_is_not_there_is_refused_in_one_sentence(wrong):
    with pytest.raises(ConfigError, match="Training cannot run like this"):
        make_fabric(**{"accelerator": "cpu", **wrong})


@pytest.mark.parametrize("strategy", ["dpp", "fsdp2", "deepspeed"])
def test_a_strategy_that_training_does_not_know_is_answered_with_those_it_does(strategy):
    with pytest.raises(UnknownNameError, match="one of auto, ddp, fsdp"):
        make_fabric(strategy=strategy)


def test_shares_of_weights_with_64_bits_are_refused_with_what_to_do():
    with pytest.raises(ConfigError, match="take 32-true, or the strategy ddp"):
        make_fabric(strategy="fsdp", precision="64-true", accelerator="cpu")


@pytest.mark.parametrize("precision", ["bf16-tru", "16-mixed", "bf16-true"])
def test_a_precision_that_training_does_not_know_is_answered_with_the_closest(precision):
    with pytest.raises(UnknownNameError, match="one of 32-true, 64-true, bf16-mixed"):
        make_fabric(precision=precision)
