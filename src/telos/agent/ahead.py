"""Thinking while acting: the next plan is searched for while the last action is carried out."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from telos.agent.merging import merge_plans
from telos.core.types import Batched, Plan, State


@dataclass(frozen=True)
class Foreseen(Batched):
    """A plan for a state that has not been seen yet."""

    state: State
    """What the model expects the last action to lead to."""
    plan: Plan
    """From there."""
    replan_every: int = 1
    """Steps of it that are to be carried out."""
    cpu_seconds: float = 0.0
    """What the search took of the processor in its own thread; what torch's helpers took, if it has any, is not counted."""

    def surprised(self, state: State, tolerance: float) -> Bool[Tensor, " batch"]:
        """Whose latent is farther from the expected one (mean squared difference) than `tolerance`."""
        return ~((state.latent - self.state.latent).square().mean(dim=-1) <= tolerance)


class SearchAhead:
    """One search in a thread of its own; whoever asks for its result waits for it."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._pending: Future[Foreseen] | None = None

    def begin(self, search: Callable[[], Foreseen]) -> None:
        """Starts a search; the one before is over, or forgotten."""
        self.forget()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "telos-ahead")
        self._pending = self._thread.submit(_timed, search, torch.get_num_threads())

    def take(self) -> Foreseen | None:
        """What was found, once; None if nothing was searched for. Raises what the search raised."""
        pending, self._pending = self._pending, None
        return None if pending is None else pending.result()

    def keep(self, rows: Tensor) -> None:
        """Goes on with some rows of the batch only."""
        if self._pending is not None:
            before = self._pending
            self._pending = Future()
            try:
                self._pending.set_result(before.result().select(rows))
            except Exception as error:
                # Whoever acts next is told.
                self._pending.set_exception(error)

    def forget(self) -> None:
        """Nobody wants the result any more. Waits for its end: the model is one search's at a time."""
        if self._pending is not None and not self._pending.cancel():
            wait([self._pending])
        self._pending = None


def merge(rows: Bool[Tensor, " batch"], before: Plan, anew: Plan) -> Plan:
    """`before`, but for the `rows` that were planned anew; the trace is that of the later search, and says how many."""
    return replace(merge_plans(rows, before, anew), trace=replace(anew.trace, made=f"ahead, {int(rows.sum())} of {len(rows)} anew"))


def _timed(search: Callable[[], Foreseen], num_threads: int) -> Foreseen:
    # A new thread starts with a number of its own.
    torch.set_num_threads(num_threads)
    started = time.thread_time()
    with torch.no_grad():
        found = search()
    return replace(found, plan=replace(found.plan, trace=replace(found.plan.trace, made="ahead")), cpu_seconds=time.thread_time() - started)
