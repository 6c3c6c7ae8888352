"""What a column is taken for, by its name, where a layout does not say."""

from collections.abc import Mapping

from telos.core.spaces import AbstractSpace, PixelSpace
from telos.data.formats.base import Role

ACTIONS = ("action", "actions", "act")
OBSERVATIONS = ("observation", "observations", "obs")
TIMES = ("timestamp", "timestamps", "time", "times")
STATES = (
    "state",
    "states",
    "proprio",
    "qpos",
    "qvel",
    "joints",
    "joint_positions",
    "position",
    "positions",
    "pose",
    "poses",
    "keypoint",
    "keypoints",
)
"""The true state where there are pictures; what is observed where there are none: the first of these that is there."""
INFOS = ("info", "infos")
OTHERS = ("goal", "next", "mask", "depth", "reward", "done", "terminal", "timeout", "truncated", "terminated")


def guess_roles(spaces: Mapping[str, AbstractSpace]) -> dict[str, Role]:
    """The role of each column."""
    roles = {name: _role(name, space) for name, space in spaces.items()}
    if "observation" not in roles.values():
        known = {name.rpartition("/")[2].lower(): name for name in reversed(list(spaces))}
        if first := next((known[state] for state in STATES if state in known), None):
            roles[first] = "observation"
    return roles


def _role(name: str, space: AbstractSpace) -> Role:
    folder, _, base = name.lower().replace(".", "/").rpartition("/")
    if base in ACTIONS:
        return "action"
    if base in TIMES and space.shape == (1,):
        return "time"
    # A folder says more than a name in it, but for pictures that are no photographs.
    if folder.partition("/")[0] in INFOS:
        return "info"
    if base.startswith(OTHERS if folder.partition("/")[0] not in OBSERVATIONS else ("mask", "depth")):
        return "extra"
    if base in OBSERVATIONS or folder.partition("/")[0] in OBSERVATIONS or isinstance(space, PixelSpace):
        return "observation"
    if base in STATES:
        return "info"
    return "extra"
