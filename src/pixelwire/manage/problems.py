"""What went wrong as HTTP: the one table from errors to statuses, and the one shape of every error answer.

Nothing else in this room names an error's status. Every problem has a `sp_trace_id` that is in the log too.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from pixelwire import telemetry
from pixelwire.errors import (
    BodyTooLarge,
    CatalogBusy,
    Conflict,
    Forbidden,
    InvalidFields,
    NotFound,
    PixelwireError,
    RequestError,
    Unauthorized,
)


class MethodNotAllowed(RequestError):
    """This path has other methods; they are in the header Allow."""

    code = "method_not_allowed"


class TrialsBusy(PixelwireError):
    """Too many tests of destinations are under way; try again in a moment."""

    code = "tests_busy"


class BodyTooSlow(RequestError):
    """The body did not arrive in time; send it again."""

    code = "body_too_slow"


class TookTooLong(PixelwireError):
    """The answer took too long; try again, or ask for less."""

    code = "took_too_long"


STATUSES: Final[dict[type[PixelwireError], HTTPStatus]] = {
    InvalidFields: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    Conflict: HTTPStatus.CONFLICT,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    CatalogBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    TookTooLong: HTTPStatus.SERVICE_UNAVAILABLE,
    TrialsBusy: HTTPStatus.SERVICE_UNAVAILABLE,
}

DEFINITIONS: Final[dict[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "Fields are missing, not valid or not known. Mend those named and try again.",
    HTTPStatus.UNAUTHORIZED: "No token, or one that is not known. Send `Authorization: Bearer <token>`.",
    HTTPStatus.FORBIDDEN: "The token does not reach this. Use one of the right business and role.",
    HTTPStatus.NOT_FOUND: "There is nothing here. Check the path and the ids in it.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path has other methods; the header Allow names them.",
    HTTPStatus.REQUEST_TIMEOUT: "The body came too slowly. Send it again in one go.",
    HTTPStatus.CONFLICT: "It exists already, or its state forbids this. Choose another name or key.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A body is at most 64 KiB. Send less.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server is busy. Nothing was changed; try again in a moment.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The server failed. Its operator finds the cause in the log.",
}

# The type of a validation error whose context has all its `problems`, each with its field's name before it.
SEVERAL: Final = "several"

METHODS: Final = ("DELETE", "GET", "PATCH", "POST")

_log = telemetry.logger("manage")


class ErrorCode(msgspec.Struct, frozen=True):
    code: str
    definition: str


class Problem(msgspec.Struct, frozen=True):
    sp_trace_id: str
    messages: Sequence[str]
    error_codes: Sequence[ErrorCode]


async def answer_error(request: Request, exc: Exception) -> Response:
    """An error of ours. What the caller can not mend is told without internals."""
    assert isinstance(exc, PixelwireError)
    status = next((STATUSES[kind] for kind in type(exc).__mro__ if kind in STATUSES), None)
    if status is None:
        return answer_crash(request.scope, exc)
    messages = exc.problems if isinstance(exc, InvalidFields) else [str(exc)]
    return _answer(request.scope, status, exc.code, messages)


async def answer_invalid(request: Request, exc: Exception) -> Response:
    """A request that does not fit its schema: every field at fault is named."""
    assert isinstance(exc, RequestValidationError)
    messages = [message for error in exc.errors() for message in _messages(error)]
    return _answer(request.scope, HTTPStatus.BAD_REQUEST, InvalidFields.code, messages)


async def answer_http(request: Request, exc: Exception) -> Response:
    """What the framework itself refuses: unknown paths, other methods, bodies it can not read."""
    assert isinstance(exc, HTTPException)
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return await answer_error(request, NotFound("there is no such path here"))
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = _allowed(request)
        response = await answer_error(request, MethodNotAllowed())
        response.headers["Allow"] = ", ".join(allow)
        return response
    return _answer(request.scope, HTTPStatus(exc.status_code), InvalidFields.code, [f"body: {exc.detail}"])


def answer_crash(scope: Mapping[str, Any], exc: Exception) -> Response:
    """Anything nobody expected: 500 without internals, the cause in the log."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(scope, status, "internal", ["the server failed to answer this request"], exc)


def _answer(
    scope: Mapping[str, Any],
    status: HTTPStatus,
    code: str,
    messages: Sequence[str],
    cause: Exception | None = None,
) -> Response:
    trace_id = str(uuid4())
    _tell(scope, status, code, trace_id, cause)
    problem = Problem(trace_id, messages, [ErrorCode(code, DEFINITIONS.get(status, status.phrase))])
    response = Response(msgspec.json.encode(problem), status, media_type="application/json")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def _tell(
    scope: Mapping[str, Any], status: HTTPStatus, code: str, trace_id: str, cause: Exception | None
) -> None:
    # The operation and not the path: a path may hold a visitor's message id.
    operation = getattr(scope.get("endpoint"), "__name__", None)
    facts = {"sp_trace_id": trace_id, "status": int(status), "code": code, "operation": operation}
    method = scope.get("pixelwire.method", scope.get("method"))
    if cause is not None:
        _log.error("request_failed", **facts, method=method, exc_info=cause)
    else:
        _log.info("request_refused", **facts, method=method)


def _messages(error: Mapping[str, Any]) -> list[str]:
    return list(error["ctx"]["problems"]) if error["type"] == SEVERAL else [_message(error)]


def _message(error: Mapping[str, Any]) -> str:
    """One line of the framework's validation, with the field's name before it."""
    place, *path = error["loc"]
    kind, text = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if kind == "json_invalid":
        return f"body: is not valid JSON at character {path[0]} ({error['ctx']['error']})"
    field = ".".join(str(part) for part in path) or str(place)
    if kind == "missing":
        return f"{field}: is required"
    if kind == "extra_forbidden":
        return f"{field}: is read-only or not known here"
    if not path and kind in ("model_attributes_type", "dict_type"):
        return "body: must be a JSON object"
    return f"{field}: {text[:1].lower()}{text[1:]}"


def _allowed(request: Request) -> list[str]:
    """All methods of a path, over all routes that have it."""
    path = request.scope["path"]
    methods = [method for method in METHODS if _has_route(request.app.routes, method, path)]
    return ["HEAD", *methods] if "GET" in methods else methods


def _has_route(routes: Sequence[BaseRoute], method: str, path: str) -> bool:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in routes)
