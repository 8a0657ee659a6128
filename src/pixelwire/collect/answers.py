"""What a request is answered: outcome and reason to status, headers and body (wire.md 1.4). The only place
of this room that knows statuses and texts. Everything is made ready at import; a request only chooses.
"""

import re
from base64 import b64decode
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

from pixelwire.collect.headers import Headers
from pixelwire.event import Failure, Outcome
from pixelwire.limits import QUERY_BYTES_MAX

HeaderList = list[tuple[bytes, bytes]]

GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")

# Refusals, in the order in which they are looked for.
QUERY_TOO_LONG: Final = "query_too_long"
WRITE_KEY_MISSING: Final = "write_key_missing"
WRITE_KEY_UNKNOWN: Final = "write_key_unknown"
PIXEL_DISABLED: Final = "pixel_disabled"
RATE_LIMITED: Final = "rate_limited"
IDENTITY_MISSING: Final = "identity_missing"
EVENT_MISSING: Final = "event_missing"

# Reasons of what is filtered.
HEAD: Final = "head"
GPC: Final = "gpc"

_REFUSALS: Final = {
    QUERY_TOO_LONG: f"query is longer than {QUERY_BYTES_MAX} bytes",
    WRITE_KEY_MISSING: "writeKey is required",
    WRITE_KEY_UNKNOWN: "writeKey is not known",
    PIXEL_DISABLED: "pixel is disabled",
    RATE_LIMITED: "too many requests",
    IDENTITY_MISSING: "anonymousId or userId is required",
    EVENT_MISSING: "event is required",
}
_RETRY_AFTER_S: Final = {
    RATE_LIMITED: 1,
    Failure.DISK_FULL: 60,
    Failure.QUEUE_FULL: 2,
    Failure.RECORDER_UNREACHABLE: 2,
    Failure.CATALOG_UNREACHABLE: 2,
    Failure.UNCONFIRMED: 2,
}

# Programs that want to read what became of their request; mail clients and image proxies, which send
# `Accept: */*` as well, want the image.
_PROGRAMS: Final = (
    "aiohttp",
    "apache-httpclient",
    "axios",
    "curl",
    "deno",
    "faraday",
    "go-http-client",
    "got",
    "guzzlehttp",
    "httpie",
    "insomnia",
    "java",
    "k6",
    "libcurl",
    "libwww-perl",
    "node",
    "okhttp",
    "php",
    "pixelwire",
    "postmanruntime",
    "python",  # python-requests, python-httpx, Python-urllib, Python/3.11 aiohttp
    "reqwest",
    "rest-client",
    "ruby",
    "undici",
    "wget",
)
_ACCEPTS_REMEMBERED_MAX: Final = 256
_ACCEPT_BYTES_REMEMBERED_MAX: Final = 512

_COMMON: Final[HeaderList] = [
    (b"cache-control", b"no-store, no-cache, must-revalidate, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"0"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Origin, Accept"),
]
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"X-Pixelwire-Outcome, X-Pixelwire-Reason, X-Pixelwire-Message-Id, X-Pixelwire-Dropped",
)
_AS_IT_IS: Final = re.compile(r"[A-Za-z0-9\-._~/]*")  # of a message id in a path
# What may stand in a header of ours: a control character would be an error of the server.
_SAFE_VALUE: Final = re.compile(rb"[!-~](?:[ -~]{0,510}[!-~])?")


class Answer(NamedTuple):
    status: int
    headers: HeaderList
    body: bytes


class Pair(NamedTuple):
    """One answer in both its bodies; chosen by whether an image is wanted."""

    text: Answer
    image: Answer


def _pair(status: int, text: str, *more: tuple[bytes, bytes]) -> Pair:
    def answer(content_type: bytes, body: bytes) -> Answer:
        length = (b"content-length", str(len(body)).encode())
        return Answer(status, [(b"content-type", content_type), length, *_COMMON, *more], body)

    return Pair(answer(b"text/plain; charset=utf-8", text.encode()), answer(b"image/gif", GIF))


def _outcome(status: int, outcome: Outcome, reason: str, text: str) -> Pair:
    more = [(b"x-pixelwire-outcome", outcome.encode())]
    if reason:
        more.append((b"x-pixelwire-reason", reason.encode()))
    if status in (429, 503):
        more.append((b"retry-after", str(_RETRY_AFTER_S[reason]).encode()))
    return _pair(status, text, *more)


