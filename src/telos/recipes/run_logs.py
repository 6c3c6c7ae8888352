"""From a run back to the logs that it was trained on."""

from telos.core.errors import DataError
from telos.core.run import Run
from telos.data import Episodes, Mixture
from telos.recipes.experiment import open_logs, stores_of


def logs_of(run: Run) -> Episodes | Mixture:
    """All episodes that the run was made from, those that were held out among them.

    Raises:
        DataError: the run names none, or they have moved or changed since.
    """
    parts = run.description["data"]
    if not parts:
        raise DataError(f"The run {run.path} names no logs.", fix="give some of the same world: --data STORE")
    logs = open_logs([part["path"] for part in parts])
    if [store.fingerprint for store in stores_of(logs)] != [part["fingerprint"] for part in parts]:
        raise DataError(f"The logs of {run.path} are not those that it was trained on any more.", fix="train again, or bring the old logs back")
    return logs
