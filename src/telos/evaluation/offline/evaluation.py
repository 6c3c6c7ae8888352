"""Everything that logs alone can tell about a run, as one value."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import telos
from telos.agent.loop import Agent
from telos.core import config
from telos.core.contracts import AbstractWorldModel
from telos.data import AbstractEpisodes
from telos.data.survey.actions import ActionUse, action_use
from telos.data.survey.duplicates import episode_digests
from telos.evaluation.offline import verdicts as judge
from telos.evaluation.offline.action_recovery import ActionRecovery, default_gaps, recover_actions
from telos.evaluation.offline.foresight import Foresight, foresight
from telos.evaluation.offline.inverse import InverseDynamics, inverse_dynamics
from telos.evaluation.offline.latents import Latents, judge_latents
from telos.evaluation.offline.verdict import Level, Verdict, overall
from telos.evaluation.probe import Probe, probe, true_states_of

KIND = "offline"
HORIZON = 20
"""Steps of imagination that are judged at least, where episodes last so long."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class OfflineEvaluation:
    """What was measured, what follows from it, and what it does not show."""

    foresight: Foresight
    inverse: InverseDynamics
    recovery: tuple[ActionRecovery, ...]
    """Empty where the planner cannot search the actions."""
    latents: Latents
    actions: ActionUse
    probes: tuple[Probe, ...]
    verdicts: tuple[Verdict, ...]
    not_shown: tuple[str, ...]
    """What no logs can show, or these do not: a sentence each."""
    training_episodes: int
    held_out_episodes: int
    num_pairs: int
    plan_cpu_seconds: float
    """CPU time of one plan, imagining the floors included."""
    planner: dict[str, Any]
    seed: int

    @property
    def overall(self) -> Level:
        return overall(self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """One JSON object; all but `plan_cpu_seconds` is the same when it is run again."""
        return {
            "kind": KIND,
            "overall": self.overall,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "not_shown": list(self.not_shown),
            "open_loop": self.foresight.to_json(),
            "inverse_dynamics": self.inverse.to_json(),
            "action_recovery": [part.to_json() for part in self.recovery],
            "latents": self.latents.to_json(),
            "actions": self.actions.to_json(),
            "probe": [part.to_json() for part in self.probes],
            "training_episodes": self.training_episodes,
            "held_out_episodes": self.held_out_episodes,
            "pairs": self.num_pairs,
            "plan_cpu_seconds": self.plan_cpu_seconds,
            "planner": self.planner,
            "seed": self.seed,
            "versions": {"telos": telos.__version__, "torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
        }


def evaluate_offline(
    agent: Agent,
    untrained: AbstractWorldModel,
    training: AbstractEpisodes,
    held_out: AbstractEpisodes,
    *,
    num_pairs: int = 200,
    num_frames: int = 1000,
    curve: Mapping[str, Any] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> OfflineEvaluation:
    """Judges a run by logs alone; all chance comes from the agent's seed.

    Args:
        untrained: the same model before training, a floor.
        training: the episodes that it was trained on; they fit readouts and say what is usual.
        held_out: those that it never saw; everything is judged on these.
        num_pairs: of start and goal, for each distance between them.
        num_frames: frames that latents are judged by, and pairs of neighbours that actions are read from.
        curve: what `telos data curve` wrote, if it was run.
        progress: called with the stage, how much is done, and of how much.
    """
    model, seed = agent.world_model, agent.seed
    settings = agent.settings
    progress("imagine", 0, 3)
    ahead = foresight(model, untrained, held_out, horizon=max(HORIZON, settings.planner.horizon), seed=seed)
    progress("imagine", 1, 3)
    inverse = inverse_dynamics(model, training, held_out, num_pairs=num_frames, seed=seed)
    latents = judge_latents(model, training, held_out, num_frames=num_frames, seed=seed)
    progress("imagine", 2, 3)
    probes = probe(model, untrained, held_out, true_states_of(held_out), seed=seed)
    progress("imagine", 3, 3)
    gaps = default_gaps(agent, held_out) if settings.planner.supports(model.spaces.action) else ()
    started = time.process_time()
    recovery = recover_actions(agent, training, held_out, gaps, num_pairs=num_pairs, progress=lambda done, total: progress("plan", done, total))
    seconds = (time.process_time() - started) / max(1, len(gaps) * num_pairs)
    actions = action_use(training)
    known = set(episode_digests(training))
    num_copies = sum(digest in known for digest in episode_digests(held_out))
    verdicts = (
        judge.held_out_counts(held_out.num_episodes, num_copies),
        judge.range_used(actions),
        judge.actions_show(inverse),
        judge.actions_vary(inverse),
        judge.familiar(latents),
        judge.latents_live(latents),
        judge.sees_ahead(ahead, settings.planner.horizon),
        judge.hears_actions(ahead, settings.planner.horizon),
        *([judge.recovers_actions(recovery)] if recovery else []),
        *([judge.enough_logs(curve)] if curve else []),
    )
    return OfflineEvaluation(
        foresight=ahead,
        inverse=inverse,
        recovery=tuple(recovery),
        latents=latents,
        actions=actions,
        probes=tuple(probes),
        verdicts=verdicts,
        not_shown=tuple(_not_shown(bool(recovery), bool(curve), bool(probes), seconds)),
        training_episodes=training.num_episodes,
        held_out_episodes=held_out.num_episodes,
        num_pairs=num_pairs,
        plan_cpu_seconds=seconds,
        planner=config.to_json(settings.planner),
        seed=seed,
    )


def _not_shown(planned: bool, has_curve: bool, probed: bool, seconds: float) -> Iterator[str]:
    """No numbers that change from run to run: the JSON has them."""
    yield (
        "Whether the agent gets anywhere. Logs hold what was done, so no plan that differs from it was ever carried out; errors of "
        "imagination add up, and "
        "feed back, only when it acts. First trials belong on the robot, slowly, with a hand on the switch."
    )
    yield "What actions do that were never tried in the place where they are planned: the model's word on them was never checked."
    yield "What changes after the logs end: light, load, wear, other objects. Held-out episodes are from the same days as the others."
    if not planned:
        yield "Whether plans do what was done: the planner cannot search these actions (unbounded ones have no box to search in)."
    if not has_curve:
        yield "Whether more logs would help: telos data curve DATA --out FOLDER finds out, and telos evaluate RUN --curve FOLDER tells it here."
    if not probed:
        yield "What the latents stand for: the logs carry no true quantities (info columns) that could be read from them."
