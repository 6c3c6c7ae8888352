"""The page that people rate on: the one file here that knows Starlette."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from telos.core.errors import MissingExtraError, TelosError
from telos.core.world import AbstractWorld
from telos.teaching.ratings.answers import answer_from_json
from telos.teaching.ratings.clips import Place
from telos.teaching.ratings.pictures import clip_pictures
from telos.teaching.ratings.session import BackgroundFit, RatingSession

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise MissingExtraError.of("starlette", extra="web", purpose="The page to rate on") from error

FOLDER = Path(__file__).parent / "page"
FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"), "/page.js": ("page.js", "text/javascript")}
HOSTS = ("127.0.0.1", "localhost", "::1")
MOST_BYTES = 4096
"""Of an answer."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class RefusedError(TelosError):
    """A request that is not answered."""


def rating_app(session: RatingSession, fit: BackgroundFit, *, title: str, world: AbstractWorld | None = None) -> Starlette:
    """The page, and what it asks for. Only this machine is answered, and no page of another site.

    Args:
        world: draws clips of logs that have no pictures.
    """

    async def state(request: Request) -> Any:
        return await run_in_threadpool(_state, session, title)

    async def clip(request: Request) -> Any:
        place = Place(int(request.path_params["episode"]), int(request.path_params["start"]))
        if not place.episode < session.logs.num_episodes or place.start > int(session.logs.lengths[place.episode]) - session.steps:
            raise RefusedError("There is no such clip.")
        return await run_in_threadpool(clip_pictures, session.logs, place, session.steps, world)

    async def answer(request: Request) -> Any:
        given = answer_from_json(await _content(request))
        await run_in_threadpool(session.answer, given)
        fit.wake()
        return await run_in_threadpool(_state, session, title)

    async def undo(request: Request) -> Any:
        await _content(request)
        await run_in_threadpool(session.undo)
        fit.wake()
        return await run_in_threadpool(_state, session, title)

    async def file(request: Request) -> Response:
        name, kind = FILES[request.url.path]
        return Response((FOLDER / name).read_bytes(), media_type=kind)

    routes = [Route(path, _answering(file), methods=["GET"]) for path in FILES]
    routes += [
        Route("/state", _answering(state), methods=["GET"]),
        Route("/clips/{episode:int}/{start:int}", _answering(clip), methods=["GET"]),
        Route("/answers", _answering(answer), methods=["POST"]),
        Route("/undo", _answering(undo), methods=["POST"]),
    ]
    return Starlette(routes=routes)


def _state(session: RatingSession, title: str) -> dict[str, Any]:
    return {"title": title, "mode": session.mode, **session.status(), "question": session.question().to_json()}


def _answering(handler: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind the door: foreign hosts and pages are sent away, mistakes get a sentence."""

    async def answered(request: Request) -> Response:
        try:
            _check_door(request)
            made = await handler(request)
            response = made if isinstance(made, Response) else JSONResponse(made)
        except (TelosError, KeyError, TypeError) as error:
            text = error.what if isinstance(error, TelosError) else "This is no answer."
            response = JSONResponse({"error": text}, status_code=403 if isinstance(error, RefusedError) else 400)
        except OSError as error:
            response = JSONResponse({"error": f"The answer could not be kept: {error.strerror or error}."}, status_code=507)
        response.headers.update(HEADERS)
        return response

    return answered


def _check_door(request: Request) -> None:
    """Raises RefusedError unless it is this machine's own browser, on this page: other sites may know the address, too."""
    host = _host(f"http://{request.headers.get('host', '')}")
    origin = request.headers.get("origin")
    if host not in HOSTS or (origin is not None and urlsplit(origin).netloc != request.headers["host"]):
        raise RefusedError("Only this machine's own page is answered.")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _content(request: Request) -> dict[str, Any]:
    """A JSON object. Raises RefusedError or TypeError for anything else; forms of other sites cannot send this type unasked."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError("An answer is JSON.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise RefusedError("The answer is too long.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TypeError("no JSON") from error
    if not isinstance(content, dict):
        raise TypeError("no object")
    return content
