import numpy as np
from data_worlds import TREE, write_store

from telos.data.survey.features import SIDE, Scale, raw_features, sample_frames


def test_pictures_are_averaged_down_and_vectors_stay():
    frames = np.zeros((3, 48, 96, 3), dtype=np.uint8)
    frames[:, :24] = 255
    features = raw_features(frames).reshape(3, SIDE, SIDE)
    assert (features[:, :6] == 1).all() and (features[:, 6:] == 0).all()
    np.testing.assert_array_equal(raw_features(np.arange(6.0).reshape(3, 2)), np.arange(6.0).reshape(3, 2))


def test_every_number_counts_alike_and_a_picture_as_much_as_one():
    rng = np.random.default_rng(0)
    observations = {"camera": rng.integers(0, 256, (500, 12, 12, 1), dtype=np.uint8), "proprio": rng.normal(size=(500, 2)) * [1, 1000]}
    features = Scale.of(observations).features(observations)
    np.testing.assert_allclose(features[:, -2:].std(axis=0), 1)
    assert 0.8 < np.square(features[:, :-2]).sum(axis=1).mean() < 1.05


def test_what_never_changes_does_no_harm():
    observations = np.full((20, 3), 4.0)
    assert (Scale.of(observations).features(observations) == 0).all()


def test_frames_are_drawn_from_all_over_and_none_twice(tmp_path):
    logs = write_store(tmp_path / "store", TREE, lengths=(5, 1, 9, 4))
    frames = sample_frames(logs, 1000, seed=0)
    assert len(frames.features) == logs.num_steps + logs.num_episodes
    assert len(set(zip(frames.episodes.tolist(), frames.times.tolist(), strict=True))) == len(frames.features)
    some = sample_frames(logs, 7, seed=0)
    for row, episode, time in zip(some.features, some.episodes, some.times, strict=True):
        observations = {name: leaf[time][None] for name, leaf in logs.episode(int(episode)).observations.items()}
        np.testing.assert_allclose(some.scale.features(observations)[0], row)
