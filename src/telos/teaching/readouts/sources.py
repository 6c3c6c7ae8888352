"""Where labels come from: the run's own logs or others, a column of them or a file of labelled frames."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telos.core.errors import ConfigError
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes, split
from telos.recipes.experiment import open_logs
from telos.recipes.run_folder import check_same_spaces
from telos.recipes.run_logs import logs_of
from telos.teaching.readouts.labelled_frames import labels_of_file
from telos.teaching.readouts.labels import Labels, labels_of_column
from telos.teaching.readouts.lesson import JUDGED

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Found:
    """Labels, and the logs whose frames they belong to."""

    name: str
    """Of the quantity."""
    logs: AbstractEpisodes
    labels: Labels
    held_out: np.ndarray
    """Episodes that nothing may be learned from."""


def find_labels(
    run: Run,
    *,
    column: str | None = None,
    labels: Path | str | None = None,
    data: Path | str | None = None,
    name: str | None = None,
    unit: str | None = None,
    num_labels: int | None = None,
    seed: int = 0,
) -> Found:
    """What `teach_readout` is to learn from. Raises what that raises."""
    if (column is None) == (labels is None):
        raise ConfigError("A readout is taught from a column of the logs, or from a file of labelled frames.", expected="one of the two")
    if num_labels is not None and num_labels < 1:
        raise ConfigError(f"{num_labels} labels teach nothing.", expected="--num-labels of 1 or more")
    name = checked_name(name if name is not None else str(column) if column is not None else Path(str(labels)).stem, given=name is not None)
    logs = logs_of(run) if data is None else open_logs(data)
    check_same_spaces(run, logs.spaces)
    if column is not None:
        found = labels_of_column(logs, column, unit=unit)
        about = run.description
        held_out, by = (about["held_out"], about["seed"]) if data is None else (JUDGED, seed)
        return Found(name=name, logs=logs, labels=found, held_out=split(logs, held_out=held_out, seed=by)[1].indices)
    assert labels is not None
    found = labels_of_file(Path(labels), logs.lengths, unit=unit or "")
    episodes = np.array(sorted(found.values), dtype=int)
    order = numpy_generator(seed, "judged labels").permutation(len(episodes))
    return Found(name=name, logs=logs, labels=found, held_out=np.sort(episodes[order[: max(1, round(JUDGED * len(episodes)))]]))


def checked_name(name: str, *, given: bool) -> str:
    """A name that may stand on a command line and in a folder; a column's name is made into one. Raises ConfigError if it cannot be."""
    made = name if given else re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-_")
    if not NAME.fullmatch(made):
        raise ConfigError(f"A readout cannot be called '{name}'.", expected="letters, digits, - and _", fix="--name position, for example")
    return made
