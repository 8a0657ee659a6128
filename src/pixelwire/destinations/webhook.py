"""Webhook: each event as one HTTP request; its body is the payload, as RudderStack's webhook sends it.

Knows HTTP and one address; what to do about a failure is the engine's to decide.
"""

import re
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from msgspec import Meta

from pixelwire import __version__
from pixelwire.destinations.base import (
    OPERATOR_ONLY,
    TARGET,
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Options,
    Retry,
    Secret,
    SecretUrl,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.guard import guarded_socket
from pixelwire.destinations.retry_after import retry_after_s
from pixelwire.destinations.secret import HIDDEN
from pixelwire.destinations.signing import SIGNATURE_HEADER, sign

if TYPE_CHECKING:  # the library is loaded when a webhook is built, not when its options are checked
    import aiohttp

ANSWER_BYTES_MAX: Final = 65_536  # read to keep the connection; a longer answer closes it
REASON_BYTES_MAX: Final = 512
REASON_CHARACTERS_MAX: Final = 200
WORD_MIN: Final = 6  # of a secret
PLACE_MIN: Final = 12  # of a path or query: shorter ones are ordinary words
CONNECT_S: Final = 5.0  # at most, the name looked up and TLS shaken hands on included
# Below the 5 s after which Node's servers close an idle connection: a request must not meet that.
KEEPALIVE_S: Final = 4.0
SECRET_CHARACTERS_MIN: Final = 16

MESSAGE_ID_HEADER: Final = "X-Pixelwire-Message-Id"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
PIXEL_HEADER: Final = "X-Pixelwire-Pixel-Id"
ATTEMPT_HEADER: Final = "X-Pixelwire-Attempt"

_OWNERS: Final = {401, 403}
_MAY_CHANGE: Final = {408, 425, 429}
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OUR_HEADERS: Final = {
    "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect",
    IDEMPOTENCY_HEADER.lower(),
}  # fmt: skip


class WebhookOptions(Options, frozen=True, kw_only=True):
    url: Annotated[
        SecretUrl, Meta(description="Where events are sent: an http or https address.", extra=TARGET)
    ]
    method: Annotated[Literal["POST", "PUT", "PATCH"], Meta(description="The request's method.")] = "POST"
    headers: Annotated[
        dict[str, Secret],
        Meta(description="Further headers of every request, such as Authorization."),
    ] = {}  # noqa: RUF012 msgspec copies it
    signing_secret: Annotated[
        Secret | None,
        Meta(description="Signs every request in X-Pixelwire-Signature. At least 16 characters."),
    ] = None
    timeout_s: Annotated[
        float,
        Meta(ge=0.1, le=300, description="How long one request may take, connecting and answer included."),
    ] = 10.0
    concurrency: Annotated[
        int,
        Meta(
            ge=1, le=256, description="How many requests may be under way at a time, each of another visitor."
        ),
    ] = 16
    ca_file: Annotated[
        str | None,
        Meta(
            description="A PEM file of certificate authorities to trust beside the system's.",
            extra=OPERATOR_ONLY,
        ),
    ] = None
    allow_private_addresses: Annotated[
        bool,
        Meta(
            description="Whether the address may lie in a private network: loopback, 10.0.0.0/8 and so on.",
            extra=OPERATOR_ONLY,
        ),
    ] = False

    def problems(self) -> list[str]:
        found = [f"url: {text}" for text in _url_problems(self.url.reveal())]
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name):
                found.append(f"headers: {name!r} is not a header's name")
            elif name.lower() in _OUR_HEADERS or name.lower().startswith("x-pixelwire-"):
                found.append(f"headers: {name} is set by Pixelwire itself")
            elif not _HEADER_VALUE.fullmatch(value.reveal()):
                found.append(f"headers: the value of {name} has a line break or a character outside Latin-1")
        if self.signing_secret and len(self.signing_secret.reveal()) < SECRET_CHARACTERS_MIN:
            found.append(f"signing_secret: is shorter than {SECRET_CHARACTERS_MIN} characters")
        return found


