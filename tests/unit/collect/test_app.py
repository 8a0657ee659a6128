"""The ASGI app: routes, the ledger, and when it answers."""

import asyncio

import pytest

from pixelwire.collect.fate import BatchResult
from pixelwire.collect.rate import Door
from pixelwire.event import Failure
from pixelwire.testing.manual_clock import ManualClock
from support.pixels import GIF, HOUR, PIXEL, WRITE_KEY, Visitor, make_entry

PAGE = f"writeKey={WRITE_KEY}&anonymousId=a1"
IMAGE = {"Accept": "image/png"}
ROUTES = ["/pixel/v1/page", "/pixel/v1/track"]


def ledger(visitor: Visitor) -> dict[tuple[int, str, str], int]:
    """(pixel, outcome, reason) to how many; all of the hour of the clock."""
    assert {hour for hour, *_ in visitor.outbox.tallies} <= {HOUR}
    return {key[1:]: amount for key, amount in visitor.outbox.tallies.items()}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("query", [PAGE + "&event=E", PAGE + "&event=", "writeKey=x", ""])
def test_head_answers_as_get_would_without_a_body(path: str, query: str) -> None:
    """Scanners and proxies send it: refused like a GET, else filtered, never stored."""
    visitor = Visitor()
    got = visitor.ask(path, query, headers=IMAGE)
    stored = len(visitor.outbox.events)
    head = visitor.ask(path, query, method="HEAD", headers=IMAGE)
    assert head.body == b""
    assert head.status == got.status
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(GIF))
    assert head.headers["content-type"] == "image/gif"
    assert head.outcome == (("filtered", "head") if got.outcome[0] == "stored" else got.outcome)
    assert len(visitor.outbox.events) == stored


def test_head_comes_before_privacy() -> None:
    """The contract's precedence."""
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(gpc="filter")
    asked = visitor.pixel("anonymousId=a1", method="HEAD", headers={"Sec-GPC": "1"})
    assert asked.outcome == ("filtered", "head")


@pytest.mark.parametrize("path", ROUTES)
def test_a_preflight_is_answered(path: str) -> None:
    """204, and nobody counts it."""
    visitor = Visitor()
    reply = visitor.ask(path, PAGE, method="OPTIONS", headers={"Origin": "https://shop.example"})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert not [name for name in reply.headers if name.startswith("x-pixelwire")]
    assert (visitor.outbox.received_by_hour, ledger(visitor)) == ({}, {})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "PROPFIND"])
def test_other_methods_are_not_allowed(method: str) -> None:
    """405 with what is, and nobody counts it."""
    visitor = Visitor()
    reply = visitor.ask("/pixel/v1/page", PAGE, method=method)
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    assert not [name for name in reply.headers if name.startswith("x-pixelwire")]
    assert (visitor.outbox.received_by_hour, ledger(visitor)) == ({}, {})