_ANSWERS: Final[dict[tuple[str, str], Pair]] = {
    (Outcome.STORED, ""): _outcome(200, Outcome.STORED, "", "OK"),
    (Outcome.DUPLICATE, ""): _outcome(200, Outcome.DUPLICATE, "", "OK"),
    (Outcome.FILTERED, HEAD): _outcome(200, Outcome.FILTERED, HEAD, "OK"),
    (Outcome.FILTERED, GPC): _outcome(200, Outcome.FILTERED, GPC, "OK"),
    **{
        (Outcome.REFUSED, reason): _outcome(
            429 if reason == RATE_LIMITED else 400, Outcome.REFUSED, reason, text
        )
        for reason, text in _REFUSALS.items()
    },
    **{
        (Outcome.FAILED, failure): _outcome(
            503, Outcome.FAILED, failure, f"the event could not be stored: {failure}"
        )
        for failure in Failure
    },
}
NOT_FOUND: Final = _pair(404, "not found")
ALLOW_ROUTE: Final = _pair(405, "method not allowed", (b"allow", b"GET, HEAD, OPTIONS"))
ALLOW_ROBOTS: Final = _pair(405, "method not allowed", (b"allow", b"GET, HEAD"))
ROBOTS: Final = _pair(200, "User-agent: *\nDisallow: /\n").text


def stored(outcome: Outcome, message_id: str, dropped: int, headers: Headers) -> Answer:
    """The answer to an event that is safe on disk, now or since before."""
    answer = _ANSWERS[outcome, ""][wants_image(headers)]
    in_path = message_id if _AS_IT_IS.fullmatch(message_id) else quote(message_id)  # the same, but quicker
    more = [(b"x-pixelwire-message-id", in_path.encode())]
    if dropped:
        more.append((b"x-pixelwire-dropped", b"%d" % dropped))
    return Answer(answer.status, [*answer.headers, *more, *_cors(headers)], answer.body)


def declined(outcome: Outcome, reason: str, headers: Headers) -> Answer:
    """The answer to a request that left no event."""
    answer = _ANSWERS[outcome, reason][wants_image(headers)]
    cors = _cors(headers)
    return Answer(answer.status, [*answer.headers, *cors], answer.body) if cors else answer


def preflight(headers: Headers) -> Answer:
    """The answer to OPTIONS."""
    lines = [
        *_COMMON,
        (b"allow", b"GET, HEAD, OPTIONS"),
        (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
        (b"access-control-max-age", b"900"),
    ]
    asked = headers.get(b"access-control-request-headers")
    if asked and _SAFE_VALUE.fullmatch(asked):
        lines.append((b"access-control-allow-headers", asked))
    return Answer(204, [*lines, *_cors(headers)], b"")


def wants_image(headers: Headers) -> bool:
    """Decided from the request alone, before its outcome: one rule for every status."""
    accept = headers.get(b"accept")
    names_image, admits_image = _read_accept(accept)
    if names_image:
        return True
    destination = headers.get(b"sec-fetch-dest")
    if destination is not None:
        return destination.strip().lower() == b"image"
    return admits_image and not _is_program(headers.get(b"user-agent", b""))


def _cors(headers: Headers) -> HeaderList:
    origin = headers.get(b"origin")
    if origin is None or not _SAFE_VALUE.fullmatch(origin):
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        _EXPOSED,
    ]


def _read_accept(accept: bytes | None) -> tuple[bool, bool]:
    if accept is None:
        return False, True
    is_short = len(accept) <= _ACCEPT_BYTES_REMEMBERED_MAX
    return _remembered_accept(accept) if is_short else _parse_accept(accept)


def _parse_accept(accept: bytes) -> tuple[bool, bool]:
    """Whether an image type is named, and whether an image would be admitted."""
    ranges = [entry.partition(b";")[0].strip().lower() for entry in accept.split(b",")]
    names_image = any(entry.startswith(b"image/") for entry in ranges)
    return names_image, names_image or b"*/*" in ranges


_remembered_accept = lru_cache(_ACCEPTS_REMEMBERED_MAX)(_parse_accept)


def _is_program(user_agent: bytes) -> bool:
    name = user_agent.strip().lower()
    return not name or name.startswith(_PROGRAM_NAMES)


_PROGRAM_NAMES: Final = tuple(name.encode() for name in _PROGRAMS)
