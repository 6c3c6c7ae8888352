"""One robot's session: which frame came last, what was sent last, and whether anybody still talks to us."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.core.errors import SpaceError, TelosError
from telos.core.spaces import Tree
from telos.core.types import Plan
from telos.serving.limits import ActionLimits
from telos.serving.refusals import BusyError, PlanningError, StaleFrameError
from telos.serving.settings import Answer, ServingSettings, Source
from telos.serving.worker import PlanningThread, within

LOG = logging.getLogger(__name__)
WAITING_SHARE = 0.8
"""Of the deadline; whoever waited for a plan longer than this would not be home in time."""
LATE_LIFE = 3
"""Steps for which the rest of an earlier plan may stand in for a late one; then the fallback."""


Planned = tuple[np.ndarray, list[np.ndarray], Source]
"""An action, what may follow it if the next plan is late, and where the action comes from."""


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
        self._afresh = False
        self._unseen = 0

    @property
    def silence_ms(self) -> float:
        """For how long nothing valid has come."""
        return 1000 * (self.clock() - self._heard)

    @property
    def silent(self) -> bool:
        """Whether nothing valid came for longer than the watchdog allows."""
        return self.silence_ms > self.settings.watchdog_ms

    @property
    def status(self) -> str:
        """`acting`, or `fallen back` once the watchdog has fired."""
        return "fallen back" if self._fallen_back or self.silent else "acting"

    def begin_from(self, action: np.ndarray) -> None:
        """Takes `action [action]` for what the robot is doing already; the slew limit counts from there."""
        self.sent = self.limits.within_bounds(action, self.limits.rest)

    async def set_goal(self, goal: Tree) -> bool:
        """A new goal; False if the agent is not free in time. Raises what the task raises where it does not fit."""
        self._claim()
        try:
            if self._busy():
                return False
            self._rest = []
            self._pending = self.thread.submit(lambda: self.agent.set_task(ReachGoal(goal)) or True)
            done = await within(self._pending, self.settings.deadline_ms / 1000)
        finally:
            self._answering = False
        if done is None:
            return False
        self._heard = self.clock()
        return True

    def reset(self) -> None:
        """A new episode with the same goal: the past is forgotten, and frames are counted anew; slew goes on from what was sent.

        Raises:
            BusyError: a request of this session is being answered.
        """
        self._check_free()
        self._rest, self._afresh, self.frame, self._heard = [], True, -1, self.clock()

    async def act(self, frame: int, age_ms: float, observation: Tree, arrived: float) -> Answer:
        """The next action, before the deadline.

        Args:
            frame: grows from request to request.
            age_ms: how old the observation was when it was sent.
            arrived: `clock()` at the arrival of the request.

        Raises:
            StaleFrameError: the frame is too old, or comes after a later one. `safe_action` says what to do then.
            BusyError: another request of this session is being answered.
            PlanningError: the planner failed.
            SpaceError: the observation is not what the agent was trained on.
        """
        self._claim()
        try:
            self._check_frame(frame, age_ms + 1000 * (self.clock() - arrived))
            space = self.agent.world_model.spaces.observation
            checked = space.check(observation, what="The observation")
            if space.batch_shape(checked, what="The observation"):
                raise SpaceError("The observation is a batch.", expected=f"a single one: {space.describe()}")
            restarted = self._afresh or self._fallen_back or self.silent
            self.frame, self._heard, self._fallen_back, self._afresh = frame, self.clock(), False, False
            return self._answer(await self._planned(checked, restarted, arrived), restarted)
        finally:
            self._answering = False

    def safe_action(self) -> Answer:
        """What to carry out now if there is nothing better: the last action while we are being talked to, then the fallback."""
        if self.silent:
            self._fallen_back, self._rest = True, []
        if not self._fallen_back:
            return Answer(self.sent, "last action", self.frame)
        self._send(self.limits.safe(self.sent))
        return Answer(self.sent, "fallback", self.frame)

    def fall_back(self) -> Answer:
        """One step of the fallback, for a request that could not be planned for."""
        self._rest = []
        self._send(self.limits.safe(self.sent))
        return Answer(self.sent, "fallback", self.frame)

    async def _planned(self, observation: Tree, restart: bool, arrived: float) -> Planned | None:
        """The plan, or None if it is not there in time."""
        if self._busy():
            return None
        self._pending = self.thread.submit(self._plan(observation, self.sent, restart))
        try:
            planned = await within(self._pending, WAITING_SHARE * self.settings.deadline_ms / 1000 - (self.clock() - arrived))
        except TelosError:
            raise
        except Exception as error:
            LOG.exception("The planner failed on frame %d.", self.frame)
            raise PlanningError("The planner failed.", fix="read what the server wrote to its terminal") from error
        if self._pending.cancelled():
            # The agent never saw this frame.
            self._unseen += 1
        return planned

    def _plan(self, observation: Tree, sent: np.ndarray, restart: bool) -> Callable[[], Planned]:
        # Beliefs carry on over one action. Of more, sent while plans were late, nobody knows what was seen in between.
        begin_afresh = restart or self._unseen > 1
        self._unseen = 0

        def work() -> Planned:
            if begin_afresh:
                self.agent.reset()
            elif self.agent.state is not None:
                self.agent.did(sent)
            try:
                action = self.agent.act(observation)
            except Exception:
                # It may have observed without acting; what it believes then fits no action.
                self.agent.reset()
                raise
            rest, plan = self.agent.continuation(LATE_LIFE), self.agent.last_plan
            assert plan is not None
            return action, list(rest[0].cpu().numpy()), _source_of(plan)

        return work

    def _answer(self, planned: Planned | None, restarted: bool) -> Answer:
        if planned is not None:
            source: Source
            wanted, self._rest, source = planned
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
        self._check_free()
        self._answering = True

    def _check_free(self) -> None:
        if self._answering:
            raise BusyError("The session is answering another request.", fix="wait for its answer; one request at a time")


def _source_of(plan: Plan) -> Source:
    if plan.verdict is not None and bool(plan.verdict.fallback[0]):
        return "fallback"
    return "policy" if plan.choice is not None and not bool(plan.choice.planned[0]) else "plan"
