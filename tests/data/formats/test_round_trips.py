"""What was exported comes back as it was, or the loss was told."""

import numpy as np
import pytest

from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter, import_logs
from telos.data.exporting import EXPORTS, LeRobotExport, export_logs

SPACES = {
    "vector": Spaces(VectorSpace(4, (-1, -2, -3, -4), (1, 2, 3, 4)), VectorSpace(2, (-1, -1), (1, 1))),
    "pixels": Spaces(PixelSpace(16, 18), VectorSpace(2, (-1, -1), (1, 1))),
    "large pixels": Spaces(PixelSpace(40, 48), DiscreteSpace(3)),
    "grey": Spaces(PixelSpace(16, 18, 1), DiscreteSpace(3)),
    "tree": Spaces(TreeSpace({"camera": PixelSpace(12, 12), "joints": VectorSpace(5)}), DiscreteSpace(4)),
}
LENGTHS = (5, 3, 1, 8)


def rows_of(space, num, rng):
    if isinstance(space, TreeSpace):
        return {name: rows_of(part, num, rng) for name, part in space.spaces.items()}
    if isinstance(space, PixelSpace):
        return rng.integers(256, size=(num, *space.shape), dtype=np.uint8)
    if isinstance(space, DiscreteSpace):
        # Every choice is made, or nobody could tell from the logs how many there are.
        return np.arange(num)[:, None] % space.num
    return rng.uniform(-1, 1, (num, space.size)).astype(np.float32)


@pytest.fixture(params=SPACES)
def store(request, tmp_path):
    spaces, rng = SPACES[request.param], np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "logs", spaces) as writer:
        for length in LENGTHS:
            info = {"place": rng.random((length + 1, 2))}
            extra = {"force": rng.random(length + 1).astype(np.float32)}
            writer.add(rows_of(spaces.observation, length + 1, rng), rows_of(spaces.action, length, rng), info=info, extra=extra)
    return Episodes.open(tmp_path / "logs")


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_import_of_an_export_gives_the_same_arrays(kind, store, tmp_path):
    export = LeRobotExport(fps=20) if kind == "lerobot" else EXPORTS[kind]()
    export_logs(store, tmp_path / "out-v0", export)
    result = import_logs(tmp_path / "out-v0", tmp_path / "back")
    back = result.store
    assert back.lengths.tolist() == list(LENGTHS) and result.format.startswith(kind)
    for number in range(len(LENGTHS)):
        ours, theirs = store.episode(number), back.episode(number)
        for name in ours.observations if isinstance(ours.observations, dict) else [None]:
            seen, read = (episode.observations if name is None else episode.observations[name] for episode in (ours, theirs))
            np.testing.assert_array_equal(read, seen)
        np.testing.assert_array_equal(theirs.actions, ours.actions)
        np.testing.assert_array_equal(back.info("place", number), store.info("place", number))
        forces = next(name for name in back.column_names if name.endswith("force"))
        np.testing.assert_array_equal(back.column(forces, number).ravel(), store.column("force", number).ravel())
    if isinstance(store.spaces.action, DiscreteSpace):
        assert back.spaces.action == store.spaces.action
    assert kind != "minari" or back.spaces.action == store.spaces.action
