"""From a run to the world and the logs that it was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

from telos.core.errors import ConfigError
from telos.core.run import Run

if TYPE_CHECKING:
    from telos.core.world import AbstractWorld
    from telos.data import Selection


def absolute(name: str) -> str:
    """A world's name that means the same from every folder: the path of a user's file is made absolute."""
    file, colon, kind = name.rpartition(":")
    return f"{Path(file).resolve()}{colon}{kind}" if file.endswith(".py") else name


def world_of(run: Run) -> "AbstractWorld":
    """The world that the run's logs came from.

    Raises:
        ConfigError: the logs name no environment, or it cannot be made here.
    """
    from telos import envs
    from telos.envs.names import world_args

    environment = run.description["data"][0]["environment"]
    if environment is None:
        raise ConfigError(
            f"The logs of {run.path} name no environment, so that there is nothing to act in.",
            fix=f"telos evaluate {run.path} --offline judges by the held-out logs alone",
        )
    return envs.make_world(environment["name"], **world_args(environment["name"], environment["args"]))


def held_out_logs(run: Run) -> "Selection":
    """The episodes that the run was not trained on.

    Raises:
        DataError: the logs have moved or changed since.
    """
    from telos.data import split
    from telos.recipes.run_logs import logs_of

    return split(logs_of(run), held_out=run.description["held_out"], seed=run.description["seed"])[1]
