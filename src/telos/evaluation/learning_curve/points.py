"""One point of a learning curve: a model that saw some of the episodes, judged on those that none of them saw."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.contracts import AbstractWorldModel
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes
from telos.evaluation.open_loop import window_errors
from telos.evaluation.probe import probe, true_states_of

NUM_WINDOWS = 512


@dataclass(frozen=True)
class Point:
    """How a model fared."""

    episodes: int
    """That it was trained on."""
    seed: int
    error: float
    """Open-loop error over the horizon, as a share of that of "nothing moves" among the same model's latents; models differ in their latents, so
    that bare errors could not be compared."""
    probes: dict[str, float]
    """R^2 of each true quantity that the logs carry, as read from the latents."""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def measure_point(
    world_model: AbstractWorldModel, untrained: AbstractWorldModel, held_out: AbstractEpisodes, *, episodes: int, seed: int, horizon: int
) -> Point:
    """Judges a model on held-out windows, the same ones whatever model it is.

    Args:
        untrained: a fresh one, for the floors of the probes.
        episodes, seed: what the point is to be called.
        horizon: steps to imagine, at most as many as half of the episodes last.
    """
    horizon = max(1, min(horizon, int(np.median(held_out.lengths))))
    errors = window_errors(world_model, held_out.windows(numpy_generator(0, "learning curve"), NUM_WINDOWS, horizon))
    share = float(errors.prediction.sum() / max(float(errors.nothing_moves.sum()), 1e-12))
    found = probe(world_model, untrained, held_out, true_states_of(held_out))
    return Point(episodes, seed, share, {part.quantity: part.latent for part in found})
