"""Readers of other people's logs, one file a layout."""

from telos.data.formats.base import AbstractFormat as AbstractFormat
from telos.data.formats.base import AbstractSource as AbstractSource
from telos.data.formats.base import Description as Description
from telos.data.formats.base import SourceColumn as SourceColumn
from telos.data.formats.hdf5 import Hdf5 as Hdf5
from telos.data.formats.lerobot_v2 import LeRobotV2 as LeRobotV2
from telos.data.formats.lerobot_v3 import LeRobotV3 as LeRobotV3
from telos.data.formats.minari import Minari as Minari
from telos.data.formats.npz import Npz as Npz
from telos.data.formats.ogbench import OGBench as OGBench
from telos.data.formats.robomimic import Robomimic as Robomimic
from telos.data.formats.stable_worldmodel import StableWorldModel as StableWorldModel
from telos.data.formats.videos import Videos as Videos
from telos.data.formats.zarr_store import ReplayBuffer as ReplayBuffer

FORMATS: tuple[AbstractFormat, ...] = (
    Robomimic(),
    StableWorldModel(),
    Hdf5(),
    ReplayBuffer(),
    OGBench(),
    Npz(),
    Minari(),
    LeRobotV2(),
    LeRobotV3(),
    Videos(),
)
"""All that `telos data import` knows; each says by itself whether a path is for it."""
