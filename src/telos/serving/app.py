"""The HTTP face of the sessions: the one file that knows Starlette."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telos.agent.loop import Agent
from telos.core.errors import ConfigError, MissingExtraError, SpaceError, TelosError
from telos.core.spaces import Tree
from telos.serving import codec
from telos.serving.limits import ActionLimits
from telos.serving.session import BusyError, ServingSettings, Session, StaleFrameError
from telos.serving.worker import PlanningThread

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise MissingExtraError.of("starlette", extra="serve", purpose="Serving actions over HTTP") from error

STATUS: tuple[tuple[type[TelosError], int], ...] = (
    (StaleFrameError, 409),
    (BusyError, 429),
    (codec.MalformedError, 400),
    (SpaceError, 422),
    (TelosError, 422),
)
"""What a refusal is answered with; the first kind that fits."""


class _TooLargeError(TelosError):
    """A body beyond the limit."""


class _LateBodyError(TelosError):
    """A body that did not arrive in time."""


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
        self.spaces = make_agent().world_model.spaces

    def app(self) -> Starlette:
        """The application, for any ASGI server."""
        routes = {
            ("/health", "GET"): self._health,
            ("/spaces", "GET"): self._spaces,
            ("/sessions", "POST"): self._open,
            ("/sessions/{id}", "GET"): self._status,
            ("/sessions/{id}", "DELETE"): self._close,
            ("/sessions/{id}/goal", "POST"): self._goal,
            ("/sessions/{id}/act", "POST"): self._act,
            ("/sessions/{id}/action", "GET"): self._action,
        }
        return Starlette(
            routes=[Route(path, self._answering(handler), methods=[method]) for (path, method), handler in routes.items()],
            exception_handlers={HTTPException: _plain_refusal},  # type: ignore[dict-item]
        )

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "sessions": len(self.sessions), "deadline_ms": self.settings.deadline_ms})

    async def _spaces(self, request: Request) -> Response:
        about = {"observation": codec.describe_space(self.spaces.observation), "action": codec.describe_space(self.spaces.action)}
        return JSONResponse({**about, "raw": "little-endian, row after row; parts of a tree in the order listed"})

    async def _open(self, request: Request) -> Response:
        body = await self._body(request, self.clock())
        goal = self._observation(request, body, "goal")
        if len(self.sessions) >= self.settings.max_sessions:
            return _refusal(503, ConfigError("All sessions are taken.", fix="DELETE one that is through, or start with --max-sessions"))
        session = Session(self.make_agent(), self.limits, self.settings, self.thread, self.clock)
        if not await session.set_goal(goal):
            return _refusal(503, BusyError("The planner was not free in time.", fix="try again"))
        name = secrets.token_hex(8)
        self.sessions[name] = session
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
        goal = self._observation(request, await self._body(request, self.clock()), "goal")
        if not await session.set_goal(goal):
            return _refusal(503, BusyError("The planner was not free in time; the old goal may still hold.", fix="try again"))
        return JSONResponse({"status": session.status})

    async def _act(self, request: Request) -> Response:
        arrived, session = self.clock(), self._session(request)
        try:
            body = await self._body(request, arrived)
            if _is_raw(request):
                frame, age = request.headers.get(codec.FRAME), request.headers.get(codec.AGE, 0)
            else:
                content = codec.read_json(body)
                frame, age = content.get("frame"), content.get("age_ms", 0)
            observation = self._observation(request, body, "observation")
            frame, age = codec.whole(frame, "The frame"), codec.number(age, "The age")
            return JSONResponse((await session.act(frame, age, observation, arrived)).to_json())
        except BusyError:
            raise
        except TelosError as error:
            # A robot asked and has to do something: the refusal carries one step of the fallback.
            return _refusal(_status_of(error), error, session.fall_back().to_json())

    async def _action(self, request: Request) -> Response:
        return JSONResponse(self._session(request).safe_action().to_json())

    def _session(self, request: Request) -> Session:
        name = request.path_params["id"]
        if name not in self.sessions:
            raise HTTPException(404, "There is no such session; POST /sessions opens one.")
        return self.sessions[name]

    async def _body(self, request: Request, arrived: float) -> bytes:
        """The body, as long as it keeps to the limit, and arrives before its frame is stale."""
        body = bytearray()
        left = self.settings.stale_ms / 1000 - (self.clock() - arrived)
        try:
            async with asyncio.timeout(max(left, 0.001)):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self.settings.max_bytes:
                        raise _TooLargeError("The body is too large.", expected=f"{self.settings.max_bytes:,} bytes or less")
        except TimeoutError as error:
            raise _LateBodyError("The body did not arrive in time.", expected=f"all of it within {self.settings.stale_ms:g} ms") from error
        except ClientDisconnect as error:
            raise _LateBodyError("The body broke off.", expected="all of it") from error
        return bytes(body)

    def _observation(self, request: Request, body: bytes, name: str) -> Tree:
        what = f"The {name}"
        if _is_raw(request):
            return codec.observation_from_bytes(body, self.spaces.observation, what)
        content = codec.read_json(body)
        if name not in content:
            raise codec.MalformedError(f"The body has no '{name}'.", expected=f'{{"{name}": ...}}')
        return codec.observation_from_json(content[name], self.spaces.observation, what)

    def _answering(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The handler, its refusals as JSON; nobody outside ever sees a traceback."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except TelosError as error:
                return _refusal(_status_of(error), error)

        return answer


def _is_raw(request: Request) -> bool:
    return request.headers.get("content-type", codec.JSON).partition(";")[0].strip() == codec.RAW


def _status_of(error: TelosError) -> int:
    if isinstance(error, _TooLargeError):
        return 413
    if isinstance(error, _LateBodyError):
        return 408
    return next(status for kind, status in STATUS if isinstance(error, kind))


def _refusal(status: int, error: TelosError, more: dict[str, Any] | None = None) -> JSONResponse:
    return JSONResponse({"error": error.what, "expected": error.expected, "fix": error.fix, **(more or {})}, status_code=status)


async def _plain_refusal(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": str(error.detail), "expected": "", "fix": ""}, status_code=error.status_code)
