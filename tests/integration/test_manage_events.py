"""Events and receipts of our own API (wire.md 3), over real files."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from pixelwire.catalog.pixels import Pixel
from pixelwire.event import Call, Extra, Signal
from support.asgi import NOW_MS, Answer, Api
from support.catalogs import make_shop
from support.events import make_event, record

EVENT_MEMBERS = [
    *(
        "message_id",
        "pixel_id",
        "seq",
        "received_at",
        "call",
        "event_name",
        "signal",
        "dropped",
        "facts",
        "payload",
    )
]


class Shop(Api):
    """With a pixel, and events of it."""

    pixel: Pixel

    @property
    def events(self) -> str:
        return f"/api/v1/pixels/{self.pixel.id}/events"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        api.pixel = make_shop(tmp_path).pixel
        yield api


def store(shop: Shop, *message_ids: str, pixel: int | None = None) -> None:
    number = shop.pixel.number if pixel is None else pixel
    record(
        shop.data_dir,
        [make_event(number, message_id=message_id, received_ms=NOW_MS) for message_id in message_ids],
    )


def ids(answer: Answer) -> list[str]:
    return [event["message_id"] for event in answer.json()["events"]]


# -- The receipt -----------------------------------------------------------------------------------


def test_a_receipt_has_exactly_its_members(shop: Shop) -> None:
    """In the contract's order; dropped parameters with the number of all, facts as they were."""
    extra = Extra(
        dropped=[("a|b", "wildcard")],
        dropped_total=3,
        facts={"method": "GET", "http_version": "1.1", "via": "1.1 proxy"},
    )
    event = make_event(
        shop.pixel.number,
        call=Call.TRACK,
        name="Order Completed",
        signal=Signal.PURCHASE,
        message_id="m1",
        received_ms=NOW_MS,
        extra=msgspec.json.encode(extra),
    )
    record(shop.data_dir, [event])
    answer = shop.get(f"{shop.events}/m1")
    assert (answer.status, list(answer.json())) == (200, [*EVENT_MEMBERS, "deliveries"])
    assert answer.json() == {
        "message_id": "m1",
        "pixel_id": shop.pixel.id,
        "seq": 1,
        "received_at": "2026-01-23T04:56:07.089Z",
        "call": "track",
        "event_name": "Order Completed",
        "signal": "PURCHASE",
        "dropped": {"total": 3, "parameters": [{"key": "a|b", "reason": "wildcard"}]},
        "facts": {"method": "GET", "http_version": "1.1", "via": "1.1 proxy"},
        "payload": json.loads(event.payload),
        "deliveries": [],
    }


def test_a_page_view_has_no_event_name(shop: Shop) -> None:
    """Whatever its parameters call themselves."""
    record(shop.data_dir, [make_event(shop.pixel.number, message_id="m1", payload={"event": {"odd": True}})])
    receipt = shop.get(f"{shop.events}/m1").json()
    assert (receipt["call"], receipt["event_name"], receipt["signal"]) == ("page", None, "VIEW")
    assert (receipt["dropped"], receipt["facts"]) == ({"total": 0, "parameters": []}, {})


def test_the_payload_goes_out_byte_for_byte(shop: Shop) -> None:
    """Numbers keep their digits and members their order: it is not decoded on the way."""
    payload = b'{"messageId":"m1","type":"page","n":1.10,"big":123456789012345678901234567890,"u":"\\u00e9"}'
    event = make_event(shop.pixel.number, message_id="m1")._replace(payload=payload)
    record(shop.data_dir, [event])
    assert payload in shop.get(f"{shop.events}/m1").body
    assert payload in shop.get(shop.events).body


@pytest.mark.parametrize(
    "message_id", ["a/b", "a//b/", "ä ö", "100%", "a%2Fb", "?x=1&y", "#1", "..", "a\"b'c", "日本" * 50]
)
def test_any_message_id_leads_to_its_receipt(shop: Shop, message_id: str) -> None:
    """The id is the rest of the path, percent-encoded as the pixel's answer gives it."""
    store(shop, message_id)
    assert shop.get(f"{shop.events}/{quote(message_id, safe='/')}").json()["message_id"] == message_id


