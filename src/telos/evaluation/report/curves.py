"""Curves of training, of imagination, and of an episode."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.episode import Episode
from telos.evaluation.report.footage import Footage
from telos.training.diagnostics import CollapseWatch, Health

PALETTE = ("us", "dream", "good", "violet", "bad", "ochre", "quiet")
HEALTH = Health(deviations=(1.0,), effective_rank=1.0, error=0.0, nothing_moves=1.0).to_json()
CHANCE = (("gain", "explained by it", "us"), ("blind_error", "left, told another's", "violet"))
"""Signs of a latent variable's health, both shares of an error: the key, the label and the colour."""
NOT_TERMS = {"step", "phase", "loss", "information", "explained_error", *(key for key, _, _ in CHANCE), *HEALTH}
"""Entries of a line of metrics that are no terms of the loss."""
LEAST_GAIN, LEAST_BLIND_ERROR = CollapseWatch().least_gain, CollapseWatch().least_blind_error
"""Where the watch of a training warns."""
MOST_NUMBERS = 6
FLOORS = (("mean_frame", "mean frame", "ochre"), ("other_actions", "told other actions", "violet"))
"""Of an evaluation by logs alone: the key, the label and the colour."""


def training_charts(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Terms of the loss, error beside "nothing moves", and two signs of collapse, with a line where each phase begins."""
    steps = [float(line["step"]) for line in metrics]
    marks = _phases(metrics)
    size = metrics[-1]["latent_size"]

    def line(label: str, name: str, colour: str) -> Line:
        return Line(label=label, x=steps, y=[entry.get(name) for entry in metrics], colour=colour)

    terms = [name for name in dict.fromkeys(name for entry in metrics for name in entry) if name not in NOT_TERMS]
    losses = tuple(line(name.replace("_", " "), name, PALETTE[index % len(PALETTE)]) for index, name in enumerate(terms))
    charts = (
        Chart(title="Terms of the loss", x_label="training step", lines=losses, log=True, marks=marks),
        Chart(
            title='Error, as a share of "nothing moves"',
            x_label="training step",
            lines=(line("the model", "relative_error", "us"),),
            log=True,
            levels=((1.0, "nothing moves"),),
            marks=marks,
        ),
        Chart(
            title="Effective rank: directions in use",
            x_label="training step",
            lines=(line("the model", "effective_rank", "us"),),
            levels=((float(size), f"all {size}"),),
            marks=marks,
        ),
        Chart(
            title="Deviation of the latents",
            x_label="training step",
            lines=(line("mean", "mean_deviation", "us"), line("least", "least_deviation", "dream")),
            levels=((1.0, "wanted"), (0.0, "dead")),
            marks=marks,
        ),
    )
    return f'<div class="two">{"".join(chart.svg() for chart in (*charts, *_chance_charts(metrics, steps, marks)))}</div>'


def _chance_charts(metrics: Sequence[Mapping[str, Any]], steps: list[float], marks: tuple[tuple[float, str], ...]) -> tuple[Chart, ...]:
    """What a latent variable tells of each step; no chart for a model without one.

    It is ignored where it explains nothing of the error, and tells everything where it predicts as well from another window's start.
    """
    if not any(entry.get("information") is not None for entry in metrics):
        return ()
    told = Line(label="the model", x=steps, y=[entry.get("information") for entry in metrics], colour="us")
    shares = [Line(label=label, x=steps, y=[entry.get(key) for entry in metrics], colour=colour) for key, label, colour in CHANCE]
    levels = ((LEAST_GAIN, "ignored"), (LEAST_BLIND_ERROR, "tells all"))
    return (
        Chart(title="What chance tells, nats a step", x_label="training step", lines=(told,), marks=marks),
        Chart(title="What chance does to the error, share", x_label="training step", lines=tuple(shares), levels=levels, marks=marks),
    )


def _phases(metrics: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, str], ...]:
    """The steps at which another phase takes over, numbered."""
    changes = [float(before["step"]) for before, after in pairwise(metrics) if before["phase"] != after["phase"]]
    return tuple((step, f"phase {number}") for number, step in enumerate(changes, start=2))


def open_loop_chart(open_loop: Mapping[str, Sequence[float]]) -> str:
    """The error of imagination by number of steps, beside the claim that nothing ever moves, and other floors if they are there."""
    ahead = list(map(float, range(1, len(open_loop["prediction"]) + 1)))
    lines = (
        Line(label="nothing moves", x=ahead, y=open_loop["nothing_moves"], colour="floor", dashed=True),
        *(Line(label=label, x=ahead, y=open_loop[name], colour=colour, dashed=True) for name, label, colour in FLOORS if name in open_loop),
        Line(label="the model", x=ahead, y=open_loop["prediction"], colour="us"),
    )
    return Chart(title="Mean squared error in latent space", x_label="steps imagined ahead", lines=lines, width=840, height=250).svg()


def episode_charts(episode: Episode, distances: np.ndarray, radius: float, unit: str) -> str:
    """Energy of the plans, and true distance to the goal `[time+1]` in its unit, step by step."""
    plans = Line(label="energy", x=[float(plan.time) for plan in episode.plans], y=[plan.energy for plan in episode.plans], colour="dream")
    way = Line(label="distance", x=list(map(float, range(len(distances)))), y=distances.tolist(), colour="us")
    charts = (
        Chart(title="Energy of the plan it made", x_label="step", lines=(plans,), height=200),
        Chart(title=f"True distance to the goal, in {unit}", x_label="step", lines=(way,), levels=((radius, "reached"),), height=200),
    )
    return f'<div class="two">{"".join(chart.svg() for chart in charts)}</div>'


def number_charts(footage: Footage) -> str:
    """Numbers that were seen beside those that were imagined, a chart each."""
    assert footage.numbers is not None
    steps = list(map(float, range(len(footage.numbers))))
    charts = []
    for index in range(min(footage.numbers.shape[1], MOST_NUMBERS)):
        lines = [Line(label="seen", x=steps, y=footage.numbers[:, index].tolist(), colour="us")]
        for way, colour in zip(footage.imagined, ("dream", "violet"), strict=False):
            label = way.label.replace("imagined ", "").replace("imagined, ", "")
            lines.append(Line(label=label, x=steps, y=[math.nan, *way.decoded[:, index].tolist()], colour=colour, dashed=True))
        charts.append(Chart(title=f"number {index + 1}", x_label="step", lines=tuple(lines), height=190, from_zero=False).svg())
    return f'<div class="two">{"".join(charts)}</div>'
