"""Data sets of Minari: what its own package wrote, and what somebody damaged."""

import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from gymnasium import spaces
from layouts import happen
from robot_layouts import box, write_minari_arrow, write_minari_hdf5

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace, PixelSpace, VectorSpace
from telos.data import describe_source, import_logs

WRITERS = {"hdf5": write_minari_hdf5, "arrow": write_minari_arrow}
OBSERVATIONS = {
    "vector": spaces.Box(-2, 2, (3,), np.float32),
    "matrix": spaces.Box(-np.inf, np.inf, (2, 3), np.float64),
    "picture": spaces.Box(0, 255, (40, 36, 3), np.uint8),
    "grey": spaces.Box(0, 255, (40, 36), np.uint8),
    "small": spaces.Box(0, 255, (7, 7, 3), np.uint8),
    "tree": spaces.Dict(
        {
            "camera": spaces.Box(0, 255, (33, 35, 3), np.uint8),
            "arm": spaces.Dict({"joints": spaces.Box(-1, 1, (4,)), "force": spaces.Box(-1, 1, (1,))}),
            "pair": spaces.Tuple((spaces.Box(-1, 1, (2,)), spaces.Discrete(5))),
        }
    ),
}
ACTIONS = {
    "vector": spaces.Box(np.array([-1, -2], np.float32), np.array([1, 2], np.float32)),
    "choices": spaces.Discrete(4),
    "choices from 3": spaces.Discrete(4, start=3),
    "several choices": spaces.MultiDiscrete([3, 5]),
    "switches": spaces.MultiBinary(3),
}


def stacked(space, num, seed):
    """Rows of whatever a space holds, as Minari buffers them."""
    space.seed(seed)
    samples = [space.sample() for _ in range(num)]
    return stack(samples)


def stack(samples):
    match samples[0]:
        case dict():
            return {key: stack([sample[key] for sample in samples]) for key in samples[0]}
        case tuple():
            return tuple(stack([sample[place] for sample in samples]) for place in range(len(samples[0])))
    return np.stack(samples)


def collect(folder, monkeypatch, observation_space, action_space, **options):
    """Episodes that Minari's own package writes, what it reads of them, and what it was given as true state."""
    import minari
    from minari.data_collector import EpisodeBuffer

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    rng, buffers = np.random.default_rng(0), []
    for number, num in enumerate((5, 1, 9)):
        infos = {"pose": {"place": rng.random((num + 1, 2))}, "count": rng.integers(0, 9, num + 1).tolist()}
        observations, actions = stacked(observation_space, num + 1, number), stacked(action_space, num, number)
        flags = np.zeros(num, bool), np.arange(num) == num - 1
        buffers.append(EpisodeBuffer(number, 40 + number, None, observations, actions, list(rng.random(num)), *map(list, flags), infos))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = minari.create_dataset_from_buffers(
            "anything/random-v0", buffers, observation_space=observation_space, action_space=action_space, **options
        )
    # Minari 0.5.4 does not find its way back to nested infos in Arrow files.
    return folder / "anything/random-v0", list(dataset), [buffer.infos["pose"]["place"] for buffer in buffers]


def leaves(value, path=()):
    if isinstance(value, dict | tuple):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, str(key)))
    else:
        yield "/".join(path), np.asarray(value)


@pytest.mark.parametrize("jpeg", [False, True], ids=["raw", "jpeg"])
@pytest.mark.parametrize("data_format", ["hdf5", "arrow", "parquet"])
@pytest.mark.parametrize("observed", OBSERVATIONS)
def test_what_minari_itself_wrote_is_read_as_minari_itself_reads_it(observed, data_format, jpeg, tmp_path, monkeypatch):
    source, theirs, places = collect(tmp_path, monkeypatch, OBSERVATIONS[observed], ACTIONS["vector"], data_format=data_format, jpeg_encoding=jpeg)
    result = import_logs(source, tmp_path / "store")
    assert result.store.lengths.tolist() == [len(episode.rewards) for episode in theirs]
    names = {source: target for target, source in result.columns.items()}
    for number, episode in enumerate(theirs):
        for path, rows in leaves(episode.observations):
            ours = result.store.column(names["/".join(filter(None, ("observations", path)))], number)
            np.testing.assert_array_equal(ours.reshape(len(rows), -1), rows.reshape(len(rows), -1).astype(ours.dtype))
        np.testing.assert_array_equal(result.store.column("action", number)[:-1], episode.actions)
        np.testing.assert_array_equal(result.store.column("rewards", number)[:-1, 0], episode.rewards)
        np.testing.assert_array_equal(result.store.column("info/place", number), places[number])
    packed = jpeg and observed in ("picture", "grey", "tree")
    assert any("JPEG, which loses" in note for note in result.notes) == packed


