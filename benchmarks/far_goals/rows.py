"""Who plays: flat planning, critics of time, levels, both, and the floors."""

from dataclasses import dataclass, replace

import numpy as np

from telos.agent.actor import MPPI
from telos.agent.loop import Agent
from telos.core.contracts import AbstractPlanner
from telos.core.run import Run
from telos.core.tasks import AbstractConfigurator
from telos.core.top_down import TopDown
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant, AgentContestant, RandomContestant, ScriptedContestant, ZeroContestant
from telos.recipes.experiment import USUAL, load_agent

LED = MPPI(horizon=8, num_candidates=64, num_iterations=3, noise_exponent=2.0)
"""For all who are led by a critic or a level: that of the recipe `far`."""
FLAT = MPPI(horizon=40, num_candidates=13, num_iterations=3, noise_exponent=2.0)
"""For distance in the latents alone: the best that was found on maps that are not reported (docs/log.md), imagining as many steps in a plan
as `LED`. Long plans of few candidates it is: the way must be seen to its end."""
FLAT_AT_LEISURE = MPPI(horizon=60, num_candidates=32, num_iterations=3, noise_exponent=2.0)
"""The same with nearly four times as many imagined steps."""
CRITICS = ("landmarks", "hindsight", "expectile", "quasimetric", "quasimetric-landmarks")
FLOORS = ("random", "zero", "scripted")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to plan."""

    levels: int = 1
    """Levels that plan at the most."""
    time_to_go: str | None = None
    """The critic of time that counts as energy and vetoes."""
    top_down: TopDown = TopDown()
    """How levels plan together."""
    planner: AbstractPlanner = LED
    """Of the lowest level."""
    configured: bool = False
    """Whether the agent's executive may choose."""


ROWS = {
    "flat": Row(planner=FLAT),
    "flat, 4 x the search": Row(planner=FLAT_AT_LEISURE),
    **{f"flat + {critic}": Row(time_to_go=critic) for critic in CRITICS},
    "landmarks propose": Row(levels=2, time_to_go="landmarks", top_down=TopDown(subgoals="critic")),
    "2 levels": Row(levels=2),
    "3 levels": Row(levels=3),
    "2 levels + landmarks": Row(levels=2, time_to_go="landmarks"),
    "3 levels + landmarks": Row(levels=3, time_to_go="landmarks"),
    "2 levels + quasimetric": Row(levels=2, time_to_go="quasimetric"),
    "2 levels, compared below": Row(levels=2, top_down=TopDown(compare="below")),
    "2 levels, not drawn to states": Row(levels=2, top_down=TopDown(snap=False)),
    "as the executive says": Row(levels=3, time_to_go="landmarks", configured=True),
}
"""By the name that the table has for them."""
MAIN = ("flat", "flat + landmarks", "2 levels", "2 levels + landmarks")


def agent_of(run: Run, row: Row, *, seed: int) -> Agent:
    """The run's agent, set up as the row says. Raises ConfigError for what the run was not taught."""
    configurator: AbstractConfigurator | None = USUAL if row.configured else None
    agent = load_agent(run, planner=row.planner, configurator=configurator, seed=seed)
    agent.settings = replace(agent.settings, levels=row.levels, time_to_go=row.time_to_go, top_down=row.top_down)
    return agent


class Metered(AgentContestant):
    """Keeps what planning cost, episode by episode: those under way share the bill of a step evenly."""

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        super().begin(world, starts, goals)
        self.cpu_seconds = np.zeros(len(self.alive))

    def act(self, states: WorldState) -> np.ndarray:
        actions = super().act(states)
        self.cpu_seconds[self.alive] += self.agent.last_cpu_seconds / len(self.alive)
        return actions


def contestant_of(run: Run, name: str, *, seed: int) -> AbstractContestant:
    """Who plays for a row of the table."""
    if name == "random":
        return RandomContestant(seed)
    if name in FLOORS:
        return ZeroContestant() if name == "zero" else ScriptedContestant()
    return Metered(agent_of(run, ROWS[name], seed=seed), name)
