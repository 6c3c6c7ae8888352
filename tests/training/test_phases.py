import pytest

from telos.core.errors import ConfigError, EpisodeTooShortError
from telos.training import Curriculum, Phase
from telos.training.augmentations import PixelNoise


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_steps": 0},
        {"batch_size": -1},
        {"window": 0},
        {"windows_per_episode": 0},
        {"batch_size": 10, "windows_per_episode": 4},
        {"trains": "dynamic"},
        {"imagines": "every step"},
        {"imagines": "each step", "augmentations": (PixelNoise(),)},
        {"seen": 0},
        {"seen": 7, "window": 6},
        {"seen": 2, "imagines": "each step"},
        {"seen": 2, "augmentations": (PixelNoise(),)},
        {"objectives": ()},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"clip_norm": -1.0},
        {"warmup": 1.5},
        {"weight_decay": -0.1},
    ],
    ids=str,
)
def test_a_phase_that_cannot_be_carried_out_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match="Phase 'one'"):
        Phase(name="one", **wrong)


@pytest.mark.parametrize("wrong", [{"phases": ()}, {"log_every": 0}, {"checkpoint_seconds": -1.0}], ids=str)
def test_a_curriculum_that_cannot_be_carried_out_is_refused(wrong):
    with pytest.raises(ConfigError):
        Curriculum(**{"phases": (Phase(name="one"),), **wrong})


def test_windows_longer_than_every_episode_are_refused_before_training(episodes):
    with pytest.raises(EpisodeTooShortError, match=r"longest episode has 14 steps, and training needs windows of 15"):
        Curriculum(phases=(Phase(name="one"), Phase(name="two", window=15))).check(episodes[0], num_processes=1)


@pytest.mark.parametrize(("batch_size", "per_episode", "num_processes"), [(10, 1, 3), (12, 4, 2), (1, 1, 2)])
def test_a_batch_that_the_processes_cannot_share_evenly_is_refused(episodes, batch_size, per_episode, num_processes):
    phase = Phase(name="one", batch_size=batch_size, windows_per_episode=per_episode)
    with pytest.raises(ConfigError, match=f"{num_processes} processes cannot share evenly"):
        Curriculum(phases=(phase,)).check(episodes[0], num_processes=num_processes)


def test_a_batch_that_they_can_share_is_accepted(episodes):
    Curriculum(phases=(Phase(name="one", batch_size=24, windows_per_episode=4),)).check(episodes[0], num_processes=3)
