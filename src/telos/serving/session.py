"""One robot's session: which frame came last, what was sent last, and whether anybody still talks to us."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from telos.agent.loop import Agent
from telos.agent.task import ReachGoal
from telos.core.errors import ConfigError, SpaceError, TelosError
from telos.core.spaces import Tree
from telos.serving.limits import ActionLimits
from telos.serving.worker import PlanningThread, within

Source = Literal["plan", "previous plan", "fallback"]
WAITING_SHARE = 0.8
"""Of the deadline; whoever waited for a plan longer than this would not be home in time."""
LATE_LIFE = 3
"""Steps for which the rest of an earlier plan may stand in for a late one; then the fallback."""


class StaleFrameError(TelosError):
    """A frame that is too old, or older than one that came before."""


class BusyError(TelosError):
    """Another request of the session is being answered."""


@dataclass(frozen=True, kw_only=True)
class ServingSettings:
    """Times and limits, in milliseconds where they are times."""

    deadline_ms: float = 100.0
    """From the arrival of a request to its answer."""
    stale_ms: float = 250.0
    """Oldest frame that is planned from."""
    watchdog_ms: float = 1000.0
    """Silence after which the session falls back."""
    max_bytes: int = 1 << 20
    """Largest body of a request."""
    max_sessions: int = 8
    """Sessions at once."""

    def __post_init__(self) -> None:
        for name in ("deadline_ms", "stale_ms", "watchdog_ms"):
            if not 0 < getattr(self, name) < 1e9:
                raise ConfigError(f"The server's {name} is {getattr(self, name)}.", expected="milliseconds, more than 0")
        if self.max_bytes < 1 or self.max_sessions < 1:
            raise ConfigError(f"The server allows {self.max_bytes} bytes and {self.max_sessions} sessions.", expected="1 or more of each")


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    action: np.ndarray
    """`[action]`, within bounds and slew limit."""
    source: Source
    """Where it comes from."""
    frame: int
    """The frame that was planned from; the last one if none was."""
    restarted: bool = False
    """Whether the agent began afresh, since the watchdog had fired."""

    def to_json(self) -> dict[str, Any]:
        return {"action": self.action.tolist(), "source": self.source, "frame": self.frame, "restarted": self.restarted}


@dataclass
class Session:
    """Answers in time, whatever planning does.

    Args:
        agent: of its own; nobody else lets it act.
        clock: seconds, monotonic.
    """

    agent: Agent
    limits: ActionLimits
    settings: ServingSettings
    thread: PlanningThread
    clock: Callable[[], float] = time.monotonic
    frame: int = -1
    """The last frame that was taken."""
    sent: np.ndarray = field(init=False)
    """`[action]`: what was sent last."""

    def __post_init__(self) -> None:
        self.sent = self.limits.rest
        self._heard = self.clock()
        self._pending: Future[Any] | None = None
        self._answering = False
        self._rest: list[np.ndarray] = []
        self._fallen_back = False
        self._unseen = 0

    @property
    def silent(self) -> bool:
        """Whether nothing valid came for longer than the watchdog allows."""
        return 1000 * (self.clock() - self._heard) > self.settings.watchdog_ms

    @property
    def status(self) -> str:
        """`acting`, or `fallen back` once the watchdog has fired."""
        return "fallen back" if self._fallen_back or self.silent else "acting"

    async def set_goal(self, goal: Tree) -> bool:
        """A new goal; False if the agent is not free in time. Raises what the task raises where it does not fit."""
        self._claim()
        try:
            if self._busy():
                return False
            self._pending = self.thread.submit(lambda: (self.agent.reset(), self.agent.set_task(ReachGoal(goal))))
            done = await within(self._pending, self.settings.deadline_ms / 1000)
        finally:
            self._answering = False
        if done is None:
            return False
        self._rest, self._heard = [], self.clock()
        return True

    async def act(self, frame: int, age_ms: float, observation: Tree, arrived: float) -> Answer:
        """The next action, before the deadline.

        Args:
            frame: grows from request to request.
            age_ms: how old the observation was when it was sent.
            arrived: `clock()` at the arrival of the request.

        Raises:
            StaleFrameError: the frame is too old, or comes after a later one. `safe_action` says what to do then.
            BusyError: another request of this session is being answered.
            SpaceError: the observation is not what the agent was trained on.
        """
        self._claim()
        try:
            self._check_frame(frame, age_ms + 1000 * (self.clock() - arrived))
            space = self.agent.world_model.spaces.observation
            checked = space.check(observation, what="The observation")
            if space.batch_shape(checked, what="The observation"):
                raise SpaceError("The observation is a batch.", expected=f"a single one: {space.describe()}")
            restarted = self._fallen_back or self.silent
            self.frame, self._heard, self._fallen_back = frame, self.clock(), False
            planned = None
            if not self._busy():
                self._pending = self.thread.submit(self._plan(checked, self.sent, restarted))
                planned = await within(self._pending, WAITING_SHARE * self.settings.deadline_ms / 1000 - (self.clock() - arrived))
            return self._answer(planned, restarted)
        finally:
            self._answering = False

    def safe_action(self) -> Answer:
        """What to carry out now if there is nothing better: the last action while we are being talked to, then the fallback."""
        if self.silent:
            self._fallen_back, self._rest = True, []
        if self._fallen_back:
            self._send(self.limits.safe(self.sent))
        return Answer(self.sent, "fallback", self.frame)

    def fall_back(self) -> Answer:
        """One step of the fallback, for a request that could not be planned for."""
        self._rest = []
        self._send(self.limits.safe(self.sent))
        return Answer(self.sent, "fallback", self.frame)

    def _plan(self, observation: Tree, sent: np.ndarray, restart: bool) -> Callable[[], tuple[np.ndarray, list[np.ndarray]]]:
        # Beliefs carry on over one action. Of more, sent while plans were late, nobody knows what was seen in between.
        begin_afresh = restart or self._unseen > 1
        self._unseen = 0

        def work() -> tuple[np.ndarray, list[np.ndarray]]:
            if begin_afresh:
                self.agent.reset()
            elif self.agent.state is not None:
                self.agent.did(sent)
            action = self.agent.act(observation)
            plan = self.agent.last_plan
            assert plan is not None
            return action, list(plan.actions[0, 1 : 1 + LATE_LIFE].cpu().numpy())

        return work

    def _answer(self, planned: tuple[np.ndarray, list[np.ndarray]] | None, restarted: bool) -> Answer:
        if planned is not None:
            wanted, self._rest = planned
            source: Source = "plan"
        elif self._rest:
            wanted, source = self._rest.pop(0), "previous plan"
        else:
            return Answer(self.fall_back().action, "fallback", self.frame, restarted)
        self._send(self.limits.apply(wanted, self.sent))
        return Answer(self.sent, source, self.frame, restarted)

    def _send(self, action: np.ndarray) -> None:
        self.sent = action
        self._unseen += 1

    def _check_frame(self, frame: int, age_ms: float) -> None:
        if frame <= self.frame:
            raise StaleFrameError(f"Frame {frame} comes after frame {self.frame}.", expected="numbers that grow", fix="send the newest frame")
        if age_ms > self.settings.stale_ms:
            raise StaleFrameError(
                f"The frame is {age_ms:.0f} ms old.", expected=f"{self.settings.stale_ms:.0f} ms or less", fix="send the newest frame"
            )

    def _busy(self) -> bool:
        """Whether a plan that was late is still being made."""
        return self._pending is not None and not self._pending.done()

    def _claim(self) -> None:
        if self._answering:
            raise BusyError("The session is answering another request.", fix="wait for its answer; one request at a time")
        self._answering = True