def test_the_newest_of_several_is_shown(shop: Shop) -> None:
    """An id that came again after the 48 h of duplicates."""
    store(shop, "m1")
    record(
        shop.data_dir, [make_event(shop.pixel.number, message_id="m1", received_ms=NOW_MS + 49 * 3_600_000)]
    )
    assert shop.get(f"{shop.events}/m1").json()["seq"] == 2


@pytest.mark.parametrize("message_id", ["never", "", "a/b/c", "%00", "%0A", "x" * 5_000])
def test_what_was_never_stored_has_no_receipt(shop: Shop, message_id: str) -> None:
    """404 for any form of id, and for another pixel's."""
    store(shop, "m2", pixel=shop.pixel.number + 1)
    assert shop.get(f"{shop.events}/{message_id}").status == 404
    assert shop.get(f"{shop.events}/m2").status == 404


def test_deliveries_are_of_the_destinations_that_cover_the_pixel(shop: Shop) -> None:
    """Not of those with other pixels, of other businesses, or begun later."""
    catalog, business = shop.catalog, shop.pixel.business_id
    second = catalog.create_pixel(business, "https://x.example", "Second")
    other = catalog.create_business("Other")
    store(shop, "m1")
    everything = catalog.create_destination(business, "webhook", "All", {"url": "https://a.example"})
    chosen = catalog.create_destination(business, "webhook", "Chosen", {}, [shop.pixel.id])
    catalog.create_destination(business, "webhook", "Other pixel", {}, [second.id])
    catalog.create_destination(business, "webhook", "Later", {}, start_after=1)
    catalog.create_destination(other.id, "webhook", "Foreign", {})
    deliveries = shop.get(f"{shop.events}/m1").json()["deliveries"]
    assert [entry["destination_id"] for entry in deliveries] == [everything.id, chosen.id]
    assert deliveries[0] == {
        "destination_id": everything.id,
        "destination_name": "All",
        "kind": "webhook",
        "state": "pending",
        "attempts": 0,
        "reason": None,
        "at": None,
        "next_at": None,
        "replays": [],
    }


# -- The list --------------------------------------------------------------------------------------


def test_events_come_in_order_with_the_receipts_shape(shop: Shop) -> None:
    """Without deliveries; only this pixel's."""
    store(shop, "m1")
    store(shop, "foreign", pixel=shop.pixel.number + 1)
    store(shop, "m2")
    answer = shop.get(shop.events)
    assert (answer.status, list(answer.json()), ids(answer)) == (200, ["events", "next_after"], ["m1", "m2"])
    assert [list(event) for event in answer.json()["events"]] == [EVENT_MEMBERS, EVENT_MEMBERS]
    assert answer.json()["next_after"] == 3
    receipt = shop.get(f"{shop.events}/m1").json()
    receipt.pop("deliveries")
    assert answer.json()["events"][0] == receipt


def test_a_reader_goes_on_where_it_stopped(shop: Shop) -> None:
    """Page by page to an empty one, each event once."""
    store(shop, *(f"m{number}" for number in range(5)))
    seen: list[str] = []
    after, pages = 0, 0
    while page := shop.get(shop.events, after=after, limit=2).json():
        if not page["events"]:
            break
        seen += [event["message_id"] for event in page["events"]]
        after, pages = page["next_after"], pages + 1
    assert (seen, pages, after) == ([f"m{number}" for number in range(5)], 3, 5)


def test_foreign_events_are_passed_over(shop: Shop) -> None:
    """Other pixels' events move `next_after` to the end, so nobody reads them again."""
    store(shop, *(f"f{number}" for number in range(50)), pixel=shop.pixel.number + 1)
    assert shop.get(shop.events, limit=10).json() == {"events": [], "next_after": 50}


def test_nothing_recorded_is_an_empty_page(shop: Shop) -> None:
    """Before the first event there is no store at all."""
    assert shop.get(shop.events).json() == {"events": [], "next_after": 0}


