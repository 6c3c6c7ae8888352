"""Teaching an agent what is usual, so that it can be surprised: how far its model errs on held-out logs, step by step."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from telos.agent.surprise import Surprise, SurpriseConfig
from telos.core.acting import AbstractSurprise
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import DataError
from telos.core.run import Run, atomic_file
from telos.core.seeding import numpy_generator
from telos.core.taught import save_taught
from telos.core.types import State
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes, split
from telos.data.views import Selection
from telos.recipes.knowledge import SURPRISE, load_knowledge, load_world_model
from telos.recipes.run_logs import logs_of
from telos.training.codes import CodeWindows

REPORT = "surprise_calibration.json"
"""In a run folder: what `SurpriseLesson.to_json` tells, for reports."""
HORIZONS = (1, 2, 4, 8)
LEVELS = (0.05, 0.01)
"""P-values whose shares are reported."""
NUM_WINDOWS, AT_ONCE = 768, 256
MOST_STEPS = 64
"""Of an episode that are followed at a time. Whole episodes where they are shorter: how a model errs hangs on how far an episode has come."""
LEAST = 0.01
"""Share of the mean squared error that a direction is taken to have at the least: one that is always right would count without bounds."""
TAIL = 0.05
"""Share of the greatest errors that the power law beyond them is fitted to."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class SurpriseLesson:
    """What was taught, and how well it is calibrated on held-out episodes that it was not calibrated on."""

    surprise: Surprise
    num_steps: int
    """Held-out steps that it was calibrated on."""
    checked_steps: int
    """Others that it was checked on."""
    below: dict[float, tuple[float, float, float]]
    """For each level the share of these whose p-value lies below it, and the 95 % interval of that share, from episode to episode."""

    def to_json(self) -> dict[str, Any]:
        below = {f"{level:g}": dict(zip(("share", "low", "high"), found, strict=True)) for level, found in self.below.items()}
        return {"horizons": list(self.surprise.horizons), "num_steps": self.num_steps, "held_out_steps": self.checked_steps, "below": below}


def teach_surprise(
    run: Run | Path | str,
    own: AbstractEpisodes | None = None,
    *,
    horizons: tuple[int, ...] = HORIZONS,
    seed: int = 0,
    progress: Progress | None = None,
) -> SurpriseLesson:
    """Calibrates a sense of surprise, and keeps it as RUN/surprise; agents that are loaded later have it.

    A third of the episodes says how the model errs, a third what that is worth as a p-value, and the last third whether that is so.

    An agent with a goal goes where random logs seldom go, straight through doors and along walls, and errs there by other amounts. So p-values
    mean what they say in episodes like those that they were calibrated on: for an agent at work take its own.

    Args:
        own: episodes that the agent itself played while all was as usual (`telos.teaching.ratings.own_episodes.play_episodes`); by default
            the episodes of the run's logs that were held out from training.
        horizons: how many steps ago what is compared was imagined.
        seed: of the windows that are looked at.
        progress: called with what is being done, how much of it is through, and all.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed, or there are too few episodes.
        ConfigError: the horizons are none.
        EpisodeTooShortError: no held-out episode is longer than the farthest horizon.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    usual = split(logs_of(run), held_out=run.description["held_out"], seed=run.description["seed"])[1] if own is None else own
    lesson, description = fit_surprise(world_model, usual, horizons=horizons, seed=seed, source=usual.fingerprint, progress=progress)
    save_taught(run.path / SURPRISE, description, lesson.surprise, tie=fingerprint(world_model))
    with atomic_file(run.path / REPORT) as temporary:
        temporary.write_text(json.dumps(lesson.to_json(), indent=2) + "\n", encoding="utf-8")
    return lesson


def surprise_of(run: Run | Path | str, *, seed: int = 0) -> AbstractSurprise:
    """The run's sense of surprise; taught now if nobody has taught it. Raises what `teach_surprise` raises."""
    run = run if isinstance(run, Run) else Run.open(Path(run))
    return load_knowledge(run).surprise or teach_surprise(run, seed=seed).surprise


def fit_surprise(
    world_model: AbstractWorldModel,
    held_out: AbstractEpisodes,
    *,
    horizons: tuple[int, ...] = HORIZONS,
    seed: int = 0,
    source: str = "",
    progress: Progress | None = None,
) -> tuple[SurpriseLesson, SurpriseConfig]:
    """What is usual in two thirds of `held_out`, checked on the last third.

    Raises what `teach_surprise` raises of episodes and horizons.
    """
    if held_out.num_episodes < 6:
        raise DataError(f"{held_out.num_episodes} held-out episodes do not show what is usual.", expected="6 or more; better 200")
    rng, tell = numpy_generator(seed, "surprise"), progress or (lambda stage, done, total: None)
    description = SurpriseConfig(latent_size=world_model.latent_size, horizons=tuple(horizons), source=source)
    order = rng.permutation(held_out.num_episodes)
    surprise = description.build().eval()
    # Errors are smaller in the unit that was fitted to them: what an energy is worth has to be found on other episodes.
    units, ranks, others = (CodeWindows(world_model, Selection(held_out, np.sort(order[part::3]))) for part in range(3))
    _set_units(surprise, world_model, units, rng, lambda done, total: tell("calibrate", done, 2 * total))
    _set_ranks(surprise, world_model, ranks, rng, lambda done, total: tell("calibrate", total + done, 2 * total))
    found = follow(surprise, world_model, others, rng, lambda done, total: tell("check", done, total))
    below = {level: _share((found.p_values < level).float().mean(dim=1), found.episodes) for level in LEVELS}
    steps = int(units.lengths.sum() + ranks.lengths.sum())
    lesson = SurpriseLesson(surprise=surprise.requires_grad_(False), num_steps=steps, checked_steps=int(others.lengths.sum()), below=below)
    return lesson, description