@pytest.mark.parametrize(
    "path", ["/", "", "/pixel/v1/page/", "/pixel/v1", "/pixel/v1/identify", "*", "/PIXEL/v1/page"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_other_paths_are_not_found(path: str, method: str) -> None:
    """404 whatever the method, and nobody counts it."""
    visitor = Visitor()
    reply = visitor.ask(path, PAGE, method=method)
    assert reply.status == 404
    assert reply.body == (b"" if method == "HEAD" else b"not found")
    assert not [name for name in reply.headers if name.startswith("x-pixelwire")]
    assert (visitor.outbox.received_by_hour, ledger(visitor)) == ({}, {})


def test_an_image_that_is_not_there_still_renders() -> None:
    """Image or text is one rule for every status."""
    assert Visitor().ask("/favicon.ico", headers=IMAGE).body == GIF
    assert Visitor().ask("/pixel/v1/page", method="POST", headers=IMAGE).body == GIF


def test_robots_are_asked_to_stay_away() -> None:
    """From everything."""
    visitor = Visitor()
    reply = visitor.ask("/robots.txt", headers=IMAGE)
    assert (reply.status, reply.body) == (200, b"User-agent: *\nDisallow: /\n")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert visitor.ask("/robots.txt", method="HEAD").body == b""
    posted = visitor.ask("/robots.txt", method="POST")
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")
    assert (visitor.outbox.received_by_hour, ledger(visitor)) == ({}, {})


def test_a_stored_event_is_left_to_the_recorder_to_count() -> None:
    """The app counts that it was received, nothing more."""
    visitor = Visitor()
    assert visitor.ask("/pixel/v1/page", PAGE).outcome == ("stored", None)
    assert visitor.outbox.received_by_hour == {HOUR: 1}
    assert ledger(visitor) == {}


def test_what_was_dropped_is_counted_by_reason() -> None:
    """For the event that was put, stored or duplicate."""
    visitor = Visitor()
    for outcome in ("stored", "duplicate"):
        reply = visitor.ask("/pixel/v1/page", PAGE + "&messageId=m&a*=1&b*=2&type=x&properties=y")
        assert (reply.outcome, reply.dropped) == ((outcome, None), 4)
    assert ledger(visitor) == {
        (PIXEL, "dropped", "wildcard"): 4,
        (PIXEL, "dropped", "server_field"): 2,
        (PIXEL, "dropped", "not_an_object"): 2,
    }


def test_what_left_no_event_is_counted_with_what_is_known() -> None:
    """Under the pixel once it is known, else under none; dropped parameters are not."""
    visitor = Visitor()
    visitor.ask("/pixel/v1/page", "x" * 40_000)
    visitor.ask("/pixel/v1/page", "a*=1")
    visitor.ask("/pixel/v1/page", "writeKey=x&a*=1")
    visitor.ask("/pixel/v1/page", f"writeKey={WRITE_KEY}&a*=1")
    visitor.ask("/pixel/v1/track", PAGE)
    visitor.ask("/pixel/v1/page", PAGE + "&a*=1", method="HEAD")
    assert ledger(visitor) == {
        (0, "refused", "query_too_long"): 1,
        (0, "refused", "write_key_missing"): 1,
        (0, "refused", "write_key_unknown"): 1,
        (PIXEL, "refused", "identity_missing"): 1,
        (PIXEL, "refused", "event_missing"): 1,
        (PIXEL, "filtered", "head"): 1,
    }
    assert visitor.outbox.received_by_hour == {HOUR: 6}


def test_a_disabled_pixel_is_counted_under_itself() -> None:
    """Its owner sees that tags are still out."""
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(is_enabled=False)
    visitor.ask("/pixel/v1/page", PAGE)
    assert ledger(visitor) == {(PIXEL, "refused", "pixel_disabled"): 1}


def test_past_a_limit_is_429() -> None:
    """With the time to wait, counted under the pixel, and the image still renders; then it goes on."""
    clock = ManualClock()
    visitor = Visitor(door=Door(clock, per_address=1))
    assert visitor.ask("/pixel/v1/page", PAGE).outcome == ("stored", None)
    reply = visitor.ask("/pixel/v1/page", PAGE)
    assert (reply.status, reply.outcome, reply.body) == (
        429,
        ("refused", "rate_limited"),
        b"too many requests",
    )
    assert reply.headers["retry-after"] == "1"
    assert visitor.ask("/pixel/v1/page", PAGE, headers=IMAGE).body == GIF
    assert visitor.ask("/pixel/v1/page", PAGE, peer="192.0.2.1").outcome == ("stored", None)
    clock.advance(1)
    assert visitor.ask("/pixel/v1/page", PAGE).outcome == ("stored", None)
    assert ledger(visitor) == {(PIXEL, "refused", "rate_limited"): 2}
    assert visitor.outbox.received_by_hour == {HOUR: 5}


def test_a_limit_comes_after_the_pixel_and_before_the_identity() -> None:
    """The contract's order; what is refused before it uses up nothing, what comes after it does."""
    visitor = Visitor(door=Door(ManualClock(), per_pixel=1))
    visitor.keys.table["off"] = make_entry(8, is_enabled=False)
    for query, reason in [
        ("x" * 40_000, "query_too_long"),
        ("", "write_key_missing"),
        ("writeKey=x", "write_key_unknown"),
        ("writeKey=off", "pixel_disabled"),
        ("writeKey=off", "pixel_disabled"),
        (f"writeKey={WRITE_KEY}", "identity_missing"),
        (f"writeKey={WRITE_KEY}", "rate_limited"),
    ]:
        assert visitor.ask("/pixel/v1/page", query).outcome == ("refused", reason)
    assert visitor.ask("/pixel/v1/page", PAGE, method="HEAD").status == 429


def test_behind_a_proxy_the_limit_is_each_visitors() -> None:
    """The address that the trusted proxy names is the one that counts."""
    door = Door(ManualClock(), per_address=1)
    visitor = Visitor(door=door, trusted_proxies=["127.0.0.1"])

    def status(address: str) -> int:
        return visitor.ask("/pixel/v1/page", PAGE, headers={"X-Forwarded-For": address}).status

    assert [status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.1")] == [200, 200, 429]
    assert status("192.0.2.9, 192.0.2.1") == 429  # what a visitor says of itself is not believed


def test_a_duplicate_is_told_so() -> None:
    """200, the same id; another pixel's is another."""
    visitor = Visitor()
    visitor.keys.table["other"] = make_entry(8)
    first = visitor.ask("/pixel/v1/page", PAGE + "&messageId=m1")
    again = visitor.ask("/pixel/v1/track", PAGE + "&messageId=m1%20&event=E")
    other = visitor.ask("/pixel/v1/page", "writeKey=other&anonymousId=a1&messageId=m1")
    assert [first.outcome[0], again.outcome[0], other.outcome[0]] == ["stored", "duplicate", "stored"]
    assert (again.status, again.body, again.headers["x-pixelwire-message-id"]) == (200, b"OK", "m1")


@pytest.mark.parametrize("failure", list(Failure))
def test_a_batch_that_failed_is_a_503(failure: Failure) -> None:
    """The outbox has counted it; the image still renders."""
    visitor = Visitor()
    visitor.outbox.fails_with = failure
    reply = visitor.ask("/pixel/v1/page", PAGE + "&messageId=m")
    assert (reply.status, reply.outcome) == (503, ("failed", failure.value))
    assert reply.body.decode() == f"the event could not be stored: {failure.value}"
    assert int(reply.headers["retry-after"]) > 0
    assert "x-pixelwire-message-id" not in reply.headers
    assert visitor.ask("/pixel/v1/page", PAGE, headers=IMAGE).body == GIF
    assert ledger(visitor) == {}


@pytest.mark.parametrize("failure", [Failure.QUEUE_FULL, Failure.RECORDER_UNREACHABLE])
def test_what_can_not_be_held_is_a_503_at_once(failure: Failure) -> None:
    """Counted here, since nobody else saw it; without its dropped parameters."""
    visitor = Visitor()
    visitor.outbox.refuses_with = failure
    reply = visitor.ask("/pixel/v1/page", PAGE + "&a*=1", headers=IMAGE)
    assert (reply.status, reply.outcome, reply.body) == (503, ("failed", failure.value), GIF)
    assert reply.dropped == 0
    assert ledger(visitor) == {(PIXEL, "failed", failure.value): 1}


def test_while_the_catalog_is_away_known_pixels_go_on() -> None:
    """A key nobody can look up is our failure, not the sender's."""
    visitor = Visitor()
    visitor.keys.failure = Failure.CATALOG_UNREACHABLE
    assert visitor.ask("/pixel/v1/page", PAGE).outcome == ("stored", None)
    reply = visitor.ask("/pixel/v1/page", "writeKey=x&anonymousId=a1")
    assert (reply.status, reply.outcome) == (503, ("failed", "catalog_unreachable"))
    assert ledger(visitor) == {(0, "failed", "catalog_unreachable"): 1}


def test_the_answer_waits_until_the_event_is_safe() -> None:
    """Not a byte before."""

    async def play() -> None:
        visitor = Visitor()
        visitor.outbox.waiting = []
        asking = asyncio.create_task(visitor.asking("/pixel/v1/page", PAGE))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not asking.done()
        visitor.outbox.waiting[0].fate.tell(BatchResult(None))
        assert (await asking).outcome == ("stored", None)

    asyncio.run(play())


def test_a_client_that_leaves_takes_nobody_with_it() -> None:
    """A request that is cancelled while its batch is on the way does not disturb the batch."""

    async def play() -> None:
        visitor = Visitor()
        visitor.outbox.waiting = []
        leaving = asyncio.create_task(visitor.asking("/pixel/v1/page", PAGE))
        await asyncio.sleep(0)
        batch = visitor.outbox.waiting[0]
        leaving.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        batch.fate.tell(BatchResult(None))
        await asyncio.wait([leaving])
        assert leaving.cancelled()

    asyncio.run(play())


def test_an_unknown_peer_has_no_address() -> None:
    """As behind a unix socket."""
    visitor = Visitor()
    visitor.ask("/pixel/v1/page", PAGE, peer=None)
    assert "request_ip" not in visitor.payload
