from dataclasses import replace

import numpy as np
import pytest
import tiny_runs

import telos
from telos.agent.world_model import RecurrentPredictorConfig
from telos.core import config
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, TreeSpace, space_from_gym
from telos.data import HeldRandomActions, collect
from telos.envs import make_env, make_vector_env
from telos.recipes import STANDARD, clips, default, far, pixels, recurrent, robust, scenery, sigreg
from telos.recipes.experiment import load_agent, load_recipe, train
from telos.training.objectives import Covariance, SIGReg, Variance

CASES = [
    ("default", "vector"),
    ("default", "pixels"),
    ("default", "clips"),
    ("default", "scenery"),
    ("default", "tree"),
    ("default", "choices"),
    ("vector", "vector"),
    ("pixels", "pixels"),
    ("pixels", "tree"),
    ("chance", "vector"),
    ("chance", "scenery"),
    ("chance", "choices"),
    ("noise", "vector"),
    ("noise", "pixels"),
    ("contact", "pixels"),
    ("contact", "tree"),
    ("ensemble", "choices"),
    ("ensemble", "scenery"),
    ("far", "pixels"),
    ("far", "vector"),
    ("far", "choices"),
    ("scenery", "scenery"),
    ("recurrent", "vector"),
    ("recurrent", "pixels"),
    ("recurrent", "scenery"),
    ("recurrent", "choices"),
    ("robust", "pixels"),
    ("robust", "scenery"),
    ("robust", "tree"),
    ("sigreg", "vector"),
    ("sigreg", "pixels"),
    ("sigreg", "scenery"),
    ("sigreg", "tree"),
    ("touch", "vector"),
    ("touch", "choices"),
    ("transformer", "pixels"),
    ("transformer", "tree"),
    ("walls", "vector"),
    ("walls", "choices"),
]


def any_action_of(space, action) -> bool:
    return action.shape == space.shape and action.dtype == space.dtype and np.isfinite(action).all()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_recipe_trains_on_logs_of_its_kind_and_its_agent_acts(stores, tmp_path, name, kind):
    store = stores[kind]
    run = train(store.path, tmp_path / "run", recipe=lambda logs: tiny_runs.shrink(STANDARD[name](logs), steps=(4, 2, 2)))
    assert run.finished
    agent, piece = load_agent(run), store.episode(0)
    whole = isinstance(store.spaces.observation, TreeSpace)
    frames = [{part: leaf[time] for part, leaf in piece.observations.items()} if whole else piece.observations[time] for time in range(3)]
    agent.set_task(telos.ReachGoal(frames[-1]))
    for frame in frames[:2]:
        assert any_action_of(store.spaces.action, agent.act(frame))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("vector", "vector"), ("pixels", "pixels"), ("clips", "clips"), ("scenery", "scenery"), ("tree", "pixels"), ("choices", "vector")],
)
def test_the_default_is_chosen_by_the_data(stores, kind, name):
    assert default(stores[kind]).name == name


@pytest.mark.parametrize("name", STANDARD)
@pytest.mark.parametrize("kind", ["pixels", "scenery"])
def test_a_recipe_comes_back_from_json_as_it_went(stores, name, kind):
    recipe = STANDARD[name](stores[kind])
    assert config.from_json(config.to_json(recipe)) == recipe


@pytest.mark.parametrize("name", STANDARD)
def test_every_recipe_says_what_it_is_for(name):
    assert STANDARD[name].__doc__


@pytest.mark.parametrize("kind", ["vector", "pixels", "scenery"])
def test_sigreg_takes_the_place_of_variance_and_covariance_and_of_nothing_else(stores, kind):
    ours, theirs = sigreg(stores[kind]), default(stores[kind])
    kept = [term for term in theirs.curriculum.phases[0].objectives if not isinstance(term, (Variance, Covariance))]
    *rest, last = ours.curriculum.phases[0].objectives
    assert rest == kept and isinstance(last, SIGReg)
    assert last.within_episode == (kind == "scenery")
    assert ours.curriculum.phases[1:] == theirs.curriculum.phases[1:]


def test_where_scenery_changes_terms_look_within_episodes_and_scenery_has_a_place_of_its_own(stores):
    recipe = scenery(stores["scenery"])
    first = recipe.curriculum.phases[0]
    assert recipe.world_model.scenery_size > 0 and first.windows_per_episode > 1
    assert all(term.within_episode for term in first.objectives if isinstance(term, (Variance, Covariance)))