@pytest.mark.parametrize("data_format", ["hdf5", "arrow"])
@pytest.mark.parametrize("acted", ACTIONS)
def test_actions_of_every_kind_are_read(acted, data_format, tmp_path, monkeypatch):
    source, theirs, _ = collect(tmp_path, monkeypatch, OBSERVATIONS["vector"], ACTIONS[acted], data_format=data_format)
    result = import_logs(source, tmp_path / "store")
    start = 3 if acted == "choices from 3" else 0
    for number, episode in enumerate(theirs):
        ours = result.store.column("action", number)[:-1]
        np.testing.assert_array_equal(ours, np.reshape(episode.actions, ours.shape) - start)
    expected = {"vector": VectorSpace(2, (-1, -2), (1, 2)), "several choices": VectorSpace(2, (0, 0), (2, 4))}
    expected |= {"switches": VectorSpace(3, (0, 0, 0), (1, 1, 1))}
    assert result.store.spaces.action == expected.get(acted, DiscreteSpace(4))
    assert any("counted from 0" in note for note in result.notes) == (start == 3)


def test_pictures_of_jpeg_are_what_the_files_hold(tmp_path, monkeypatch):
    """Close to what was seen, too: the loss is JPEG's, not ours."""
    smooth = np.linspace(0, 255, 40 * 36 * 3).reshape(40, 36, 3).astype(np.uint8)
    monkeypatch.setattr(spaces.Box, "sample", lambda self: smooth if self.dtype == np.uint8 else np.zeros(self.shape, self.dtype))
    source, _, _ = collect(tmp_path, monkeypatch, OBSERVATIONS["picture"], ACTIONS["vector"], data_format="hdf5")
    store = import_logs(source, tmp_path / "store").store
    assert np.abs(store.column("observation", 0).astype(int) - smooth).max() < 16


def test_a_known_environment_is_named_and_others_are_not(tmp_path):
    for number, (spec, name) in enumerate(
        {
            '{"id": "Pendulum-v1", "kwargs": {"g": 9.0, "render_mode": "rgb_array"}}': "gym:Pendulum-v1",
            '{"id": "D4RL/antmaze-v2", "kwargs": {}}': "gym:D4RL/antmaze-v2",
            '{"id": "os:Pendulum-v1", "kwargs": {}}': None,
            '{"id": "Pendulum-v1", "additional_wrappers": [{"name": "x"}]}': None,
            "no json": None,
            '{"id": 3}': None,
        }.items()
    ):
        source = write_minari_hdf5(tmp_path / str(number), happen((2,)))
        change_metadata(source, env_spec=spec)
        found = describe_source(source).environment
        assert (found and found["name"]) == name and (name != "gym:Pendulum-v1" or found["args"] == {"g": 9.0})


def change_metadata(source: Path, **changes) -> None:
    file = source / "data/metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize("data_format", WRITERS)
