"""The collect room without its neighbours: fakes of the keys and the outbox, and a client of the ASGI app."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from pixelwire.catalog.snapshot import PixelEntry
from pixelwire.collect.address import ClientAddress
from pixelwire.collect.app import PixelApp
from pixelwire.collect.fate import BatchResult, Fate
from pixelwire.collect.intake import Intake
from pixelwire.collect.outbox import Pending
from pixelwire.collect.rate import Door
from pixelwire.event import Event, Failure, decode_extra, is_client_key

WRITE_KEY = "0123456789abcdef0123456789abcdef"
PIXEL = 7
NOW_MS = 1_769_144_167_089  # 2026-01-23T04:56:07.089Z
NOW = "2026-01-23T04:56:07.089Z"
HOUR = NOW_MS // 3_600_000
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")

Lines = Mapping[str, str] | Iterable[tuple[bytes, bytes]]


def make_entry(number: int = PIXEL, **changed: Any) -> PixelEntry:
    return PixelEntry(**{"number": number, "id": WRITE_KEY, "is_enabled": True, "rules": {}} | changed)


class FakeKeys:
    """A table of keys; `failure` is the answer for all others."""

    def __init__(self, table: Mapping[str, PixelEntry] | None = None) -> None:
        self.table = {WRITE_KEY: make_entry()} if table is None else dict(table)
        self.failure: Failure | None = None

    def find(self, write_key: str) -> PixelEntry | Failure | None:
        return self.table.get(write_key, self.failure)


class FakeClock:
    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1_000


class FakeBatch:
    def __init__(self) -> None:
        self.fate = Fate()


class FakeOutbox:
    """Keeps events; each is its own batch and safe at once, unless told to wait or to fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tallies: Counter[tuple[int, int, str, str]] = Counter()
        self.received_by_hour: Counter[int] = Counter()
        self.refuses_with: Failure | None = None  # nothing more can be held
        self.fails_with: Failure | None = None  # the batch failed
        self.waiting: list[FakeBatch] | None = None  # a list: batches wait there to be resolved
        self.shares_batch = False  # the next event waits with the one before it
        self._client_keys: set[int] = set()

    def put(self, event: Event) -> Pending | Failure:
        if self.refuses_with is not None:
            return self.refuses_with
        batch = self.waiting[-1] if self.waiting and self.shares_batch else FakeBatch()
        is_duplicate = is_client_key(event.key) and event.key in self._client_keys
        if self.waiting is not None:
            if batch not in self.waiting:
                self.waiting.append(batch)
        elif self.fails_with is not None:
            batch.fate.tell(BatchResult(self.fails_with))
        else:
            batch.fate.tell(BatchResult(None, frozenset({0}) if is_duplicate else frozenset()))
        if not is_duplicate:
            self._client_keys.add(event.key)
            self.events.append(event)
        return Pending(batch, 0)

    def tally(self, hour: int, pixel: int, outcome: str, reason: str, amount: int = 1) -> None:
        self.tallies[hour, pixel, str(outcome), str(reason)] += amount

    def received(self, hour: int) -> None:
        self.received_by_hour[hour] += 1


class Reply(NamedTuple):
    """What a client sees."""

    status: int
    lines: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        assert len({name for name, _ in self.lines}) == len(self.lines), "a header is there twice"
        return {name.decode(): value.decode() for name, value in self.lines}

    @property
    def outcome(self) -> tuple[str | None, str | None]:
        headers = self.headers
        return headers.get("x-pixelwire-outcome"), headers.get("x-pixelwire-reason")

    @property
    def dropped(self) -> int:
        return int(self.headers.get("x-pixelwire-dropped", "0"))


def scope_of(
    path: str,
    query: str | bytes = b"",
    *,
    method: str = "GET",
    headers: Lines = (),
    peer: str | None = "127.0.0.1",
) -> dict[str, Any]:
    """A request as an ASGI server describes it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode() if isinstance(query, str) else query,
        "headers": list(_lines(headers)),
        "client": (peer, 50_000) if peer else None,
        "http_version": "1.1",
    }


class Visitor:
    """Asks one app, as an ASGI server would."""

    def __init__(
        self,
        *,
        trusted_proxies: Iterable[str] = (),
        client_address_header: str = "x-forwarded-for",
        door: Door | None = None,
    ):
        self.keys = FakeKeys()
        self.outbox = FakeOutbox()
        self.clock = FakeClock()
        address = ClientAddress(list(trusted_proxies), client_address_header)
        self.app = PixelApp(Intake(self.keys, address, door), self.outbox, self.clock)

    def pixel(self, query: str | bytes, call: str = "page", **more: Any) -> Reply:
        """GETs a pixel with this query and the write key before it."""
        asked = query.encode() if isinstance(query, str) else query
        return self.ask(f"/pixel/v1/{call}", b"writeKey=" + WRITE_KEY.encode() + b"&" + asked, **more)

    def ask(self, path: str, query: str | bytes = b"", **more: Any) -> Reply:
        return asyncio.run(self.asking(path, query, **more))

    async def asking(
        self,
        path: str,
        query: str | bytes = b"",
        *,
        method: str = "GET",
        headers: Lines = (),
        peer: str | None = "127.0.0.1",
    ) -> Reply:
        scope = scope_of(path, query, method=method, headers=headers, peer=peer)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("the body of a request is not read")

        await self.app(scope, receive, send)
        start, body = sent
        return Reply(start["status"], start["headers"], body["body"])

    @property
    def event(self) -> Event:
        return self.outbox.events[-1]

    @property
    def payload(self) -> dict[str, Any]:
        """Of the newest event."""
        decoded: dict[str, Any] = json.loads(self.event.payload)
        return decoded

    @property
    def extra(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(msgspec.json.encode(decode_extra(self.event.extra)))
        return decoded


def _lines(headers: Lines) -> Iterable[tuple[bytes, bytes]]:
    if not isinstance(headers, Mapping):
        return headers
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
