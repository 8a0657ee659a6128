"""One pixel there and back, with a server that is played by the test."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from pixelwire.doctor import trip
from pixelwire.doctor.finding import Finding, Severity
from pixelwire.doctor.trip import Read, Trip
from pixelwire.errors import PixelwireError
from pixelwire.event import Call
from pixelwire.record.reader import Reader
from support.catalogs import Shop, make_shop
from support.events import make_event, record

HOUR = 491_000
URL = "https://pixel.example.org"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    took_ms: float = 12.4


STORED = {
    "x-pixelwire-outcome": "stored",
    "content-type": "image/gif",
    "cache-control": "no-store, private",
}
DUPLICATE = STORED | {"x-pixelwire-outcome": "duplicate"}


class World:
    """Stores what is sent to it, and answers from a list."""

    def __init__(self, data_dir: Path, shop: Shop) -> None:
        self.data_dir = data_dir
        self.shop = shop
        self.key = shop.pixel.id
        self.answers = [Answer(200, STORED), Answer(200, DUPLICATE)]
        self.stores = True
        self.asked: list[str] = []

    def get(self, url: str, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        self.asked.append(url)
        assert "image/" in headers["Accept"]
        assert timeout_s > 0
        answer = self.answers.pop(0)
        if self.stores and answer.headers.get("x-pixelwire-outcome") == "stored":
            message_id = parse_qs(urlsplit(url).query)["messageId"][0]
            record(
                self.data_dir,
                [
                    make_event(
                        call=Call.TRACK,
                        name=trip.EVENT,
                        message_id=message_id,
                        received_ms=HOUR * 3_600_000,
                    )
                ],
            )
        return answer

    def travel(self, read: Read | None = None) -> Trip:
        return trip.travel(self.data_dir, URL + "/", self.key, self.get, read, HOUR)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    shop = make_shop(tmp_path)
    yield World(tmp_path, shop)
    shop.catalog.close()


def first(went: Trip, check: str = trip.CHECK) -> Finding:
    return next(finding for finding in went.findings if finding.check == check)


def test_a_pixel_that_comes_back_is_ok(world: World) -> None:
    """Sent as a browser would, the same twice, and found in the files."""
    went = world.travel()
    assert [(finding.severity, finding.check) for finding in went.findings] == [
        (Severity.OK, "pixel"),
        (Severity.OK, "receipt"),
    ]
    assert went.was_stored
    assert first(went).found == f"stored through {URL}/ in 12 ms"
    assert "no token" in first(went, "receipt").found
    assert world.asked[0] == world.asked[1]
    assert world.asked[0].startswith(f"{URL}/pixel/v1/track?writeKey={world.key}&")


def test_the_event_counts_as_nothing_else(world: World) -> None:
    """It must not be in the owner's numbers of visits."""
    world.travel()
    with closing(Reader(world.data_dir)) as reader:
        (counted,) = reader.signal_counts(1, HOUR, HOUR)
        assert counted == (HOUR, 0)


def test_with_a_token_the_receipt_is_read_as_its_owner_would(world: World) -> None:
    """What it tells of the way is shown."""
    asked: list[str] = []

    def read(path: str) -> Any:
        asked.append(path)
        return {"seq": 1, "facts": {"Via": "1.1 Caddy"}, "payload": {"request_ip": "203.0.113.0"}}

    went = world.travel(read)
    assert first(went, "receipt").found == "event 1, counted, sent by 203.0.113.0, through 1.1 Caddy"
    assert asked[0].startswith(f"/api/v1/pixels/{world.shop.pixel.id}/events/pixelwire-doctor-")