def test_the_folder_of_the_data_set_and_the_folder_data_are_both_taken(data_format, tmp_path):
    source = WRITERS[data_format](tmp_path / "random-v0", happen())
    found, inner = describe_source(source), describe_source(source / "data")
    assert found == inner and found.metadata["seeds"] == [100, 101, 102, 103] and found.metadata["dataset_id"] == "maze/random-v0"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_format": "lance"}, "stored as 'lance'"),
        ({"observation_space": "{"}, "not valid JSON"),
        ({"observation_space": None}, "is missing"),
        ({"action_space": '{"type": "Box", "shape": [2]}'}, "describes no space"),
        ({"action_space": json.dumps(box(0, 1, (2,), "float32") | {"shape": [2**33]})}, "rows of"),
        ({"action_space": json.dumps({"type": "Discrete", "n": -4})}, "describes no space"),
        ({"observation_space": '{"type": "Tuple", "subspaces": [' * 60 + "]}" * 60}, "too deep"),
        ({"observation_space": "[" * 100_000}, "not valid JSON"),
        ({"action_space": json.dumps(box(1, 0, (2,), "float32"))}, "describes no space"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(changes, words, tmp_path):
    source = write_minari_hdf5(tmp_path / "random-v0", happen())
    change_metadata(source, **changes)
    with pytest.raises(DataError, match=words) as error:
        describe_source(source)
    assert "metadata.json" in str(error.value)


def test_a_damaged_episode_costs_itself_alone(tmp_path):
    logs = happen()
    arrow, hdf5 = write_minari_arrow(tmp_path / "arrow-v0", logs), write_minari_hdf5(tmp_path / "hdf5-v0", logs)
    file = arrow / "data/1/part-0.arrow"
    file.write_bytes(file.read_bytes()[:-200])
    (arrow / "data/3/metadata.json").unlink()
    with h5py.File(hdf5 / "data/main_data.hdf5", "r+") as main:
        del main["episode_1/observations/camera"]
        del main["episode_3"].attrs["total_steps"]
    for source in (arrow, hdf5):
        result = import_logs(source, source / "store")
        assert result.store.lengths.tolist() == [7, 12]
        why = {part.which[0]: part.why for part in result.left_out if part.what == "episodes"}
        assert set(why) == {"1", "3"} and str(source) in why["1"] and str(source) in why["3"]
        np.testing.assert_array_equal(result.store.column("observation/camera", 1), logs[2].pictures)


@pytest.mark.parametrize("data_format", WRITERS)
def test_lengths_that_lie_cost_the_episode(data_format, tmp_path):
    source = WRITERS[data_format](tmp_path / "random-v0", happen())
    if data_format == "hdf5":
        with h5py.File(source / "data/main_data.hdf5", "r+") as main:
            main["episode_1"].attrs["total_steps"] = 2**39
    else:
        (source / "data/1/metadata.json").write_text('{"total_steps": 549755813888}')
    result = import_logs(source, tmp_path / "store")
    assert result.episodes == 3 and any("is cut after" in part.why for part in result.left_out)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    other = write_minari_arrow(tmp_path / "other-v0", happen())
    source = write_minari_arrow(tmp_path / "random-v0", happen())
    (source / "data/1/part-0.arrow").unlink()
    (source / "data/1/part-0.arrow").symlink_to(other / "data/1/part-0.arrow")
    with pytest.raises(DataError, match="is a link to somewhere else"):
        describe_source(source)
    (source / "data/metadata.json").unlink()
    (source / "data/metadata.json").symlink_to(other / "data/metadata.json")
    with pytest.raises(DataError, match="in no layout"):
        describe_source(source)


def test_pictures_with_channels_first_and_of_one_channel_are_known(tmp_path):
    logs = happen()
    source = write_minari_hdf5(tmp_path / "random-v0", logs)
    shape = logs[0].pictures.shape[1:]
    parts = {"camera": box(0, 255, (3, *shape[:2]), "uint8"), "joints": box(-1, 1, (4,), "float32")}
    change_metadata(source, observation_space=json.dumps({"type": "Dict", "subspaces": parts}))
    with h5py.File(source / "data/main_data.hdf5", "r+") as main:
        for number, log in enumerate(logs):
            del main[f"episode_{number}/observations/camera"]
            main[f"episode_{number}/observations/camera"] = log.pictures.transpose(0, 3, 1, 2)
    result = import_logs(source, tmp_path / "store")
    assert result.store.spaces.observation.spaces["camera"] == PixelSpace(10, 12)
    np.testing.assert_array_equal(result.store.column("observation/camera", 2), logs[2].pictures)
