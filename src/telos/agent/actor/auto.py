"""What `auto` stands for: the one place where a planner is chosen for somebody who names none."""

from dataclasses import dataclass, fields

from telos.agent.actor.categorical import CategoricalCEM
from telos.agent.actor.mppi import MPPI
from telos.core import config
from telos.core.contracts import AbstractPlanner
from telos.core.errors import RunError
from telos.core.run import Run
from telos.core.spaces import ActionSpace, DiscreteSpace

AUTO = "auto"
MEASURED = "planners.json"
"""The file in a run's folder that keeps what `telos evaluate RUN --planners` measured."""
NO_BUDGET = {"num_elites", "num_step_sizes"}
"""Counts of a planner that say little about what it costs."""


@dataclass(frozen=True)
class Choice:
    """A planner, and why this one."""

    planner: AbstractPlanner
    why: str
    """In a few words, for people."""

    def describe(self) -> str:
        return f"{setting_of(self.planner)}, {self.why}"


def choose_planner(action_space: ActionSpace, *, horizon: int, noise_exponent: float = 1.0) -> AbstractPlanner:
    """The cheapest setting that does as well as the best, by the curves of docs/planners.md: their knee over all worlds.

    Use for a world of which nothing is measured yet. Not where success on held-out goals can be measured: a run's own curve knows better.

    Unbounded vectors get a planner too, since a model can be trained on them; it refuses to plan, and says so.

    Args:
        horizon: steps to look ahead.
        noise_exponent: colour of the noise, for planners that draw any: 0 is white; larger values for worlds of long straight legs.
    """
    if isinstance(action_space, DiscreteSpace):
        return CategoricalCEM(horizon=horizon)
    return MPPI(horizon=horizon, num_candidates=32, num_iterations=3, noise_exponent=noise_exponent)


def choose_planner_for(run: Run, action_space: ActionSpace, like: AbstractPlanner) -> Choice:
    """What was measured for this run, if anything was; else the choice of `choose_planner`.

    Args:
        like: the recipe's planner; its horizon, and the colour of its noise, are taken over.

    Raises:
        RunError: what was measured is damaged.
    """
    measured = measured_planner(run)
    if measured is not None:
        return Choice(measured, f"the knee that was measured for this run ({MEASURED})")
    shared = {name: getattr(like, name) for name in ("horizon", "noise_exponent") if name in {field.name for field in fields(like)}}
    return Choice(choose_planner(action_space, **shared), "the knee of the published curves; this run's own are not measured")


def measured_planner(run: Run) -> AbstractPlanner | None:
    """The knee of the run's own curves; None if they were not measured, or have none. Raises RunError if the file is damaged."""
    if not (run.path / MEASURED).is_file():
        return None
    content = run.read_json(MEASURED)
    try:
        planner = None if content["knee"] is None else config.from_json(content["rows"][content["knee"]]["planner"])
    except (KeyError, IndexError, TypeError) as error:
        raise _damaged(run) from error
    if planner is not None and not isinstance(planner, AbstractPlanner):
        raise _damaged(run)
    return planner


def setting_of(planner: AbstractPlanner) -> str:
    """A planner and its budget in a few words: `mppi 64 x 3`, `hybrid 4 x 8 after mppi 64 x 2`."""
    values = {field.name: getattr(planner, field.name) for field in fields(planner)}
    budget = " x ".join(str(value) for name, value in values.items() if name == "depth" or (name.startswith("num_") and name not in NO_BUDGET))
    first = [f"after {setting_of(value)}" for value in values.values() if isinstance(value, AbstractPlanner)]
    return " ".join(part for part in (config.short_name(type(planner)), budget, *first) if part)


def _damaged(run: Run) -> RunError:
    return RunError(
        f"{run.path / MEASURED} is damaged: it does not hold what was measured of planners.", fix="remove it, or measure again: --planners all"
    )