@pytest.mark.parametrize(
    "accept", ["application/x-ndjson", "application/x-ndjson;q=1, */*", "application/jsonl"]
)
def test_ndjson_is_one_event_a_line(shop: Shop, accept: str) -> None:
    """The same events; how far it got is in a header."""
    store(shop, "m1", "m2")
    answer = shop.call("GET", shop.events, headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.body.splitlines()] == shop.get(shop.events).json()["events"]
    assert answer.headers["x-pixelwire-next-after"] == "2"
    assert answer.body.endswith(b"\n")


def test_a_position_beyond_the_head_is_loud(shop: Shop) -> None:
    """It is of another store, or of one that was restored: silence would hide new events for good."""
    store(shop, "m1")
    assert shop.get(shop.events, after=1).status == 200
    answer = shop.get(shop.events, after=2, wait=5)
    assert (answer.status, answer.fields) == (400, ["after"])


def test_a_position_of_another_store_is_loud(shop: Shop) -> None:
    """A client that says which store it read hears when the data directory is another."""
    store(shop, "m1")
    known = shop.get(shop.events).headers["x-pixelwire-store"]
    assert known
    assert shop.get(shop.events, after=1, store=known).status == 200
    assert shop.get(shop.events, after=1, store="another").fields == ["store"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"after": -1, "limit": 0, "wait": -1}, ["after", "limit", "wait"]),
        ({"after": "x", "limit": 1_001, "wait": 31}, ["after", "limit", "wait"]),
        ({"after": 2**63, "wait": "nan"}, ["after", "wait"]),
    ],
)
def test_every_bad_parameter_is_named(shop: Shop, query: dict[str, object], fields: list[str]) -> None:
    """All at once."""
    answer = shop.get(shop.events, **query)
    assert (answer.status, answer.fields) == (400, fields)


# -- Waiting ---------------------------------------------------------------------------------------


def test_who_waits_gets_the_next_event(shop: Shop) -> None:
    """As soon as it is on disk; other pixels' events do not end the waiting."""
    store(shop, "m1")

    async def wait_and_store() -> Answer:
        waiting = asyncio.create_task(shop.ask("GET", shop.events, query={"after": 1, "wait": 30}))
        for message_id, pixel in [("foreign", shop.pixel.number + 1), ("m2", None)]:
            await asyncio.to_thread(store, shop, message_id, pixel=pixel)
        return await asyncio.wait_for(waiting, 10)

    answer = shop.run(wait_and_store())
    assert (ids(answer), answer.json()["next_after"]) == (["m2"], 3)


def test_waiting_ends_when_the_time_is_over(shop: Shop) -> None:
    """With an empty page that says how far it looked."""
    store(shop, "m1")
    assert shop.get(shop.events, after=1, wait=0.2).json() == {"events": [], "next_after": 1}


def test_many_who_wait_hold_no_thread(shop: Shop) -> None:
    """A hundred wait, and Get pixel is answered all the same."""
    store(shop, "m1")

    async def wait_and_ask() -> tuple[Answer, list[Answer]]:
        waiting = [
            asyncio.create_task(shop.ask("GET", shop.events, query={"after": 1, "wait": 30}))
            for _ in range(100)
        ]
        other = await asyncio.wait_for(shop.ask("GET", f"/api/v1/pixels/{shop.pixel.id}"), 10)
        await asyncio.to_thread(store, shop, "m2")
        return other, await asyncio.wait_for(asyncio.gather(*waiting), 20)

    other, answers = shop.run(wait_and_ask())
    assert other.status == 200
    assert {tuple(ids(answer)) for answer in answers} == {("m2",)}


def test_a_server_that_stops_answers_who_waits(shop: Shop) -> None:
    """At once, with what there is."""
    store(shop, "m1")

    async def wait_and_stop() -> Answer:
        waiting = asyncio.create_task(shop.ask("GET", shop.events, query={"after": 1, "wait": 30}))
        while not shop.app.state.office.head._waiting:
            await asyncio.sleep(0)
        await shop.app.state.office.head.stop()
        return await asyncio.wait_for(waiting, 5)

    assert shop.run(wait_and_stop()).json() == {"events": [], "next_after": 1}
