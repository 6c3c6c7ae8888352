"""Many problems in one batch, per plan, beside one problem at a time."""

from dataclasses import replace
from pathlib import Path
from statistics import mean, median

import torch

from benchmarks.planning.ours import Ours, random_model
from benchmarks.planning.rows import Row
from benchmarks.planning.settings import Settings
from benchmarks.planning.sizes import Search, Size, make_inputs
from benchmarks.planning.timing import Spread, seconds_of, take_turns

PROBLEMS = 32
ALONE = 4
"""Problems that are planned for one at a time in every round; their mean stands for all."""
BARS = {300: 1.05, 32: 0.6}
"""By number of candidates."""


def many_problems(size: Size, search: Search, settings: Settings, folder: Path) -> list[Row]:
    """One row for many candidates, and one for few, where most of a plan alone is overhead."""
    num = 3 if settings.quick else PROBLEMS
    inputs = folder / "problems.pt"
    make_inputs(size, inputs, num_problems=num, horizon=search.horizon)
    ours = Ours(random_model(size), inputs, device=settings.device, dtype=settings.dtype, compiled=settings.compiled)
    few = replace(search, candidates=32, elites=3)
    return [_row(ours, size, part, num, settings) for part in (search, few)]


def _row(ours: Ours, size: Size, search: Search, num: int, settings: Settings) -> Row:
    problem = ours.problem()
    singles = [problem.select(torch.tensor([index])) for index in range(min(ALONE, num))]
    at_once, alone = f"{num} at once, per plan", "one at a time"
    contestants = {
        at_once: lambda: seconds_of(lambda: ours.plan(search, problem), ours.device) / num,
        alone: lambda: mean(seconds_of(lambda single=single: ours.plan(search, single), ours.device) for single in singles),
    }
    # Once through with few rounds, so that nobody pays for what is set up only once.
    for part in (problem, singles[0]):
        ours.plan(replace(search, iterations=2), part)
    seconds = take_turns(contestants, settings.rounds, settings.tell)
    return Row(
        work=f"{num} problems at once, {search.candidates} × {search.iterations} × {search.horizon}, {size.label}",
        against=alone,
        ratio=Spread.ratio(seconds[at_once], seconds[alone]),
        bar=None if settings.quick else BARS[search.candidates],
        seconds={name: median(values) for name, values in seconds.items()},
    )