def test_recurrent_swaps_the_predictor_and_nothing_else(stores):
    ours, theirs = recurrent(stores["pixels"]), default(stores["pixels"])
    assert isinstance(ours.world_model.predictor, RecurrentPredictorConfig)
    assert (ours.curriculum, ours.agent, ours.world_model.encoder) == (theirs.curriculum, theirs.agent, theirs.world_model.encoder)


@pytest.mark.parametrize("kind", ["pixels", "vector", "choices"])
def test_far_leaves_perception_as_it_is_and_spends_most_batches_on_the_dynamics(stores, kind):
    ours, theirs = far(stores[kind]), default(stores[kind])
    first, *rest = ours.curriculum.phases
    assert replace(first, num_steps=1) == replace(theirs.curriculum.phases[0], num_steps=1)
    assert all(phase.trains == "dynamics" for phase in rest) and sum(phase.num_steps for phase in rest) > 2 * first.num_steps
    assert ours.agent.planner.horizon < theirs.agent.planner.horizon, "what is far is for critics and levels"


@pytest.mark.parametrize("kind", ["pixels", "scenery", "tree"])
def test_robust_adds_other_looks_to_what_trains_perception_and_nothing_else(stores, kind):
    ours, theirs = robust(stores[kind]), default(stores[kind])
    first, *rest = ours.curriculum.phases
    assert first.augmentations and replace(first, augmentations=()) == theirs.curriculum.phases[0]
    assert rest == list(theirs.curriculum.phases[1:]) and (ours.world_model, ours.agent) == (theirs.world_model, theirs.agent)


def test_robust_is_refused_where_nothing_is_seen_in_pictures(stores, tmp_path):
    with pytest.raises(ConfigError, match="augments pictures, and is given"):
        train(stores["vector"].path, tmp_path / "run", recipe="robust")
    assert not (tmp_path / "run").exists()


def test_clips_are_learned_as_pictures_are_and_planned_in_further_ahead(stores):
    ours, theirs = clips(stores["clips"]), pixels(stores["clips"])
    assert (ours.world_model, ours.curriculum, ours.agent.cost) == (theirs.world_model, theirs.curriculum, theirs.agent.cost)
    assert ours.agent.planner.horizon > theirs.agent.planner.horizon


def test_no_recipe_plans_with_what_cannot_search_the_actions(stores):
    for kind, store in stores.items():
        assert default(store).agent.planner.supports(store.spaces.action), kind


def test_windows_fit_into_logs_that_are_shorter_than_usual(tmp_path):
    store = telos.Episodes.open(tiny_runs.collect_logs(tmp_path / "short", steps=8))
    assert max(phase.window for phase in default(store).curriculum.phases) <= 8


def test_an_agent_acts_in_a_gymnasium_loop(stores, tmp_path):
    run = train(stores["pixels"].path, tmp_path / "run", recipe=tiny_runs.tiny)
    agent, env = load_agent(run), make_env("two-rooms", size=16, max_steps=4)
    observation, info = env.reset(seed=0, options={"pairs": "across-rooms"})
    agent.set_task(telos.ReachGoal(info["goal"]))
    truncated = False
    while not truncated:
        action = agent.act(observation)
        assert env.action_space.contains(action)
        observation, _, _, truncated, info = env.step(action)
    assert info["distance"] > 0


def test_an_agent_of_choices_acts_in_somebody_elses_environment(tmp_path):
    env = make_vector_env("gym:CartPole-v1", 8)
    spaces = Spaces(space_from_gym(env.single_observation_space, what="it"), space_from_gym(env.single_action_space, what="it"))
    about = {"spaces": spaces, "environment": {"name": "gym:CartPole-v1", "args": {}}}
    collect(env, HeldRandomActions(), tmp_path / "logs", episodes=20, steps=30, seed=0, **about)
    agent = load_agent(train(tmp_path / "logs", tmp_path / "run", recipe=tiny_runs.tiny))
    single = make_env("gym:CartPole-v1")
    observation, _ = single.reset(seed=0)
    agent.set_task(telos.ReachGoal(np.zeros(4, dtype=np.float32)))
    for _ in range(3):
        observation, *_ = single.step(int(agent.act(observation)[0]))
    assert np.isfinite(observation).all()


def test_the_same_run_gives_the_same_agent(stores, tmp_path):
    run = train(stores["vector"].path, tmp_path / "run", recipe=tiny_runs.tiny)
    assert load_recipe(run).name == "vector"
    frames = stores["vector"].episode(0).observations
    actions = []
    for _ in range(2):
        agent = load_agent(run, seed=3)
        agent.set_task(telos.ReachGoal(frames[5]))
        actions.append([agent.act(frame) for frame in frames[:3]])
    np.testing.assert_array_equal(*actions)
