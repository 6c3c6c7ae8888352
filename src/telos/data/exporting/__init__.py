"""Other people's formats, written: nobody is locked in. One file a format."""

from telos.data.exporting.base import AbstractExport, Exported, export_logs
from telos.data.exporting.lerobot import LeRobotExport
from telos.data.exporting.minari import MinariExport
from telos.data.exporting.npz import NpzExport

EXPORTS: dict[str, type[AbstractExport]] = {kind.name: kind for kind in (LeRobotExport, MinariExport, NpzExport)}
"""What `telos data export --to` knows."""

__all__ = ["EXPORTS", "AbstractExport", "Exported", "LeRobotExport", "MinariExport", "NpzExport", "export_logs"]
