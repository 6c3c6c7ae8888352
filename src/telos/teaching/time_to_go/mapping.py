"""A map of the logs with as many landmarks as it takes, and as the logs can carry: found by its own clock."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.critics import LandmarkGraph, LandmarkGraphConfig
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError, DataError
from telos.core.logs import AbstractLogs
from telos.core.seeding import numpy_generator
from telos.teaching.readouts.beliefs import Places, states_at
from telos.teaching.time_to_go.landmarks import LAGS, Chart, draw_chart
from telos.teaching.time_to_go.logged import LoggedLatents
from telos.teaching.time_to_go.slack import clock

FEWEST, MOST = 250, 4000
"""Landmarks to begin with, and at the most: the table of times grows with their square (32 MB for 4,000)."""
RIGHT = 0.97
"""By the clock of a map that has landmarks enough."""
AGREED = 0.05
"""Share by which times between states from anywhere may differ from those with half as many landmarks, in the middle of them, where the clock
never becomes right: in logs in which nobody hurries the fastest moves are no measure."""
NUM_PAIRS = 2000
FRAMES_PER_LANDMARK = 20
"""Below that hardly any move is seen often enough."""
LEAST_FRAMES = 200


@dataclass(frozen=True)
class Tried:
    """A number of landmarks, and what the clock said."""

    landmarks: int
    clock: float
    change: float | None
    """Median share by which times changed from the number before; None: there was none before."""


def find_chart(logged: LoggedLatents, num: int | None = None, *, seed: int = 0) -> tuple[Chart, tuple[Tried, ...]]:
    """Landmarks and moves; the number is doubled until the fastest real moves take as long by the map as they took, until
    nothing changes any more, or until logs are too few.

    Args:
        num: of landmarks, where somebody knows better.

    Raises:
        DataError: there are too few frames, or hardly any move was seen often enough.
        ConfigError: `num` is no number of landmarks.
    """
    if len(logged) < LEAST_FRAMES:
        raise DataError(f"{len(logged)} frames do not show how long things take.", expected=f"{LEAST_FRAMES} or more; better 100,000")
    if num is not None and num < 4:
        raise ConfigError(f"A map is to have {num} landmarks.", expected="4 or more; or None, which finds out how many it takes")
    most = min(MOST, max(4, len(logged) // FRAMES_PER_LANDMARK))
    asked, tried, before = min(FEWEST, most) if num is None else num, [], None
    while True:
        chart = draw_chart(logged, asked, seed=seed)
        graph = _filled(chart, logged.latents[chart.rows], logged.latents.shape[1])[0]
        times = _anywhere(graph, logged, seed)
        change = None if before is None else float((times / before - 1).abs().median())
        tried.append(Tried(len(chart.rows), clock_of(graph, logged, seed), change))
        if tried[-1].clock >= RIGHT or (change is not None and change <= AGREED):
            return _checked(chart), tuple(tried)
        if num is not None or asked >= most:
            return _checked(_slower(chart, logged, asked, seed)), tuple(tried)
        asked, before = min(2 * asked, most), times


def draw_map(
    world_model: AbstractWorldModel, logs: AbstractLogs, logged: LoggedLatents, chart: Chart, **said
) -> tuple[LandmarkGraph, LandmarkGraphConfig]:
    """The map of a chart, with beliefs of its landmarks; `said` goes to the description."""
    rows = chart.rows.numpy()
    order = np.argsort(rows)
    episodes = np.searchsorted(logged.first_rows, rows[order], side="right") - 1
    beliefs = states_at(world_model, logs, Places(episodes, rows[order] - logged.first_rows[episodes])).belief
    return _filled(chart, beliefs[torch.from_numpy(np.argsort(order))], world_model.latent_size, **said)


def _slower(chart: Chart, logged: LoggedLatents, asked: int, seed: int) -> Chart:
    """With no more landmarks than these, moves that lead out of their surroundings; the clock then runs slower."""
    return chart if chart.longer_lags == LAGS else draw_chart(logged, asked, lags=chart.longer_lags, seed=seed)


def clock_of(graph: LandmarkGraph, logged: LoggedLatents, seed: int = 0) -> float:
    """How fast its clock runs on moves that are as long as those of its edges."""
    return clock(graph, logged, min(LAGS[-1], int(logged.lengths.max())), seed=seed)


@torch.no_grad()
def _anywhere(graph: LandmarkGraph, logged: LoggedLatents, seed: int) -> Float[Tensor, " pairs"]:
    """Times between states from anywhere in the logs."""
    rows = torch.from_numpy(numpy_generator(seed, "anywhere").integers(len(logged), size=(2, NUM_PAIRS)))
    return graph(logged.latents[rows[0]], logged.latents[rows[1]]).clamp_min(1.0)


def _filled(chart: Chart, beliefs: Tensor, latent_size: int, **said) -> tuple[LandmarkGraph, LandmarkGraphConfig]:
    description = LandmarkGraphConfig(
        latent_size=latent_size,
        belief_size=beliefs.shape[1],
        num_landmarks=len(beliefs),
        num_edges=chart.edges.shape[1],
        neighbours=min(3, len(beliefs)),
        **said,
    )
    graph = description.build().to(beliefs.device)
    return graph.draw(beliefs, chart.edges, chart.steps).requires_grad_(False).eval(), description


def _checked(chart: Chart) -> Chart:
    if len(chart.rows) < 2 or not chart.edges.shape[1]:
        raise DataError(
            "Hardly any move between states was seen more than once or twice in these logs.", expected="more logs, or states that come back in them"
        )
    return chart