@dataclass(frozen=True)
class Followed:
    """What a sense of surprise found along windows, step by step."""

    gaps: Float[Tensor, "windows time horizons latent"]
    """What was seen, less what was expected; of the nearest future."""
    energies: Float[Tensor, "windows time"]
    p_values: Float[Tensor, "windows time"]
    episodes: Int[Tensor, " windows"]


@torch.no_grad()
def follow(surprise: Surprise, world_model: AbstractWorldModel, windows: CodeWindows, rng: np.random.Generator, tell) -> Followed:
    """Goes along random windows as an agent does along its episodes: nothing is expected in the beginning.

    Raises:
        EpisodeTooShortError: no episode is longer than the farthest horizon.
    """
    farthest = surprise.horizons[-1]
    num_steps = max(farthest + 1, min(MOST_STEPS, int(np.median(windows.lengths))))
    parts = []
    for start in range(0, NUM_WINDOWS, AT_ONCE):
        drawn = windows.windows(rng, AT_ONCE, num_steps)
        actions = torch.as_tensor(drawn.actions)
        states = world_model.assemble(torch.as_tensor(drawn.observations), actions, drawn.frames)
        parts.append((*_along(surprise, world_model, states, actions), torch.as_tensor(drawn.episodes).cpu()))
        tell(start + AT_ONCE, NUM_WINDOWS)
    return Followed(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _along(surprise: Surprise, world_model: AbstractWorldModel, states: State, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    expected, found = surprise.begin(world_model, states.at(0)), []
    for time in range(actions.shape[1]):
        expected = surprise.expect(world_model, expected, states.at(time), actions[:, time])
        seen = states.at(time + 1)
        found.append((surprise.gaps(expected, seen).cpu(), surprise.energy(expected, seen).cpu(), surprise.p_value(expected, seen).cpu()))
    return tuple(torch.stack(part, dim=1) for part in zip(*found, strict=True))  # type: ignore[return-value]


def _set_units(surprise: Surprise, world_model: AbstractWorldModel, usual: CodeWindows, rng: np.random.Generator, tell) -> None:
    """Units, ranks and tails of the errors of each horizon."""
    gaps = follow(surprise, world_model, usual, rng, tell).gaps
    among = torch.linspace(0, 1, surprise.error_ranks.shape[1])
    for place, horizon in enumerate(surprise.horizons):
        known = gaps[:, horizon - 1 :, place].flatten(0, 1)
        surprise.whitening[place] = _whitening(known.double())
        errors = (known.to(surprise.whitening.device) @ surprise.whitening[place]).square().mean(dim=1)
        surprise.error_ranks[place] = _quantiles(errors, among)
        greatest = errors[errors >= _quantiles(errors, torch.tensor([1 - TAIL]))].clamp_min(1e-12)
        surprise.tails[place] = 1 / (greatest / greatest.min()).log().mean().clamp_min(0.02)


def _set_ranks(surprise: Surprise, world_model: AbstractWorldModel, usual: CodeWindows, rng: np.random.Generator, tell) -> None:
    """The ranks of energies, for every number of horizons that are known."""
    energies = follow(surprise, world_model, usual, rng, tell).energies
    among = torch.linspace(0, 1, surprise.energy_ranks.shape[1])
    for place, horizon in enumerate(surprise.horizons):
        until = surprise.horizons[place + 1] - 1 if place + 1 < len(surprise.horizons) else energies.shape[1]
        surprise.energy_ranks[place] = _quantiles(energies[:, horizon - 1 : until].flatten(), among)


def _whitening(gaps: Float[Tensor, "steps latent"]) -> Float[Tensor, "latent latent"]:
    """What brings errors to unit size in every direction. Directions that are always right count as if they erred a little."""
    sizes, directions = torch.linalg.eigh(gaps.T @ gaps / len(gaps))
    sizes = sizes.clamp_min(LEAST * float(sizes.mean()) + 1e-12)
    return directions / sizes.sqrt()


def _quantiles(values: Tensor, among: Tensor) -> Tensor:
    """Of as many values as there may be; torch's own takes 16 millions at the most."""
    ordered = values.sort().values
    return ordered[(among * (len(ordered) - 1)).round().long().to(ordered.device)]


def _share(of_windows: Float[Tensor, " windows"], episodes: Int[Tensor, " windows"]) -> tuple[float, float, float]:
    """The mean and its interval: what happens within an episode hangs together, so episodes are counted."""
    _, group = episodes.unique(return_inverse=True)
    sums = torch.zeros(int(group.max()) + 1).index_add(0, group, of_windows)
    each = sums / torch.bincount(group)
    # One episode tells nothing about others.
    mean, half = float(of_windows.mean()), 1.96 * float(each.std()) / len(each) ** 0.5 if len(each) > 1 else 1.0
    return mean, max(0.0, mean - half), min(1.0, mean + half)
