"""Promises of `telos data collect --policy`."""

import numpy as np
import pytest
from verbs import fine, refusal

from telos.data import Episodes

BEHAVIOUR = """
import numpy as np
from telos.data import AbstractBehaviour

class StandStill(AbstractBehaviour):
    def start(self, space, num, rng):
        return lambda observations, state, started: np.zeros((num, *space.shape), space.dtype)

class NoBehaviour:
    pass
"""


def collect(out, *arguments, env="push"):
    return fine("data", "collect", env, "--episodes", 16, "--steps", 40, "--out", out, "--json", *arguments).json


def moved(out) -> float:
    """Share of steps in which the block moves."""
    store = Episodes.open(out, verify=True)
    blocks = [store.info("block", episode) for episode in range(store.num_episodes)]
    return float(np.mean([(np.diff(block, axis=0) != 0).any(1).mean() for block in blocks]))


def test_an_expert_pushes_the_block_that_random_wandering_leaves_alone(tmp_path):
    told = collect(tmp_path / "expert", "--policy", "expert", "--noise", 0.25)
    assert told["policy"]["noise"] == 0.25
    assert Episodes.open(tmp_path / "expert").manifest.behaviour["world"]["class"] == "telos.envs.push:Push"
    assert collect(tmp_path / "random")["policy"]["class"].endswith("HeldRandomActions")
    assert 2 * moved(tmp_path / "random") < moved(tmp_path / "expert")


@pytest.mark.parametrize("env", ["two-rooms", "maze", "point-mass"])
def test_every_world_of_ours_has_an_expert_to_collect_with(tmp_path, env):
    assert collect(tmp_path / "logs", "--policy", "expert", env=env)["episodes"] == 16


def test_the_same_seed_collects_the_same(tmp_path):
    prints = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        collect(tmp_path / name, "--policy", "expert", "--seed", seed)
        prints.append(Episodes.open(tmp_path / name).fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_a_behaviour_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(BEHAVIOUR)
    collect(tmp_path / "logs", "--policy", f"{tmp_path}/mine.py:StandStill")
    store = Episodes.open(tmp_path / "logs")
    assert not any(store.column("action", episode).any() for episode in range(4))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "experts"], "did you mean 'expert'"),
        (["--noise", "0.3"], "takes no --noise"),
        (["--policy", "expert", "--noise", "1.5"], "1.5"),
        (["--policy", "nowhere.py:Mine"], "no file"),
        (["--policy", "{mine}:NoBehaviour"], "is not a behaviour"),
    ],
)
def test_a_policy_that_is_none_is_refused_and_leaves_nothing(tmp_path, arguments, words):
    (tmp_path / "mine.py").write_text(BEHAVIOUR)
    arguments = [argument.format(mine=tmp_path / "mine.py") for argument in arguments]
    assert words in refusal("data", "collect", "push", "--episodes", 2, "--out", tmp_path / "logs", *arguments)
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["mine.py"]


def test_an_environment_without_an_expert_says_so(tmp_path):
    assert "scripted expert" in refusal("data", "collect", "gym:CartPole-v1", "--episodes", 2, "--out", tmp_path / "logs", "--policy", "expert")
