"""Finds a margin for guardrails with which the agent that will run keeps them, and proves it on episodes that it plays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from telos.agent.guardrails import tie_of
from telos.agent.loop import Agent
from telos.core import config
from telos.core.errors import ConfigError
from telos.core.guarding import Calibration, Guardrail
from telos.core.seeding import derive_seed
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.guarded import Judges, requirements_of
from telos.evaluation.guarded_pairs import draw_guarded_pairs
from telos.evaluation.protocols import Pairs, Protocol, select_rows
from telos.evaluation.success import AbstractSuccess, make_success
from telos.teaching.calibration.bounds import check_enough, episodes_needed
from telos.teaching.calibration.open_loop import OpenLoopErrors
from telos.teaching.calibration.sequence import Seen, Trial, choose, trial_to_json, try_in_order

SIDE_BY_SIDE = 100
"""Episodes that are played at a time: many share the work of a search, few stop soon where a margin fails."""
Maker = Callable[[tuple[Guardrail, ...], int], Agent]
"""`(guardrails, seed)`: the agent that will run, with these guardrails and no others."""
Progress = Callable[[str, int, int], None]
"""`(what is being done, how much of it is, all of it)`."""


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    """What a calibration found."""

    guardrails: tuple[Guardrail, ...]
    """Calibrated, where a margin was accepted; else as they were."""
    trials: tuple[Trial, ...]
    """In the order in which they were played."""
    chosen: Trial | None
    """None: no margin was accepted."""
    estimates: Mapping[str, float]
    """The open-loop estimates that margins were measured by."""
    confidence: float
    protocol: Protocol
    source: str
    """The world, the starts and the seed of the episodes, for people."""

    @property
    def accepted(self) -> bool:
        return self.chosen is not None

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "accepted": self.accepted,
            "guardrails": [config.to_json(guardrail) for guardrail in self.guardrails],
            "chosen": None if self.chosen is None else trial_to_json(self.chosen, self.confidence),
            "trials": [trial_to_json(trial, self.confidence) for trial in self.trials],
            "estimates": dict(self.estimates),
            "alphas": {guardrail.name: guardrail.alpha for guardrail in self.guardrails},
            "confidence": self.confidence,
            "protocol": config.to_json(self.protocol),
            "source": self.source,
            "closed_loop": True,
        }


def calibrate(
    make_agent: Maker,
    world: AbstractWorld,
    protocol: Protocol,
    guardrails: Sequence[Guardrail],
    candidates: Sequence[Mapping[str, float]],
    *,
    confidence: float = 0.95,
    estimates: Mapping[str, float] | None = None,
    logs: AbstractEpisodes | None = None,
    conflicts: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> CalibrationResult:
    """Tests margins in their order, each on fresh episodes of the agent with that margin switched on, judged by the true state.

    Several guardrails are tested together, all of them on: a margin of one changes how the others fare.

    Args:
        protocol: starts, goals and the number of episodes for each margin; they are others than `telos evaluate` plays with this seed.
        candidates: margins by the guardrails' names, the widest first; see `margins_from` and `margins_given`.
        confidence: that the share of violations is below alpha, over the chance in the episodes.
        estimates: what the candidates were made from, to be told.
        logs: held-out episodes, where the protocol cuts starts and goals from them.
        conflicts: play only where the usual way breaks a guardrail.

    Raises:
        ConfigError: so many episodes cannot prove an alpha, whatever comes of them; or hardly any start is left.
    """
    check_guardrails(guardrails, protocol.episodes, confidence)
    player = _Player(make_agent, world, protocol, tuple(guardrails), logs, conflicts, progress)
    alphas = {guardrail.name: guardrail.alpha for guardrail in guardrails}
    trials = try_in_order(candidates, player, alphas=alphas, confidence=confidence, episodes=protocol.episodes)
    chosen = choose(trials)
    where = f"{world_name(world)}, {protocol.name}{' where the usual way is forbidden' if conflicts else ''}, seed {protocol.seed}"
    found = tuple(guardrails)
    if chosen is not None:
        with_margins = _with_margins(guardrails, chosen.margins)
        agent = make_agent(with_margins, protocol.seed)
        found = tuple(_calibrated(guardrail, agent, trials, chosen, confidence, where) for guardrail in with_margins)
    return CalibrationResult(
        guardrails=found,
        trials=tuple(trials),
        chosen=chosen,
        estimates=dict(estimates or {}),
        confidence=confidence,
        protocol=protocol,
        source=where,
    )


def calibrate_on_logs(guardrails: Sequence[Guardrail], errors: Mapping[str, OpenLoopErrors], agent: Agent, *, source: str) -> tuple[Guardrail, ...]:
    """Margins from the errors of held-out logs alone; `NOT_COVERED` says what that leaves open.

    Args:
        errors: what `open_loop_errors` found, by the guardrails' names.
        agent: the one that will run.
        source: the logs, for people.

    Raises:
        DataError: too few held-out episodes for an alpha.
        ConfigError: a guardrail only says yes or no.
    """
    found = []
    for guardrail in guardrails:
        if not guardrail.requirement.graded:
            raise ConfigError(f"'{guardrail.name}' only says yes or no: logs alone cannot give it a margin.", fix="calibrate it in a simulator")
        seen = errors[guardrail.name]
        margin = seen.quantile(guardrail.alpha)
        calibration = Calibration(
            alpha=guardrail.alpha,
            confidence=0.0,
            episodes=len(seen.errors),
            violations=int((seen.errors > margin).sum()),
            closed_loop=False,
            tried=(margin,),
            tie=tie_of(agent.knowledge, guardrail, agent.settings),
            source=source,
        )
        found.append(replace(guardrail, margin=margin, calibration=calibration))
    return tuple(found)


def check_guardrails(guardrails: Sequence[Guardrail], episodes: int, confidence: float) -> None:
    """Raises ConfigError if there are no guardrails, two have one name, or so many episodes cannot prove an alpha."""
    if not guardrails:
        raise ConfigError("There is no guardrail to calibrate.", expected="one or more")
    names = [guardrail.name for guardrail in guardrails]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"Two guardrails are called '{twice[0]}'.", expected="a name of its own for each")
    if not 0 < confidence < 1:
        raise ConfigError(f"The confidence is {confidence:g}.", expected="a share between 0 and 1, such as 0.95")
    strictest = max(guardrails, key=lambda guardrail: episodes_needed(alpha=guardrail.alpha, confidence=confidence))
    check_enough(episodes, alpha=strictest.alpha, confidence=confidence)


def world_name(world: AbstractWorld) -> str:
    """What a world is called in a sentence."""
    return getattr(world, "env", None) or config.short_name(type(world))


@dataclass(frozen=True)
class _Player:
    """Plays fresh episodes of the agent with some margins."""

    make_agent: Maker
    world: AbstractWorld
    protocol: Protocol
    guardrails: tuple[Guardrail, ...]
    logs: AbstractEpisodes | None
    conflicts: bool
    progress: Progress

    def __call__(self, margins: Mapping[str, float], number: int, episodes: int) -> Iterator[Seen]:
        seed = derive_seed(self.protocol.seed, "calibration", number)
        protocol, requirements = replace(self.protocol, seed=seed, episodes=episodes), requirements_of(self.guardrails)
        agent = self.make_agent(_with_margins(self.guardrails, margins), seed)
        success = make_success(self.world, protocol, agent.world_model, self.logs)
        pairs = draw_guarded_pairs(self.world, protocol, requirements.values(), self.logs, success.reached, conflicts=self.conflicts)
        stage = "margin " + ", ".join(f"{margin:.3g}" for margin in margins.values())
        for start in range(0, episodes, SIDE_BY_SIDE):
            yield self._some(agent, pairs, slice(start, start + SIDE_BY_SIDE), success, stage)

    def _some(self, agent: Agent, pairs: Pairs, rows: slice, success: AbstractSuccess, stage: str) -> Seen:
        some = Pairs(select_rows(pairs.starts, rows), select_rows(pairs.goals, rows), pairs.limits[rows], pairs.source)
        judges, contestant = Judges(self.world, requirements_of(self.guardrails), some.starts), AgentContestant(agent)
        done_before, total = rows.start, len(pairs)

        def tell(done: int, _: int) -> None:
            self.progress(stage, done_before + done, total)

        outcome = play(self.world, some, contestant, self.protocol, tell, reached=success.reached, record=judges)
        violations = {name: breaches.rate.count for name, breaches in judges.breaches.items()}
        return Seen(violations, len(some), int(outcome.success.sum()), contestant.conduct.fallback_steps, contestant.conduct.steps)


def _with_margins(guardrails: Sequence[Guardrail], margins: Mapping[str, float]) -> tuple[Guardrail, ...]:
    return tuple(replace(guardrail, margin=margins[guardrail.name], calibration=None) for guardrail in guardrails)


def _calibrated(guardrail: Guardrail, agent: Agent, trials: Sequence[Trial], chosen: Trial, confidence: float, source: str) -> Guardrail:
    upto = trials[: trials.index(chosen) + 1]
    calibration = Calibration(
        alpha=guardrail.alpha,
        confidence=confidence,
        episodes=chosen.episodes,
        violations=chosen.violations[guardrail.name],
        closed_loop=True,
        tried=tuple(trial.margins[guardrail.name] for trial in upto),
        tie=tie_of(agent.knowledge, guardrail, agent.settings),
        source=source,
    )
    return replace(guardrail, calibration=calibration)
