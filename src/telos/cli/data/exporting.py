"""`telos data export`: a store in somebody else's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a store in another layout, and say what that layout cannot carry."""

    store: Annotated[Positional[Path], arg(metavar="DIR")]
    """Folder of the store."""
    to: Literal["lerobot", "minari", "npz"]
    """LeRobot v3.0, Minari 0.5 (HDF5), or one plain .npz file an episode."""
    out: Path
    """Folder of the new data set."""
    fps: float | None = None
    """For lerobot: frames per second; by default what the logs were imported with, else 10."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json, remark
        from telos.core.errors import ConfigError
        from telos.data import Episodes
        from telos.data.exporting import EXPORTS, LeRobotExport, export_logs

        store = Episodes.open(self.store)
        if self.fps is not None and self.to != LeRobotExport.name:
            raise ConfigError(f"--fps means nothing to {self.to}.", fix="leave it away")
        fps = self.fps or _logged_fps(store.metadata) or LeRobotExport.fps
        export = LeRobotExport(fps=fps) if self.to == LeRobotExport.name else EXPORTS[self.to]()
        with bars() as progress:
            done = export_logs(store, self.out, export, lambda now, total: progress.update("export", now, total))
        if self.json:
            print_json({"out": str(done.path), "to": self.to, "episodes": store.num_episodes, "steps": store.num_steps, "losses": list(done.losses)})
            return 0
        remark(f"{store.num_episodes:,} episodes, {store.num_steps:,} steps in {done.path}, as {export.says}")
        for loss in done.losses:
            remark(f"  not carried over   {loss}")
        remark(f"  next   telos data import {done.path} --out logs/again")
        return 0


def _logged_fps(metadata) -> float | None:
    """Frames per second that an import noted."""
    about = metadata.get("import")
    fps = about.get("fps") if isinstance(about, dict) else None
    return float(fps) if isinstance(fps, (int, float)) and fps > 0 else None