@pytest.mark.parametrize(
    ("answer", "severity", "words"),
    [
        (Answer(404, {"content-type": "text/html"}), Severity.FAIL, "status 404, and not as a Pixelwire"),
        (
            Answer(301, {"location": "https://www.example.org/x?y"}),
            Severity.FAIL,
            "on, to https://www.example.org/x",
        ),
        (
            Answer(400, {"x-pixelwire-outcome": "refused", "x-pixelwire-reason": "write_key_unknown"}),
            Severity.FAIL,
            "it is refused: write_key_unknown (status 400)",
        ),
        (
            Answer(503, {"x-pixelwire-outcome": "failed", "x-pixelwire-reason": "disk_full"}),
            Severity.FAIL,
            "it is failed: disk_full",
        ),
    ],
)
def test_a_pixel_that_is_not_stored_fails(
    world: World, answer: Answer, severity: Severity, words: str
) -> None:
    """With what became of it; there is nothing to look for then."""
    world.answers = [answer]
    went = world.travel()
    (finding,) = went.findings
    assert (finding.severity, words in finding.found, went.was_stored) == (severity, True, False)
    assert finding.do


@pytest.mark.parametrize(
    ("changed", "took_ms", "severity", "words"),
    [
        ({}, 1_500.0, Severity.WARN, "in 1500 ms"),
        ({"content-type": "text/html"}, 1.0, Severity.FAIL, "is text/html and not an image"),
        ({"cache-control": "max-age=600"}, 1.0, Severity.WARN, "Cache-Control: no-store"),
    ],
)
def test_what_is_made_of_our_answer_is_looked_at(
    world: World, changed: dict[str, str], took_ms: float, severity: Severity, words: str
) -> None:
    """A proxy may be slow, or change it."""
    world.answers[0] = Answer(200, STORED | changed, took_ms)
    worst = max(world.travel().findings, key=lambda finding: list(Severity).index(finding.severity))
    assert (worst.severity, words in worst.found) == (severity, True)


def test_a_cache_in_between_fails(world: World) -> None:
    """The second answer is the first one again."""
    world.stores = True
    world.answers = [Answer(200, STORED), Answer(200, STORED)]
    seen: list[str] = []
    get: Callable[..., Answer] = world.get

    def cached(url: str, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        if url in seen:
            return Answer(200, STORED)
        seen.append(url)
        return get(url, headers, timeout_s=timeout_s)

    went = trip.travel(world.data_dir, URL, world.key, cached, None, HOUR)
    assert "answered from a cache" in went.findings[1].found
    assert went.findings[1].severity is Severity.FAIL


def test_a_second_try_that_fails_is_a_warning(world: World) -> None:
    """It worked a moment ago."""
    world.answers[1] = Answer(502, {})
    assert world.travel().findings[1] == Finding(
        "pixel",
        Severity.WARN,
        "sent again it is not answered by us (status 502)",
        "try again; see the log of the server",
    )


def test_another_server_behind_the_url_fails(world: World) -> None:
    """It stores, but not here; its keys may be unknown here too."""
    world.stores = False
    assert "is not in this data directory" in first(world.travel(), "receipt").found
    world.answers = [Answer(200, STORED), Answer(200, DUPLICATE)]
    world.key = "unknown"
    assert "whose catalog is not this one" in first(world.travel(), "receipt").found


def test_counts_that_do_not_grow_fail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the same transaction as the event."""
    monkeypatch.setattr(Reader, "name_counts", lambda *_: {})
    finding = first(world.travel(), "receipt")
    assert (finding.severity, "counts did not grow" in finding.found) == (Severity.FAIL, True)


def test_who_does_not_answer_fails(world: World) -> None:
    """With what was found before."""

    def read(_: str) -> Any:
        raise PixelwireError("nobody there", hint="start it")

    assert world.travel(read).findings[-1] == Finding("pixel", Severity.FAIL, "nobody there", "start it")

    def get(*_: Any, **__: Any) -> Answer:
        raise PixelwireError("no answer")

    went = trip.travel(world.data_dir, URL, world.key, get, None, HOUR)
    assert [finding.found for finding in went.findings] == ["no answer"]