class Webhook:
    def __init__(self, options: WebhookOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._clock = surroundings.clock
        self._is_guarded = not (options.allow_private_addresses or surroundings.allow_private_addresses)
        own = {"Content-Type": "application/json", "User-Agent": f"Pixelwire/{__version__}"}
        given = {name.title(): value.reveal() for name, value in options.headers.items()}
        self._headers = own | given
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        import aiohttp

        connector = aiohttp.TCPConnector(
            limit=self._options.concurrency + 1,  # one for check()
            keepalive_timeout=KEEPALIVE_S,
            ssl=_trust(self._options.ca_file),
            socket_factory=guarded_socket if self._is_guarded else None,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(
                total=self._options.timeout_s, connect=min(CONNECT_S, self._options.timeout_s / 2)
            ),
        )

    async def check(self) -> None:
        """Connects and asks OPTIONS with the headers of a real request; no event is sent.

        Any answer will do but those that pause a destination: many receivers know no OPTIONS.
        """
        result = await self._request("OPTIONS", b"", {})
        if isinstance(result, Retry):
            raise Unreachable(result.reason)

    async def send(self, batch: Batch) -> BatchResult:
        method = self._options.method
        return BatchResult(
            [await self._request(method, item.payload, self._item_headers(item)) for item in batch.items]
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _item_headers(self, item: Item) -> dict[str, str]:
        # As in the pixel's own answer, so that it can be pasted into the receipt's address.
        message_id = quote(item.message_id, safe="/", errors="replace")
        return {
            MESSAGE_ID_HEADER: message_id,
            IDEMPOTENCY_HEADER: message_id,
            PIXEL_HEADER: item.pixel_id,
            ATTEMPT_HEADER: str(item.attempt),
        }

    async def _request(self, method: str, body: bytes, headers: dict[str, str]) -> ItemResult:
        import aiohttp

        assert self._session is not None, "open() comes first"
        headers |= self._headers
        if self._options.signing_secret is not None:
            at_s = self._clock.now_ms() // 1_000
            headers[SIGNATURE_HEADER] = sign(self._options.signing_secret.reveal(), body, at_s)
        try:
            async with self._session.request(
                method, self._options.url.reveal(), data=body, headers=headers, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    await _finish(response)
                    return Sent()
                after_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now_ms())
                return judge(response.status, after_s, self._without_secrets(await _beginning(response)))
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            return translate(exc)

    def _without_secrets(self, text: str) -> str:
        """What a target says of a request may repeat it."""
        options = self._options
        given = [*options.headers.values(), *filter(None, [options.signing_secret])]
        parts = urlsplit(options.url.reveal())
        places = [part for part in (parts.path.strip("/"), parts.query) if len(part) >= PLACE_MIN]
        secrets = [options.url.reveal(), *places, *(secret.reveal() for secret in given)]
        return without(text, secrets)[:REASON_CHARACTERS_MAX]


def without(text: str, secrets: Sequence[str]) -> str:
    """A text whose secrets are hidden, also one that its end cuts off. Short words are no secrets."""
    words = {word for secret in secrets for word in (secret, *secret.split()) if len(word) >= WORD_MIN}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    for word in words:
        for length in range(min(len(word), len(text)), WORD_MIN - 1, -1):
            if text.endswith(word[:length]):
                text = text[:-length] + HIDDEN
                break
    return text


def judge(status: int, after_s: float | None, text: str) -> ItemResult:
    """What an answer other than 2xx means. Misconfigured when its owner must act."""
    reason = f"answered {_status_text(status)}" + (f": {text}" if text else "")
    if status in _OWNERS:
        raise Misconfigured(reason, hint="correct the credentials, then resume the destination")
    if 300 <= status < 400:
        hint = "redirects are not followed: set url to the final address, then resume the destination"
        raise Misconfigured(f"answered {_status_text(status)}", hint=hint)
    if 400 <= status < 500 and status not in _MAY_CHANGE:
        return GiveUp(reason)
    return Retry(reason, after_s, is_for_all=status == HTTPStatus.TOO_MANY_REQUESTS and after_s is not None)


def translate(exc: Exception) -> Retry:
    """aiohttp's errors as ours. Unreachable when no connection came about: the event was not even tried."""
    import aiohttp

    if isinstance(exc, aiohttp.ClientConnectorError) and isinstance(exc.os_error, PermissionError):
        hint = "set allow_private_addresses = true if it is meant, then resume the destination"
        raise Misconfigured(f"{exc.host} {exc.os_error.strerror}", hint=hint) from exc
    if isinstance(exc, aiohttp.ConnectionTimeoutError):  # its text holds the whole address
        raise Unreachable("no connection in time") from exc
    if isinstance(exc, aiohttp.ClientConnectorError):
        raise Unreachable(f"no connection: {exc}") from exc
    if isinstance(exc, aiohttp.InvalidURL):
        raise Misconfigured("url is not an address", hint="correct it") from exc
    if isinstance(exc, TimeoutError):
        return Retry("no answer in time")
    if isinstance(exc, aiohttp.ClientError | OSError):
        return Retry(f"the connection broke: {type(exc).__name__}")
    raise exc


async def _finish(response: "aiohttp.ClientResponse") -> None:
    """Reads a confirming answer to its end, so that its connection can be used again.

    It has confirmed already: what goes wrong here costs the connection and nothing else.
    """
    import aiohttp

    try:
        left = ANSWER_BYTES_MAX
        while left > 0 and not response.content.at_eof():
            left -= len(await response.content.read(left))
    except (aiohttp.ClientError, OSError, TimeoutError):
        response.close()


async def _beginning(response: "aiohttp.ClientResponse") -> str:
    """The first words of an answer, fit for one line.

    Its status has decided already: where the words break off or do not come in time, fewer will do.
    """
    import aiohttp

    content = b""
    try:
        while len(content) < REASON_BYTES_MAX and not response.content.at_eof():
            content += await response.content.read(REASON_BYTES_MAX - len(content))
        is_whole = response.content.at_eof()
    except (aiohttp.ClientError, OSError, TimeoutError):
        is_whole = False
    if not is_whole:
        response.close()
    text = content.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _url_problems(url: str) -> list[str]:
    if any(character <= " " or character == "\x7f" for character in url):
        return ["has a space or a control character"]
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ["is not an address"]
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ["must begin with http:// or https:// and a host"]
    if parts.username is not None or parts.password is not None:
        return ["must not hold a user or password: send them in `headers` as Authorization"]
    return ["must not have a #fragment"] if parts.fragment else []


def _trust(ca_file: str | None) -> ssl.SSLContext | Literal[True]:
    """The system's authorities, and those of the file."""
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(Path(ca_file))
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"ca_file {ca_file} can not be used: {exc}", hint="give a PEM file") from exc
    return context


SPEC: Final = DestinationSpec(
    kind="webhook",
    summary="Each event as one HTTP request with the payload as JSON, signed if you wish.",
    options=WebhookOptions,
    build=Webhook,
    batch_limits=lambda options: BatchLimits(concurrency=options.concurrency),
)
