"""How wrong a guardrail's own value is in imagination, read from logs: a bound where there is nothing else, and a scale for margins to try."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.core.errors import DataError, MissingColumnError
from telos.core.guarding import AbstractRequirement, Now
from telos.core.readouts import Knowledge
from telos.data import AbstractEpisodes
from telos.evaluation.quantities import as_read
from telos.teaching.calibration.bounds import conformal_rank, logs_needed
from telos.teaching.readouts.beliefs import Places, imagine, states_at

NOT_COVERED = (
    "The logs show what others did: a margin changes what the agent does, and so where it goes and how wrong its model is there.",
    "The agent looks for plans that look good, and so for errors of its model; logs were not chosen like that.",
    "The fallback's way to rest is not in the logs: errors were measured along what was done instead.",
    "It holds on average over calibrations, for episodes like the logged ones; not with a stated confidence for this one.",
)
"""What a calibration on logs alone does not cover, for people."""


@dataclass(frozen=True)
class OpenLoopErrors:
    """The greatest error of each held-out episode, in the unit of the requirement."""

    errors: Float[np.ndarray, " episodes"]
    """The greatest, over time and over the steps ahead, of the true value less the imagined one."""
    horizon: int
    """Steps ahead that were looked at."""

    def quantile(self, alpha: float) -> float:
        """What a further episode exceeds with a probability of at most alpha, never below 0.

        Raises:
            DataError: there are too few episodes; it says how many more are needed.
        """
        num, needed = len(self.errors), logs_needed(alpha)
        if num < needed:
            raise DataError(
                f"{num} held-out episodes bound no error at alpha = {alpha:g}.",
                expected=f"{needed} or more: {needed - num} more held-out episodes",
                fix="collect more logs, or ask for a larger --alpha",
            )
        return max(0.0, float(np.sort(self.errors)[conformal_rank(num, alpha) - 1]))

    def scale(self, alpha: float) -> float:
        """The same where there are enough episodes, and the greatest error where not: good enough to begin a search with."""
        return self.quantile(alpha) if len(self.errors) >= logs_needed(alpha) else max(0.0, float(self.errors.max()))


def open_loop_errors(
    knowledge: Knowledge,
    requirements: Mapping[str, AbstractRequirement],
    logs: AbstractEpisodes,
    *,
    horizon: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, OpenLoopErrors]:
    """Imagines what was done in held-out logs from every frame on, and compares requirements' values with the true ones.

    Only ways that have kept all of the requirements until then are looked at: what a model believes of places where the agent
    must not be is of no account.

    Args:
        requirements: all that are in force together, by name.
        horizon: steps ahead: what is carried out before the next plan, and the fallback after it.
        progress: called with the episodes that are through, and all.

    Raises:
        MissingColumnError: the logs do not tell a quantity that a requirement speaks of.
    """
    names = {name for requirement in requirements.values() for name in requirement.quantities}
    for name in sorted(names):
        if name not in logs.info_names:
            raise MissingColumnError(
                f"The logs do not tell the true '{name}', so that nothing says how wrong it is imagined.",
                expected=f"one of {', '.join(sorted(logs.info_names)) or 'some column of the true state'}",
            )
    found: dict[str, list[float]] = {name: [] for name in requirements}
    for episode in range(logs.num_episodes):
        for name, error in _greatest_errors(knowledge, requirements, logs, episode, horizon, names).items():
            found[name].append(error)
        progress(episode + 1, logs.num_episodes)
    return {name: OpenLoopErrors(np.array(errors), horizon) for name, errors in found.items()}


@torch.no_grad()
def _greatest_errors(
    knowledge: Knowledge, requirements: Mapping[str, AbstractRequirement], logs: AbstractEpisodes, episode: int, horizon: int, names: Iterable[str]
) -> dict[str, float]:
    steps = int(logs.lengths[episode])
    # Beyond the end of the episode the last action is held, and what follows is not looked at.
    ahead = np.arange(steps)[:, None] + np.arange(horizon)
    actions = np.asarray(logs.episode(episode).actions)[np.minimum(ahead, steps - 1)]
    states = states_at(knowledge.world_model, logs, Places(np.full(steps, episode), np.arange(steps)))
    beliefs = imagine(knowledge.world_model, states, actions)
    truth = {name: torch.from_numpy(as_read(logs, name, np.array(logs.info(name, episode), np.float64))) for name in names}
    later = torch.from_numpy(np.minimum(ahead + 1, steps))
    true_now, true_later = {name: part[:-1] for name, part in truth.items()}, {name: part[later] for name, part in truth.items()}
    now = {name: knowledge.readout(name)(states.belief).double().cpu() for name in names}
    imagined = {name: knowledge.readout(name)(beliefs).double().cpu() for name in names}
    memories = {name: _memories(requirement, truth) for name, requirement in requirements.items()}
    true_values = {name: part.value(true_now, true_later, memories[name][:-1]) for name, part in requirements.items()}
    counted = torch.from_numpy(ahead < steps) & _kept_until(requirements, true_now, true_values, memories)
    errors = {}
    for name, requirement in requirements.items():
        error = (true_values[name] - requirement.value(now, imagined, memories[name][:-1]))[counted]
        errors[name] = float(error.max()) if len(error) else 0.0
    return errors


def _kept_until(
    requirements: Mapping[str, AbstractRequirement], now: Now, values: Mapping[str, Tensor], memories: Mapping[str, Tensor]
) -> Bool[Tensor, "frames horizon"]:
    """Where all was kept at the frame that one imagines from, and at all steps before this one."""
    broken = torch.stack([value > 0 for value in values.values()]).any(dim=0)
    before = torch.cat([torch.zeros_like(broken[:, :1]), broken[:, :-1]], dim=1).cummax(dim=1).values
    for name, requirement in requirements.items():
        present = requirement.value(now, {quantity: part[:, None] for quantity, part in now.items()}, memories[name][:-1])
        before |= present > 0
    return ~before


def _memories(requirement: AbstractRequirement, truth: dict[str, Tensor]) -> Float[Tensor, "frames memory"]:
    """What the requirement remembers at every frame of an episode."""
    first = {name: part[:1] for name, part in truth.items()}
    memory = requirement.begin(first)
    if not memory.shape[-1]:
        return memory.expand(len(next(iter(truth.values()))), 0)
    memories = [memory]
    for time in range(1, len(next(iter(truth.values())))):
        memories.append(requirement.remember(memories[-1], {name: part[time : time + 1] for name, part in truth.items()}))
    return torch.cat(memories)
