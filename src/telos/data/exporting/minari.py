"""Minari's layout (0.5, HDF5), pictures as they are: its own default would pass them through JPEG."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from telos.core.errors import MissingExtraError
from telos.core.spaces import AbstractSpace, DiscreteSpace, PixelSpace, TreeSpace, VectorSpace
from telos.data.exporting.base import AbstractExport, Tell, actions_of, is_info, observation_columns, other_columns, what_stores_know_alone
from telos.data.manifest import INFO
from telos.data.store import Episodes

MINARI_VERSION = "0.5.4"
"""The release whose layout is written."""
STEP_COLUMNS = ("rewards", "terminations", "truncations")
GYM = "gym:"
TELOS_ARGS = ("pixels", "max_steps", "action_repeat", "render_mode")


@dataclass(frozen=True, kw_only=True)
class MinariExport(AbstractExport):
    """A folder that `minari.load_dataset` reads, once it lies at `$MINARI_DATASETS_PATH/NAME-v0`.

    Telos keeps no rewards. Where the logs carry columns called `rewards`, `terminations` and `truncations` these are written;
    otherwise rewards are zero, and every episode is truncated at its end.

    Source: Minari 0.5, docs/content/dataset_standards.
    """

    name: ClassVar[str] = "minari"
    says: ClassVar[str] = "Minari 0.5 (HDF5)"

    def losses(self, store: Episodes) -> Iterator[str]:
        yield from what_stores_know_alone(store)
        if made_up := [name for name in STEP_COLUMNS if name not in step_columns(store)]:
            yield f"Nothing is lost, but {', '.join(made_up)} had to be made up: rewards are 0, and episodes end truncated."
        kept = step_columns(store)
        if extra := [name for name in other_columns(store) if not is_info(name) and name not in kept]:
            yield f"That {', '.join(extra)} are not part of the true state: Minari has one place for both, `infos`."
        if kept:
            yield f"The last row of {', '.join(kept)} in each episode, and what kind of numbers they are: Minari has one for each step."
        if store.environment is not None and not _is_plain_gym(store.environment):
            yield f"The environment '{store.environment['name']}': Minari names environments of Gymnasium only."

    def names(self, store: Episodes) -> Mapping[str, str]:
        seen = {column: f"observations/{part}" if part else "observations" for part, column in observation_columns(store).items()}
        kept = step_columns(store)
        others = {name: name if name in kept else _info_name(name, store) for name in other_columns(store)}
        return {**seen, **others, "action": "actions"}

    def write(self, store: Episodes, folder: Path, tell: Tell) -> None:
        try:
            import h5py
        except ImportError as error:
            raise MissingExtraError.of("h5py", extra="formats", purpose="Writing Minari's files") from error
        data = folder / "data"
        data.mkdir()
        with h5py.File(data / "main_data.hdf5", "w", track_order=True) as file:
            for episode in range(store.num_episodes):
                _write_episode(file.create_group(f"episode_{episode}"), store, episode)
                tell(episode + 1, store.num_episodes)
        size = round((data / "main_data.hdf5").stat().st_size / 1e6, 1)
        (data / "metadata.json").write_text(json.dumps(_metadata(store, size), indent=1), encoding="utf-8")


def step_columns(store: Episodes) -> tuple[str, ...]:
    """Columns that have a place of their own in Minari: one number a step."""
    return tuple(column.name for column in store.manifest.columns if column.name in STEP_COLUMNS and column.shape in ((), (1,)))


def _info_name(name: str, store: Episodes) -> str:
    """Where a column lies that is not of the true state, if one of the true state has its name."""
    short = name.removeprefix(INFO)
    return f"infos/extra/{name}" if short == name and f"{INFO}{name}" in store.column_names else f"infos/{short}"


def _write_episode(group: Any, store: Episodes, episode: int) -> None:
    num_steps = int(store.lengths[episode])
    group.attrs.update({"id": episode, "total_steps": num_steps})
    for part, column in observation_columns(store).items():
        group.create_dataset(f"observations/{part}" if part else "observations", data=store.column(column, episode))
    actions = actions_of(store, episode)
    group.create_dataset("actions", data=actions[:, 0] if isinstance(store.spaces.action, DiscreteSpace) else actions)
    last = np.arange(num_steps) == num_steps - 1
    made_up = {"rewards": np.zeros(num_steps), "terminations": np.zeros(num_steps, bool), "truncations": last}
    for name, values in made_up.items():
        if name in step_columns(store):
            values = store.column(name, episode)[:-1].reshape(num_steps).astype(values.dtype)
        group.create_dataset(name, data=values)
    for name in other_columns(store):
        if name not in step_columns(store):
            group.create_dataset(_info_name(name, store), data=store.column(name, episode))


def _metadata(store: Episodes, megabytes: float) -> dict[str, Any]:
    environment = store.environment
    spec = {}
    if environment is not None and _is_plain_gym(environment):
        spec["env_spec"] = _env_spec(environment["name"].removeprefix(GYM), environment["args"])
    return {
        "dataset_id": "telos/export-v0",
        "total_episodes": store.num_episodes,
        "total_steps": store.num_steps,
        "data_format": "hdf5",
        "jpeg_encoding": False,
        "observation_space": json.dumps(_space(store.spaces.observation)),
        "action_space": json.dumps(_space(store.spaces.action)),
        "minari_version": MINARI_VERSION,
        "dataset_size": megabytes,
        **spec,
    }


def _env_spec(name: str, args: Mapping[str, Any]) -> str:
    """How Gymnasium makes the environment, as far as it knows the id here; what only Telos takes (`pixels`) stays away."""
    try:
        known = gymnasium.spec(name)
    except (gymnasium.error.Error, ValueError):
        known = EnvSpec(id=name)
    kwargs = {**known.kwargs, **{key: value for key, value in args.items() if key not in TELOS_ARGS}}
    return dataclasses.replace(known, kwargs=kwargs).to_json()


def _is_plain_gym(environment: Mapping[str, Any]) -> bool:
    return environment["name"].startswith(GYM)


def _space(space: AbstractSpace | TreeSpace) -> dict[str, Any]:
    """A space as Minari writes it."""
    match space:
        case TreeSpace():
            return {"type": "Dict", "subspaces": {name: _space(part) for name, part in space.spaces.items()}}
        case DiscreteSpace():
            return {"type": "Discrete", "dtype": "int64", "start": 0, "n": space.num}
        case PixelSpace():
            return _box(np.zeros(space.shape, np.uint8), np.full(space.shape, 255, np.uint8))
        case VectorSpace():
            return _box(*space.bounds)
    raise AssertionError(f"a space of a kind that stores do not have: {space!r}")


def _box(low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    return {"type": "Box", "dtype": str(low.dtype), "shape": list(low.shape), "low": low.tolist(), "high": high.tolist()}
