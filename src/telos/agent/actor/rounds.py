"""The rounds of every search: time is asked for before each one, and problems that have settled are left alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor

from telos.core.searching import AbstractEvaluator
from telos.core.types import Batched


@dataclass(frozen=True)
class Stage(Batched):
    """Where a search stands, a row for each problem; a search adds what it carries from round to round, tensors all."""

    best: Num[Tensor, "batch horizon action"]
    """The best so far, as the search writes it down: actions, or points of the unit box."""
    least: Float[Tensor, " batch"]
    """Its energy; infinite before the first round."""


S = TypeVar("S", bound=Stage)


def play_rounds(
    evaluate: AbstractEvaluator,
    stage: S,
    play: Callable[[int, S, AbstractEvaluator], S],
    *,
    num_rounds: int,
    num_judged: Callable[[int], int],
    settled: Callable[[S], Bool[Tensor, " batch"]] | None = None,
    reason: str = "settled",
) -> S:
    """Plays rounds until they are through, time is up, or every problem has settled.

    What has settled never changes again and costs nothing any more, so that a row plans alike alone and in company.

    Args:
        play: the stage after round `iteration`; it may be given some of the problems only, each as if it were alone.
        num_judged: candidates that a round is about to judge, for the question whether there is time.
        settled: the problems whose search has come to an end; None: none ever has.
        reason: what the trace says when all have.
    """
    rows, record = torch.arange(evaluate.num_problems, device=stage.least.device), stage.least
    judge, finished = evaluate, []
    still = torch.zeros_like(rows, dtype=torch.bool)
    for iteration in range(num_rounds):
        if judge.out_of_time(num_judged(iteration)):
            break
        played = play(iteration, stage, judge)
        stage = _hold(still, stage, played) if evaluate.fixed_work and iteration else played
        record = record.index_copy(0, rows, stage.least)
        evaluate.record(record)
        if settled is None or iteration == num_rounds - 1:
            continue
        at_rest = settled(stage)
        if evaluate.fixed_work:
            still = still | at_rest
        elif at_rest.any():
            finished.append((rows[at_rest], stage.select(at_rest)))
            rows, stage = rows[~at_rest], stage.select(~at_rest)
            if not len(rows):
                evaluate.stopped(reason)
                break
            judge = evaluate.among(rows)
    return _in_order([*finished, (rows, stage)]) if finished else stage


def _hold(still: Tensor, before: S, after: S) -> S:
    """`before` where a problem stands still, else `after`; for graphs, whose work cannot depend on data."""
    merge = lambda a, b: torch.where(still.view(-1, *[1] * (a.ndim - 1)), a, b)  # noqa: E731
    return replace(after, **{name: merge(value, getattr(after, name)) for name, value in vars(before).items()})


def _in_order(parts: list[tuple[Tensor, S]]) -> S:
    order = torch.cat([rows for rows, _ in parts]).argsort()
    last = parts[-1][1]
    return replace(last, **{name: torch.cat([getattr(part, name) for _, part in parts])[order] for name in vars(last)})
