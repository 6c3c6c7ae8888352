"""The HTTP face of the sessions: the one file that knows Starlette."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telos.agent.loop import Agent
from telos.core.errors import GuardrailError, MissingExtraError, TelosError
from telos.core.spaces import Tree
from telos.serving import codec
from telos.serving.limits import ActionLimits
from telos.serving.refusals import (
    BusyError,
    ForeignPageError,
    LateBodyError,
    MalformedError,
    PlanningError,
    TooLargeError,
    UnavailableError,
    status_of,
)
from telos.serving.session import WAITING_SHARE, Session
from telos.serving.settings import ServingSettings
from telos.serving.worker import PlanningThread

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise MissingExtraError.of("starlette", extra="serve", purpose="Serving actions over HTTP") from error

LOG = logging.getLogger(__name__)


class Server:
    """All sessions of one model.

    Args:
        make_agent: an agent for a new session; all share one world model, and plan in one thread.
        limits: of what is sent.
        settings: times and sizes.
        clock: seconds, monotonic.
    """

    def __init__(
        self, make_agent: Callable[[], Agent], limits: ActionLimits, settings: ServingSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.make_agent, self.limits, self.settings, self.clock = make_agent, limits, settings, clock
        self.thread = PlanningThread()
        self.sessions: dict[str, Session] = {}
        agent = make_agent()
        if agent.guardrails and limits.slew is not None:
            raise GuardrailError(
                "A slew limit changes actions after the guardrails have passed them.", fix="leave --slew out; limit the rate with a guardrail instead"
            )
        self.spaces = agent.world_model.spaces

    def app(self) -> Starlette:
        """The application, for any ASGI server."""
        routes = {
            ("/health", "GET"): self._health,
            ("/spaces", "GET"): self._spaces,
            ("/sessions", "POST"): self._open,
            ("/sessions/{id}", "GET"): self._status,
            ("/sessions/{id}", "DELETE"): self._close,
            ("/sessions/{id}/goal", "POST"): self._goal,
            ("/sessions/{id}/reset", "POST"): self._reset,
            ("/sessions/{id}/act", "POST"): self._act,
            ("/sessions/{id}/action", "GET"): self._action,
        }
        return Starlette(
            routes=[Route(path, self._answering(handler), methods=[method]) for (path, method), handler in routes.items()],
            exception_handlers={HTTPException: _plain_refusal},  # type: ignore[dict-item]
        )

    async def _health(self, request: Request) -> Response:
        hangs = 1000 * self.thread.busy_seconds > self.settings.watchdog_ms
        about = {"sessions": len(self.sessions), "deadline_ms": self.settings.deadline_ms}
        return JSONResponse({"status": "planning hangs" if hangs else "ok", **about}, status_code=503 if hangs else 200)

    async def _spaces(self, request: Request) -> Response:
        about = {"observation": codec.describe_space(self.spaces.observation), "action": codec.describe_space(self.spaces.action)}
        return JSONResponse({**about, "raw": "little-endian, row after row; parts of a tree in the order listed"})

    async def _open(self, request: Request) -> Response:
        content = self._content(request, await self._body(request, self.clock(), self.settings.stale_ms))
        goal = self._observation(content, "goal")
        self._make_room()
        session = Session(self.make_agent(), self.limits, self.settings, self.thread, self.clock)
        if isinstance(content, dict) and "last_action" in content:
            session.begin_from(codec.action_from_json(content["last_action"], self.spaces.action, "The last action"))
        name = secrets.token_hex(8)
        # Taken at once: others may open sessions while the goal is being encoded.
        self.sessions[name] = session
        opened = False
        try:
            opened = await session.set_goal(goal)
        finally:
            if not opened:
                del self.sessions[name]
        if not opened:
            raise UnavailableError("The planner was not free in time.", fix="try again")
        return JSONResponse({"session": name}, status_code=201)

    async def _status(self, request: Request) -> Response:
        session = self._session(request)
        return JSONResponse({"status": session.status, "frame": session.frame, "sent": session.sent.tolist()})

    async def _close(self, request: Request) -> Response:
        self._session(request)
        del self.sessions[request.path_params["id"]]
        return Response(status_code=204)

    async def _goal(self, request: Request) -> Response:
        session = self._session(request)
        body = await self._body(request, self.clock(), self.settings.stale_ms)
        if not await session.set_goal(self._observation(self._content(request, body), "goal")):
            raise UnavailableError("The planner was not free in time; the old goal may still hold.", fix="try again")
        return JSONResponse({"status": session.status})

    async def _reset(self, request: Request) -> Response:
        session = self._session(request)
        session.reset()
        return JSONResponse({"status": session.status})

    async def _act(self, request: Request) -> Response:
        arrived, session = self.clock(), self._session(request)
        try:
            body = await self._body(request, arrived, min(self.settings.stale_ms, WAITING_SHARE * self.settings.deadline_ms))
            content = self._content(request, body)
            if isinstance(content, dict):
                frame, age = content.get("frame"), content.get("age_ms", 0)
            else:
                frame, age = request.headers.get(codec.FRAME), request.headers.get(codec.AGE, 0)
            observation = self._observation(content, "observation")
            frame, age = codec.whole(frame, "The frame"), codec.number(age, "The age")
            return JSONResponse((await session.act(frame, age, observation, arrived)).to_json())
        except BusyError:
            raise
        except TelosError as error:
            # A robot asked and has to do something: the refusal carries one step of the fallback.
            return _refusal(error, session.fall_back().to_json())

    async def _action(self, request: Request) -> Response:
        return JSONResponse(self._session(request).safe_action().to_json())

    def _session(self, request: Request) -> Session:
        name = request.path_params["id"]
        if name not in self.sessions:
            raise HTTPException(404, "There is no such session; POST /sessions opens one.")
        return self.sessions[name]

    def _make_room(self) -> None:
        """Room for one more session, if need be in place of those whose robot has long been silent. Raises UnavailableError."""
        if len(self.sessions) >= self.settings.max_sessions:
            for name in [name for name, session in self.sessions.items() if session.silence_ms > self.settings.forget_ms]:
                del self.sessions[name]
        if len(self.sessions) >= self.settings.max_sessions:
            raise UnavailableError("All sessions are taken.", fix="DELETE one that is through, or start with --max-sessions")

    async def _body(self, request: Request, arrived: float, limit_ms: float) -> bytes:
        """The body, as long as it keeps to the limits of size and time. Raises TooLargeError or LateBodyError."""
        body = bytearray()
        left = limit_ms / 1000 - (self.clock() - arrived)
        try:
            async with asyncio.timeout(max(left, 0.001)):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self.settings.max_bytes:
                        raise TooLargeError("The body is too large.", expected=f"{self.settings.max_bytes:,} bytes or less")
        except TimeoutError as error:
            raise LateBodyError("The body did not arrive in time.", expected=f"all of it within {limit_ms:g} ms") from error
        except ClientDisconnect as error:
            raise LateBodyError("The body broke off.", expected="all of it") from error
        return bytes(body)

    def _content(self, request: Request, body: bytes) -> dict[str, Any] | bytes:
        """A JSON object, or the bytes of an observation. Raises MalformedError."""
        return body if _is_raw(request) else codec.read_json(body)

    def _observation(self, content: dict[str, Any] | bytes, name: str) -> Tree:
        what = f"The {name}"
        if isinstance(content, bytes):
            return codec.observation_from_bytes(content, self.spaces.observation, what)
        if name not in content:
            raise MalformedError(f"The body has no '{name}'.", expected=f'{{"{name}": ...}}')
        return codec.observation_from_json(content[name], self.spaces.observation, what)

    def _answering(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The handler, its refusals as JSON; nobody outside ever sees a traceback."""

        async def answer(request: Request) -> Response:
            try:
                if "origin" in request.headers:
                    raise ForeignPageError("Web pages are not served.", expected="a program that sends no Origin header")
                return await handler(request)
            except TelosError as error:
                return _refusal(error)
            except HTTPException:
                raise
            except Exception:
                LOG.exception("%s %s failed.", request.method, request.url.path)
                return _refusal(PlanningError("The server failed.", fix="read what it wrote to its terminal"))

        return answer


def _is_raw(request: Request) -> bool:
    return request.headers.get("content-type", codec.JSON).partition(";")[0].strip() == codec.RAW


def _refusal(error: TelosError, more: dict[str, Any] | None = None) -> JSONResponse:
    about = {"error": error.what, "expected": error.expected, "fix": error.fix}
    return JSONResponse({**about, **(more or {})}, status_code=status_of(error))


async def _plain_refusal(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": str(error.detail), "expected": "", "fix": ""}, status_code=error.status_code)
