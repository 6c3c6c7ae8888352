"""Teaching a run how long things take, from logs without rewards."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from telos.agent.critics import LandmarkGraph, LandmarkGraphConfig, PairNetworkConfig, QuasimetricConfig
from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.core.levels import AbstractTimeToGo
from telos.core.run import Run
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes
from telos.recipes.knowledge import TIMES, load_recipe, load_world_model
from telos.recipes.run_logs import logs_of
from telos.teaching.time_to_go.fitting import Progress
from telos.teaching.time_to_go.logged import LoggedLatents
from telos.teaching.time_to_go.mapping import Tried, clock_of, draw_map, find_chart
from telos.teaching.time_to_go.networks import teach_network
from telos.teaching.time_to_go.slack import calibrate_slack, gaps_of, rank_correlation

Kind = Literal["landmarks", "hindsight", "expectile", "quasimetric"]
KINDS: tuple[Kind, ...] = ("landmarks", "hindsight", "expectile", "quasimetric")
LANDMARKS: Kind = "landmarks"
TEACHERS = (LANDMARKS,)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
STEPS = 3000
"""Of learning: about a minute on one core."""
LONGEST_PLAN = 16
"""Steps of a plan that slack is found for at the most; slack is needed for short ones."""
Description = LandmarkGraphConfig | PairNetworkConfig | QuasimetricConfig


@dataclass(frozen=True, kw_only=True)
class TimeLesson:
    """What was taught."""

    name: str
    """The critic was saved as RUN/times/NAME."""
    critic: AbstractTimeToGo
    description: Description
    tried: tuple[Tried, ...] = ()
    """Numbers of landmarks that were tried, and what the clock said; none for critics that have none."""

    def to_json(self) -> dict[str, Any]:
        told = {"name": self.name, "kind": self.description.kind, **self.description.measures}
        if isinstance(self.description, LandmarkGraphConfig):
            tried = [{"landmarks": one.landmarks, "clock": one.clock, "change": one.change} for one in self.tried]
            return {**told, "num_landmarks": self.description.num_landmarks, "num_moves": self.description.num_edges, "tried": tried}
        return {**told, "teacher": self.description.teacher or None}


def teach_time_to_go(
    run: Run | Path | str,
    *,
    kind: Kind = "landmarks",
    name: str | None = None,
    logs: AbstractEpisodes | None = None,
    num_landmarks: int | None = None,
    teacher: str | None = None,
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
) -> TimeLesson:
    """Teaches a critic of time, and keeps it as RUN/times/NAME; `telos.load_agent(RUN, time_to_go=NAME)` then goes by it.

    Args:
        kind: `landmarks`: a map of the logs. `hindsight`, `expectile`, `quasimetric`: a network, taught by the logs in one of three ways.
        name: of the critic; by default its kind, and its teacher.
        logs: by default those that the run was trained on, all of them.
        num_landmarks: of a map; None: as many as it takes.
        teacher: `landmarks`: the network learns what a map says in place of what the logs say; the map is drawn now.
        steps: of learning, for networks.
        seed: of all chance.
        progress: called with what is being done, how much of it is through, and all.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed, or are too few.
        UnknownNameError: there is no such kind, or no such teacher.
        ConfigError: what is asked for has nothing to do for this kind, or is out of range; or the name is no name of a file.
        SpaceError: the logs are not what the run was trained on.
    """
    _check(kind, name, num_landmarks, teacher, steps)
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    logs = logs_of(run) if logs is None else logs
    if not world_model.spaces.fit(logs.spaces):
        raise SpaceError(
            f"The run was trained on {world_model.spaces.describe()}; these logs hold {logs.spaces.describe()}.", expected="logs of the same world"
        )
    logged = LoggedLatents.of(world_model, logs)
    name = name or (kind if teacher is None else f"{kind}-{teacher}")
    said: dict[str, Any] = {"source": logs.fingerprint, "kind": kind}
    tried: tuple[Tried, ...] = ()
    graph: tuple[LandmarkGraph, LandmarkGraphConfig] | None = None
    if LANDMARKS in (kind, teacher):
        chart, tried = find_chart(logged, num_landmarks, seed=seed)
        graph = draw_map(world_model, logs, logged, chart, **said)
    critic, description, measures = _taught(kind, graph, logged, said, teacher=teacher, steps=steps, seed=seed, progress=progress)
    if graph is not None:
        measures["clock"] = clock_of(graph[0], logged, seed)
    horizon = min(load_recipe(run).agent.planner.horizon, LONGEST_PLAN)
    critic.slack.fill_(calibrate_slack(critic, logged, gaps_of(horizon), seed=seed))
    measures |= {"slack": float(critic.slack), "rank_correlation": rank_correlation(critic, logged, longest=LONGEST_PLAN, seed=seed)}
    lesson = TimeLesson(name=name, critic=critic, description=replace(description, measures=measures), tried=tried)
    save_taught(run.path / TIMES / name, lesson.description, critic, tie=fingerprint(world_model))
    return lesson


def _taught(
    kind: Kind,
    graph: tuple[LandmarkGraph, LandmarkGraphConfig] | None,
    logged: LoggedLatents,
    said: dict[str, Any],
    *,
    teacher: str | None,
    **learning,
) -> tuple[AbstractTimeToGo, Description, dict[str, float]]:
    """The critic, its description, and what was measured of it."""
    if kind == LANDMARKS:
        assert graph is not None
        return *graph, {}
    critic, description, loss = teach_network(kind, None if graph is None else graph[0], logged, said={**said, "teacher": teacher or ""}, **learning)
    return critic, description, {"loss": loss}


def _check(kind: str, name: str | None, num_landmarks: int | None, teacher: str | None, steps: int) -> None:
    if kind not in KINDS:
        raise UnknownNameError.of("kind of critic of time", kind, KINDS)
    if teacher is not None and teacher not in TEACHERS:
        raise UnknownNameError.of("teacher", teacher, TEACHERS)
    if kind == LANDMARKS and teacher is not None:
        raise ConfigError(
            "A map of landmarks is drawn from the logs; it has no teacher.", fix=f"leave the teacher out, or another kind: {', '.join(KINDS[1:])}"
        )
    if num_landmarks is not None and LANDMARKS not in (kind, teacher):
        raise ConfigError(f"A critic of the kind '{kind}' has no landmarks.", fix="leave their number out, or let landmarks be its teacher")
    if name is not None and not NAME.fullmatch(name):
        raise ConfigError(f"A critic cannot be called '{name}'.", expected="letters, digits, '-' and '_', such as 'landmarks'")
    if steps < 1:
        raise ConfigError(f"A critic is to learn for {steps} steps.", expected="1 or more")
