"""Plain NumPy files: one a recording, readable with `np.load` alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from telos.data.exporting.base import AbstractExport, Tell, actions_of, what_stores_know_alone
from telos.data.store import Episodes


@dataclass(frozen=True, kw_only=True)
class NpzExport(AbstractExport):
    """`episode_000000.npz`, ...: arrays `observation [time+1 ...]` (or `observation/PART`), `action [time ...]`, and all other columns."""

    name: ClassVar[str] = "npz"
    says: ClassVar[str] = "one .npz file an episode"

    def losses(self, store: Episodes) -> Iterator[str]:
        yield from what_stores_know_alone(store)
        yield "Bounds of observations and actions, how many choices there are, and the name of the environment: a plain array says nothing of them."

    def names(self, store: Episodes) -> Mapping[str, str]:
        return {name: name for name in store.column_names}

    def write(self, store: Episodes, folder: Path, tell: Tell) -> None:
        digits = max(6, len(str(store.num_episodes - 1)))
        for episode in range(store.num_episodes):
            columns = {name: store.column(name, episode) for name in store.column_names}
            np.savez(folder / f"episode_{episode:0{digits}d}.npz", **{**columns, "action": actions_of(store, episode)})  # type: ignore[arg-type]
            tell(episode + 1, store.num_episodes)
