"""Promises of teaching levels: what they see, what is kept, and what is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from tiny_runs import collect_logs, tiny

from telos.core.errors import CollapseError, ConfigError, EpisodeTooShortError, RunError
from telos.core.run import Run
from telos.core.spaces import VectorSpace
from telos.core.weights import fingerprint
from telos.envs import Maze
from telos.recipes.experiment import load_agent, make_fabric, train
from telos.recipes.knowledge import load_knowledge
from telos.teaching.levels import LevelRecipe, teach_levels
from telos.teaching.levels.climbing import Climbed, climbed
from telos.teaching.levels.logs import LevelLogs
from telos.teaching.levels.together import climbing
from telos.teaching.levels.training import LevelTraining, Seen
from telos.training import CollapseWatch
from telos.training.objectives import Prediction, Smoothness
from telos.training.sources import as_tensors

TINY = LevelRecipe(latent_size=4, macro_size=2, width=16, num_landmarks=30, num_steps=(4, 3, 2), num_joint_steps=2, joint_batch=16)
SPACE = VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))


@pytest.fixture(scope="module")
def taught_run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("levels")
    run = train(collect_logs(folder / "logs", episodes=24, steps=14), folder / "run", recipe=tiny, held_out=0.2)
    teach_levels(run, (2, 3), recipe=TINY)
    return run


@pytest.fixture
def run(taught_run, tmp_path) -> Run:
    return Run.open(shutil.copytree(taught_run.path, tmp_path / "run"))


def wander(maze: Maze, *, episodes: int, steps: int) -> Climbed:
    """Walks that hold each push for a while, as a level finds them that is told places."""
    rng = np.random.default_rng(0)
    state, bound = maze.sample(rng, episodes), float(maze.spaces.action.bounds[1][0])
    places, pushes, push = [state["position"]], [], np.zeros((episodes, 2))
    for _ in range(steps):
        push = np.where(rng.random((episodes, 1)) < 0.3, rng.uniform(-bound, bound, (episodes, 2)), push)
        state = maze.advance(state, push)
        places.append(state["position"])
        pushes.append(push)
    latents = torch.from_numpy(np.stack(places, axis=1).reshape(-1, 2)).float() * maze.side
    acts = torch.from_numpy(np.stack([*pushes, 0 * push], axis=1).reshape(-1, 2)).float()
    return Climbed(latents, latents, acts, np.full(episodes, steps), maze.spaces.action, (2,), 1)


def test_distance_up_there_is_the_way_through_the_maze_and_not_the_straight_line(tmp_path):
    maze = Maze(map="u-maze")
    known, held_out = (wander(maze, episodes=num, steps=60) for num in (150, 20))
    recipe = replace(TINY, latent_size=6, width=48, num_steps=(200, 80, 1))
    training = LevelTraining(Run(tmp_path), recipe, 0, make_fabric(accelerator="cpu"), lambda progress: None)
    (level,), _ = training.one_by_one(Seen(known, held_out), (4,))
    rng = np.random.default_rng(1)
    one, other = maze.sample_pairs(rng, 300, "anywhere")
    there = [torch.from_numpy(state["position"]).float() * maze.side for state in (one, other)]
    way = maze.path_length(one, other)
    straight = (there[0] - there[1]).norm(dim=1).numpy()
    above = (level.raised(there[0]) - level.raised(there[1])).square().mean(dim=1).numpy()
    assert spearmanr(above, way)[0] > 0.9 > spearmanr(straight, way)[0] + 0.1
    # A macro-action tells most of what the likeliest future does not.
    assert training._metrics(2)[-1]["gain"] > 0.8


def test_windows_keep_the_time_law_and_no_frame_is_lost():
    lengths, steps, stride = np.array([11, 3, 8]), 4, 2
    rows = int((lengths + 1).sum())
    latents, acts = np.arange(rows, dtype=np.float32)[:, None], 100 + np.arange(rows, dtype=np.float32)[:, None]
    logs = LevelLogs(latents, acts, lengths, space=SPACE, stride=stride, steps=steps)
    # Episodes 0 and 2 begin at rows 0 and 16; the short one has no step of this level.
    assert sorted(logs.first_rows.tolist()) == [0, 1, 2, 3, 16, 17, 18, 19]
    assert sorted(logs.lengths.tolist()) == [1, 1, 1, 2, 2, 2, 2, 2]
    seen = set()
    for index in range(logs.num_episodes):
        episode = logs.episode(index)
        assert (np.diff(episode.observations[:, 0]) == steps).all()
        assert (episode.actions == 100 + episode.observations[:-1] + np.array([0, steps // stride])).all()
        seen |= set(episode.observations[:, 0].tolist())
    assert seen == set(range(12)) | set(range(16, 25))
    windows = logs.windows(np.random.default_rng(0), 50, 2)
    assert (np.diff(windows.observations[..., 0], axis=1) == steps).all() and set(windows.observations[:, 0, 0]) <= {0, 1, 2, 3, 16}


def test_episodes_shorter_than_a_step_are_refused():
    with pytest.raises(EpisodeTooShortError, match="one step of this level is 12"):
        LevelLogs(np.zeros((6, 1)), np.zeros((6, 1)), np.array([5]), space=SPACE, stride=3, steps=12)


def test_collapse_is_caught_on_a_level(tmp_path):
    known = wander(Maze(map="u-maze"), episodes=20, steps=30)
    training = LevelTraining(Run(tmp_path), TINY, 0, make_fabric(accelerator="cpu"), lambda progress: None)
    whole = TINY.curriculum(7)
    dying = replace(whole.phases[0], num_steps=400, batch_size=64, objectives=(Prediction(), Smoothness(weight=100.0)), learning_rate=1e-2)
    level = training._description(4, known).build()
    with pytest.raises(CollapseError, match="latents have collapsed"):
        training.fit(level, 2, Seen(known, known), replace(whole, phases=(dying,), log_every=10, watch=CollapseWatch(least_deviation=0.1)))


def test_agents_have_them_and_each_level_says_how_its_training_went(run):
    levels = load_knowledge(run).levels
    assert [(level.stride, level.steps, level.latent_size) for level in levels] == [(2, 2, 4), (3, 6, 4)]
    assert all(len(level.landmarks) == 30 for level in levels)
    for level in levels:
        seen = level.lift(level.landmarks.beliefs[:, : levels[0].spaces.observation.shape[0]])
        assert torch.allclose(seen, level.landmarks.latents, atol=1e-5)
    for number in (2, 3):
        lines = [json.loads(line) for line in (run.path / "levels" / f"{number}.jsonl").read_text().splitlines()]
        assert lines[-1]["step"] == 9 and "volume" in lines[0] and lines[-1]["effective_rank"] > 0
    assert load_agent(run).knowledge.levels[1].steps == 6
    assert not list((run.path / "levels").glob("train-*"))


def test_a_training_that_was_killed_goes_on_and_comes_to_the_same(taught_run, run):
    def kill(progress):
        if progress.stage == "level 3" and progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach_levels(run, (2, 3), recipe=TINY, watcher=kill)
    # What stood there is gone: an upper level must never stand on another lower one.
    assert load_knowledge(run).levels == ()
    told = []
    teach_levels(run, (2, 3), recipe=TINY, watcher=lambda progress: told.append(progress.stage))
    assert set(told) == {"level 3"}
    assert [fingerprint(level) for level in load_knowledge(run).levels] == [fingerprint(level) for level in load_knowledge(taught_run).levels]


def test_a_level_that_stands_on_nothing_or_on_another_is_refused(run):
    folder, aside = run.path / "levels", run.path / "aside"
    aside.mkdir()
    for file in folder.glob("2.*"):
        shutil.move(file, aside)
    with pytest.raises(RunError, match="stands on a level 2 that is not there"):
        load_knowledge(run)
    three = {file.name: file.read_bytes() for file in folder.glob("3.*")}
    teach_levels(run, (2,), recipe=TINY, seed=1)
    for name, content in three.items():
        (folder / name).write_bytes(content)
    with pytest.raises(RunError, match="taught on other weights"):
        load_knowledge(run)


def test_trained_jointly_an_upper_level_shapes_how_a_lower_one_sees(run):
    alone = load_knowledge(run).levels
    lesson = teach_levels(run, (2, 3), recipe=TINY, jointly=True)
    assert [level.steps for level in lesson.levels] == [2, 6]
    together = load_knowledge(run).levels
    latents = torch.randn(9, alone[0].spaces.observation.shape[0])
    assert not torch.allclose(alone[0].raised(latents), together[0].raised(latents))
    assert torch.allclose(together[1].lift(latents), together[1].raised(together[0].raised(latents)))
    lines = [json.loads(line) for line in (run.path / "levels" / "3.jsonl").read_text().splitlines()]
    assert "all levels together" in {line["phase"] for line in lines}
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def test_windows_of_an_upper_level_pass_gradients_on_to_how_the_lower_one_sees(run):
    levels = load_knowledge(run).levels
    below = wander(Maze(map="u-maze"), episodes=6, steps=30)
    size = levels[0].spaces.observation.shape[0]
    latents = below.latents[:, :1].expand(-1, size).contiguous()
    logs = replace(below, latents=latents, sizes=(size,)).logs(2)
    levels[0].requires_grad_(True)
    windows = as_tensors(logs.windows(np.random.default_rng(0), 5, 6))
    lower, upper = climbing(levels, windows)
    assert upper.observations.shape == (5, 3, 4) and upper.actions.shape == (5, 2, 6) and lower is windows
    whole = climbed(levels[0], replace(below, latents=latents, sizes=(size,)))
    assert whole.steps == 2 and whole.acts.shape == (len(latents), 2)
    upper.observations.square().sum().backward()
    slopes = [weight.grad for weight in levels[0].perception.parameters()]
    assert all(slope is not None and slope.abs().max() > 0 for slope in slopes)


@pytest.mark.parametrize(
    ("strides", "options", "kind", "said"),
    [
        ((), {}, ConfigError, "cannot have the strides"),
        ((8, 1), {}, ConfigError, "2 or more"),
        ((2,), {"jointly": True}, ConfigError, "One level alone"),
        ((8, 4), {}, EpisodeTooShortError, "one step of level 3 is 32"),
    ],
    ids=["none", "of one step", "one jointly", "longer than episodes"],
)
def test_strides_that_lead_nowhere_are_refused(run, strides, options, kind, said):
    with pytest.raises(kind, match=said):
        teach_levels(run, strides, recipe=TINY, **options)


@pytest.mark.parametrize("changes", [{"price": -1.0}, {"num_steps": (1, 0, 1)}, {"joint_batch": 0}], ids=str)
def test_a_recipe_out_of_range_is_refused(changes):
    with pytest.raises(ConfigError):
        replace(TINY, **changes)
