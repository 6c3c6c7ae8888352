"""How the agent acts: the options that all verbs share which let it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from telos.agent.loop import Agent
    from telos.core.contracts import AbstractPlanner, AbstractRisk
    from telos.core.run import Run

FALL_BACK = "fall-back"


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Fast, slow, and what may happen; by default all as the recipe says."""

    planner: str | None = None
    """auto, a planner such as mppi, cem or hybrid (docs/planners.md has them all), or your own file.py:ClassName; by default the recipe's."""
    mode: Literal["plan", "react", "auto"] | None = None
    """plan: search for every action; react: the policy acts, at once; auto: the policy, and search where the arbiter says so (telos practise)."""
    proposals: int | None = None
    """Sequences that the policy proposes to each search."""
    risk: str | None = None
    """What a plan is worth that may lead to several futures: mean, worst, quantile or cvar, as in cvar,level=0.1,num_futures=16; or file.py:Class."""
    disagreement: float | None = None
    """Weight of the disagreement of an ensemble as energy, to keep away from what the models do not know; below 0 it is curiosity."""
    memory: Literal["episode", "always"] | None = None
    """Remember what was found otherwise than expected, for the rest of the episode, or in later ones too (telos remember)."""
    surprise: float | None = None
    """P-value below which what has happened is a surprise, such as 0.01; the agent then thinks again (telos surprise)."""
    when_surprised: Literal["plan", "fall-back"] | None = None
    """What follows on a surprise: a new plan, or the guardrails' fallback until things are as expected again."""
    levels: int | None = None
    """Levels that plan at the most: above 1 far goals are approached through subgoals (telos levels)."""
    time_to_go: str | None = None
    """Critic of time that counts as energy, and that vetoes what is too good to be true, such as landmarks (telos time-to-go)."""
    subgoals: Literal["levels", "critic"] | None = None
    """Who says where to go next: the plans of the upper levels, or the critic of --time-to-go."""

    @property
    def given(self) -> list[str]:
        """What was asked for, as it is typed."""
        return [f"--{part.name.replace('_', '-')}" for part in fields(self) if getattr(self, part.name) is not None]

    @property
    def typed(self) -> str:
        """The options again, for the end of a command."""
        return "".join(f" --{part.name.replace('_', '-')} {value}" for part in fields(self) if (value := getattr(self, part.name)) is not None)

    def check(self) -> None:
        """Raises ConfigError for options of which one leaves another nothing to do."""
        from telos.core.errors import ConfigError

        for option in ("planner", "proposals"):
            if self.mode == "react" and getattr(self, option) is not None:
                raise ConfigError(f"With --mode react nobody searches, so --{option} has nothing to do.", fix="leave one of them out, or --mode auto")
        if self.when_surprised is not None and self.surprise is None:
            raise ConfigError("--when-surprised says what follows on a surprise, and nothing surprises.", fix="add --surprise 0.01")

    def load(self, run: Run, *, planner: AbstractPlanner | None = None, **more: Any) -> Agent:
        """The agent of the run, set up so; `more` goes to `load_agent`.

        Args:
            planner: in place of the one that is named.

        Raises:
            ConfigError: what is asked for does not go together, or the run was not taught it.
        """
        from telos.cli.planners import planner_for
        from telos.core.errors import ConfigError
        from telos.recipes.experiment import load_agent

        self.check()
        agent = load_agent(
            run,
            planner=planner or planner_for(run, self.planner),
            memory=self.memory,
            mode=self.mode,
            proposals=self.proposals,
            risk=None if self.risk is None else read_risk(self.risk),
            surprise_level=self.surprise,
            when_surprised=None if self.when_surprised is None else "fall back" if self.when_surprised == FALL_BACK else "plan",
            levels=self.levels,
            time_to_go=self.time_to_go,
            subgoals=self.subgoals,
            **more,
        )
        if self.subgoals == "levels" and agent.settings.levels < 2:
            raise ConfigError("--subgoals levels takes a level above the lowest, and the agent plans on one.", fix="add --levels 2")
        if self.disagreement is not None:
            from telos.teaching.disagreement import measure_disagreement

            agent.settings = replace(agent.settings, cost=agent.settings.cost + self.disagreement * measure_disagreement(run))
        return agent

    @property
    def label(self) -> str:
        """For names of files: `cem-auto`."""
        parts = (
            (self.planner or "default").rpartition(":")[2],
            self.mode,
            None if self.proposals is None else f"{self.proposals}-proposals",
            None if self.risk is None else self.risk.rpartition(":")[2].replace(",", "-"),
            None if self.disagreement is None else f"disagreement{self.disagreement:g}",
            None if self.memory is None else f"memory-{self.memory}",
            None if self.surprise is None else f"p{self.surprise:g}",
            self.when_surprised,
            None if self.levels is None else f"{self.levels}-levels",
            None if self.time_to_go is None else f"time-{self.time_to_go}",
            None if self.subgoals is None else f"subgoals-{self.subgoals}",
        )
        return "-".join(part for part in parts if part is not None)


AS_USUAL = Acting()
"""All as the recipe says."""


def read_risk(text: str) -> AbstractRisk:
    """`cvar,level=0.1` as the value that it stands for.

    Raises:
        UnknownNameError: there is no such risk, or it has no such field.
        ConfigError: what is named is no risk, or what is given is no number.
    """
    from telos.agent import actor
    from telos.core.config import load_class
    from telos.core.contracts import AbstractRisk
    from telos.core.errors import ConfigError, UnknownNameError

    name, *given = text.split(",")
    exported = [getattr(actor, export) for export in actor.__all__]
    known = {kind.__name__.lower(): kind for kind in exported if isinstance(kind, type) and issubclass(kind, AbstractRisk)}
    if ":" not in name and name not in known:
        raise UnknownNameError.of("risk", name, known)
    kind = known[name] if name in known else load_class(name)
    if not (isinstance(kind, type) and issubclass(kind, AbstractRisk) and is_dataclass(kind)):
        raise ConfigError(f"'{name}' is not a risk.", expected="a frozen dataclass that is an AbstractRisk of telos.core.contracts")
    kinds = {part.name: part.type for part in fields(kind)}
    values: dict[str, Any] = {}
    for part in given:
        field, _, number = part.partition("=")
        if field not in kinds:
            raise UnknownNameError.of(f"field of {name}", field, kinds)
        try:
            values[field] = int(number) if kinds[field] in (int, "int") else float(number)
        except ValueError as error:
            raise ConfigError(f"'{part}' of the risk '{text}' is no number.", expected=f"such as {field}=16") from error
    return kind(**values)
