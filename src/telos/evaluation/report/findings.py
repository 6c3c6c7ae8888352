"""Everything that a report has to compute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telos.core import config
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.open_loop import open_loop
from telos.evaluation.protocols import Protocol, make_protocol, select_rows
from telos.evaluation.report.codec import Codec, train_decoder
from telos.evaluation.report.decoder import DecoderConfig
from telos.evaluation.report.episode import Episode, lag_of, play_first
from telos.evaluation.report.far_goals import FarGoals, find_far_goals
from telos.evaluation.report.footage import Footage, footage_of_episode, footage_of_logs
from telos.evaluation.report.imagery import AbstractImagery, imagery_for
from telos.evaluation.report.landscape import Landscape, energy_landscape, has_position
from telos.evaluation.report.latent_map import LatentMap, latent_map
from telos.evaluation.report.sources import Sources

NUM_EPISODES = 12
"""Attempts that are played once more."""
MOST_JUDGED = 20
"""Held-out episodes on which the decoder is judged."""
Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """What the agent did in the world."""

    protocol: Protocol
    lag: int
    """Steps between imagining a moment and seeing it, in the film."""
    episodes: tuple[Episode, ...]
    """In the order of the protocol."""
    evaluated: bool
    """Whether they are the first ones of the evaluation."""
    distances: np.ndarray
    """True distances to the goal `[time+1]` in the first one."""
    footage: Footage
    """Of the first one."""
    landscape: Landscape | None
    """For its goal; None in a world without places."""
    surprise_level: float = 0.0
    """P-value below which the agent counts something as a surprise."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What there is to show; None for what this run cannot show."""

    sees_pictures: bool
    """Whether what is observed is, or holds, a picture."""
    attempts: Attempts | None
    dream: Footage | None
    """A held-out episode, imagined from its first frame."""
    fidelity: float | None
    """The decoder's squared error on held-out frames, as a share of the error of always showing the mean frame."""
    open_loop: Mapping[str, Any] | None
    map: LatentMap | None
    far: FarGoals | None
    """None for a run that has neither levels nor critics of time."""


def find(sources: Sources, evaluation: Mapping[str, Any] | None, *, seed: int, decoder: DecoderConfig, progress: Progress) -> Findings:
    """Trains the decoder, plays the first attempts once more, and looks at latents and energies."""
    model, held_out = sources.agent.world_model, sources.held_out
    imagery = imagery_for(model.spaces.observation, sources.world, held_out, seed=seed)
    codec = None
    if sources.training is not None:

        def trained(done: int, total: int) -> None:
            progress("report", 70 * done // total, 100, "")

        codec = train_decoder(model, sources.training, imagery.target, seed=seed, config=decoder, progress=trained)
    attempts = None if sources.world is None else _attempts(sources, sources.world, evaluation, codec, imagery, seed)
    far = _far_goals(sources, attempts, codec, imagery, seed)
    if attempts is not None and far is not None:
        attempts = replace(attempts, footage=replace(attempts.footage, gone_for=far.gone_for))
    progress("report", 90, 100, "")
    can_imagine = codec is not None and held_out is not None
    return Findings(
        sees_pictures=imagery.sees_pictures,
        attempts=attempts,
        dream=footage_of_logs(held_out, codec, imagery, seed=seed) if can_imagine else None,
        fidelity=_fidelity(codec, imagery, held_out) if can_imagine else None,
        open_loop=_open_loop(sources, evaluation),
        map=None if held_out is None else latent_map(model, held_out, seed=seed),
        far=far,
    )


def _far_goals(sources: Sources, attempts: Attempts | None, codec: Codec | None, imagery: AbstractImagery, seed: int) -> FarGoals | None:
    episode, goal = (None, None) if attempts is None else (attempts.episodes[0], attempts.footage.goal)
    return find_far_goals(sources, episode, goal, codec, imagery, seed=seed)


def _attempts(
    sources: Sources, world: AbstractWorld, evaluation: Mapping[str, Any] | None, codec: Codec | None, imagery: AbstractImagery, seed: int
) -> Attempts:
    protocol = make_protocol(world, None, episodes=NUM_EPISODES, offset=None, seed=seed)
    if evaluation is not None and isinstance(saved := config.from_json(evaluation["protocol"]), Protocol):
        protocol = saved
    conflicts = bool(evaluation and (evaluation.get("guardrails") or {}).get("conflicts_only"))
    episodes, source = play_first(sources.agent, world, protocol, NUM_EPISODES, sources.held_out, conflicts=conflicts)
    first, lag = episodes[0], lag_of(sources.agent)
    return Attempts(
        protocol=protocol,
        lag=lag,
        episodes=tuple(episodes),
        evaluated=evaluation is not None and evaluation.get("pairs_from", source) == source,
        distances=world.distance(first.states, select_rows(first.goal, np.zeros(first.num_steps + 1, dtype=int))),
        footage=footage_of_episode(first, world, codec, imagery, lag),
        landscape=energy_landscape(sources.agent.world_model, world, first.goal) if has_position(world, first.states) else None,
        surprise_level=sources.agent.settings.surprise_level,
    )


def _open_loop(sources: Sources, evaluation: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if evaluation is not None and evaluation.get("open_loop"):
        return evaluation["open_loop"]
    if sources.held_out is None:
        return None
    return open_loop(sources.agent.world_model, sources.held_out, seed=sources.run.description["seed"]).to_json()


def _fidelity(codec: Codec, imagery: AbstractImagery, logs: AbstractEpisodes) -> float:
    mean = codec.decoder.mean_target()
    errors, floors = [], []
    for index in range(min(MOST_JUDGED, logs.num_episodes)):
        observations = logs.episode(index).observations
        truth = imagery.target(observations).astype(np.float64)
        errors.append(np.square(codec.decode(codec.encode(observations)) - truth).mean())
        floors.append(np.square(mean - truth).mean())
    return float(np.mean(errors) / max(np.mean(floors), 1e-12))
