"""The HTTP client of `send` and `tail`: plain requests, and the management API's errors as ours.

Knows addresses and statuses; not what is sent or read.
"""

import http.client
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from pixelwire.cli.exits import ServerUnreachable
from pixelwire.errors import ConfigError, Forbidden, NotFound, PixelwireError, Unauthorized


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    took_ms: float


class BadAnswer(PixelwireError):
    """The server's answer can not be used."""

    code = "bad_answer"


BY_STATUS: Final[dict[int, type[PixelwireError]]] = {
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.BAD_GATEWAY: ServerUnreachable,
    HTTPStatus.SERVICE_UNAVAILABLE: ServerUnreachable,
    HTTPStatus.GATEWAY_TIMEOUT: ServerUnreachable,
}


def get(url: str, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
    """One GET on a connection of its own. ServerUnreachable when there is no answer."""
    parts = urlsplit(url)
    kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}.get(parts.scheme)
    if kind is None or not parts.hostname:
        raise ConfigError([f"{url} is no http or https address"])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    started = time.perf_counter()
    connection = kind(parts.hostname, parts.port, timeout=timeout_s)
    try:
        connection.request("GET", target, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        place = f"{parts.scheme}://{parts.netloc}"
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ServerUnreachable(
            f"{place} does not answer: {reason}", hint="start it with `pixelwire serve`, or give its address"
        ) from error
    finally:
        connection.close()
    took_ms = (time.perf_counter() - started) * 1_000
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, body, took_ms
    )


class Document(NamedTuple):
    """A decoded answer of the management API."""

    value: Any
    headers: Mapping[str, str]


class Management:
    """Reads from the management API with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def read(self, path: str, query: Mapping[str, Any], *, timeout_s: float) -> Document:
        """The JSON of one GET; the error of ours that fits its status."""
        answer = get(f"{self.url}{path}?{urlencode(query)}", self._headers, timeout_s=timeout_s)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Unauthorized("the token is not known", hint="give one with PIXELWIRE_TOKEN or --token-file")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise BY_STATUS.get(answer.status, BadAnswer)(_message(answer))
        try:
            return Document(json.loads(answer.body), answer.headers)
        except ValueError as error:
            hint = "is this the management address, and not the one for pixels?"
            raise BadAnswer(f"{self.url} answered no JSON", hint=hint) from error


def _message(answer: Answer) -> str:
    try:
        return "; ".join(json.loads(answer.body)["messages"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}"
