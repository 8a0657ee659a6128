"""Payloads as rows: what RudderStack's warehouse makes of them, and what becomes of the rest."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwire.destinations.base import Item
from pixelwire.destinations.postgres.shape import Shaped, Unshapeable, shape

PIXEL = "5" * 32
NOW = "2026-01-23T04:56:07.089Z"
OWN = {"id": "m1", "context_source_id": PIXEL, "received_at": NOW}


def shaped(payload: dict[str, Any] | bytes, call: str = "track", message_id: str = "m1") -> Shaped:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return shape(Item(1, message_id, PIXEL, call, 1_769_144_167_089, "a1", 1, body))  # type: ignore[arg-type] # a literal


def discarded(found: Shaped) -> list[tuple[str, str, Any]]:
    return [(discard.table, discard.column, discard.value) for discard in found.discards]


def test_a_track_is_a_row_of_tracks_and_of_its_events_table() -> None:
    """The properties are in the event's table only; all else is in both."""
    found = shaped(
        {
            "channel": "web",
            "integrations": {"All": True},
            "originalTimestamp": NOW,
            "sentAt": NOW,
            "anonymousId": "a1",
            "userId": "u1",
            "event": "Order Completed",
            "properties": {"orderId": "7", "cart": {"value": "9.50"}},
            "context": {"page": {"url": "https://shop.example/"}, "ip": "203.0.113.0", "userAgent": "x"},
            "type": "track",
            "messageId": "m1",
            "rudderId": "r1",
            "receivedAt": NOW,
            "timestamp": NOW,
            "request_ip": "203.0.113.0",
        }
    )
    common = OWN | {
        "channel": "web",
        "original_timestamp": NOW,
        "sent_at": NOW,
        "timestamp": NOW,
        "anonymous_id": "a1",
        "user_id": "u1",
        "rudder_id": "r1",
        "event": "order_completed",
        "event_text": "Order Completed",
        "context_ip": "203.0.113.0",
        "context_request_ip": "203.0.113.0",
        "context_passed_ip": "203.0.113.0",
        "context_page_url": "https://shop.example/",
        "context_user_agent": "x",
    }
    assert found.rows == {
        "tracks": common,
        "order_completed": common | {"order_id": "7", "cart_value": "9.50"},
    }
    assert found.discards == []


def test_a_page_is_one_row_with_its_properties() -> None:
    """The name is the page's own, else its property's."""
    payload = {"type": "page", "properties": {"name": "Home", "path": "/"}, "receivedAt": NOW}
    assert shaped(payload, "page").rows == {"pages": OWN | {"name": "Home", "path": "/"}}
    named = shaped({**payload, "name": "Start"}, "page")
    assert named.rows["pages"]["name"] == "Start"
    assert discarded(named) == [("pages", "name", "Home")]


def test_other_members_are_columns_too() -> None:
    """RudderStack leaves them out. Of a track they are in `tracks`."""
    found = shaped(
        {"event": "X", "category": "shop", "traits": {"7": "x", "eMail": "e"}, "properties": {"a": "1"}}
    )
    assert found.rows["tracks"] == OWN | {
        "event": "x", "event_text": "X", "category": "shop", "traits_7": "x", "traits_e_mail": "e",
    }  # fmt: skip
    assert found.rows["x"] == OWN | {"event": "x", "event_text": "X", "a": "1"}


def test_digits_under_the_four_objects_are_columns() -> None:
    """`properties`, `context`, `traits` and `context.page` are always objects."""
    found = shaped(
        {
            "properties": {"7": "p"},
            "context": {"7": "c", "page": {"7": "g"}},
            "traits": {"7": "t"},
        },
        "page",
    )
    assert found.rows["pages"] == OWN | {"_7": "p", "context_7": "c", "context_page_7": "g", "traits_7": "t"}


def test_what_is_empty_is_no_value() -> None:
    """As for RudderStack. Zero and false are values."""
    payload = {
        "properties": {"a": "", "b": None, "c": [], "d": {}, "e": 0, "f": False, "g": 0.0},
        "userId": "",
    }
    assert shaped(payload, "page").rows["pages"] == OWN | {"e": 0, "f": False, "g": 0.0}


def test_names_that_come_out_the_same_share_a_column() -> None:
    """The first value stays, the second is discarded and says where it came from; the same value is none."""
    found = shaped({"properties": {"a b": "1", "a_b": "2", "aB": "1"}}, "page")
    assert found.rows["pages"] == OWN | {"a_b": "1"}
    [discard] = found.discards
    assert discard.value == "2"
    assert "'properties.a_b'" in discard.reason


@pytest.mark.parametrize(
    "member", ["id", "user_id", "context_source_id", "uuid_ts", "timestamp", "event", "eventText"]
)
def test_a_property_never_takes_a_column_of_every_event(member: str) -> None:
    """Not even where the event has no such value: a property `user_id` is no user."""
    found = shaped({"event": "X", "properties": {member: "stranger"}})
    assert "stranger" not in found.rows["x"].values()
    assert [discard.value for discard in found.discards] == ["stranger"]


def test_the_pixel_is_not_the_visitors_to_choose() -> None:
    """`context.source_id` would be the same column."""
    found = shaped({"context": {"source_id": "another"}}, "page")
    assert found.rows["pages"]["context_source_id"] == PIXEL
    assert discarded(found) == [("pages", "context_source_id", "another")]


def test_times_that_are_none_are_discarded() -> None:
    """And when it was received is known to us in any case."""
    found = shaped({"timestamp": "yesterday", "sentAt": 5, "receivedAt": "now"}, "page")
    assert found.rows["pages"] == OWN
    assert discarded(found) == [
        ("pages", "received_at", "now"), ("pages", "sent_at", 5), ("pages", "timestamp", "yesterday"),
    ]  # fmt: skip


def test_an_event_without_a_name_keeps_its_properties_in_discards() -> None:
    """There is no table to put them into."""
    found = shaped({"properties": {"a": "1"}})
    assert list(found.rows) == ["tracks"]
    assert discarded(found) == [("tracks", "a", "1")]


@pytest.mark.parametrize(
    "event", ['"; drop table tracks; --', "select", "🛒", "е" * 300, "Pages", "a\0b", "7"]
)
def test_an_odd_event_has_a_table_of_its_own(event: str) -> None:
    """And its name as it was sent, unless PostgreSQL can not hold it."""
    found = shaped({"event": event, "properties": {"a": "1"}})
    [own] = [table for table in found.rows if table != "tracks"]
    assert own not in {"pages", "select", "rudder_discards"}
    assert found.rows[own]["a"] == "1"
    assert found.rows["tracks"].get("event_text", event) == event


def test_an_object_in_place_of_a_text_is_flattened() -> None:
    """A transform may have made it so; nothing of it is lost."""
    found = shaped({"userId": {"a": "1"}, "event": {"b": "2"}, "timestamp": {"c": "3"}})
    assert found.rows == {"tracks": OWN | {"user_id_a": "1", "event_b": "2", "timestamp_c": "3"}}


def test_texts_and_lists_in_place_of_objects_are_columns() -> None:
    """`properties` and `context` that are none are members like others."""
    found = shaped({"properties": ["a"], "context": "c"}, "page")
    assert found.rows["pages"] == OWN | {"properties": ["a"], "context": "c"}


def test_what_postgresql_can_not_hold_is_discarded() -> None:
    """U+0000 and halves of characters, wherever they are; the event's other values are stored."""
    found = shaped(
        {"event": "X", "userId": "u\0", "properties": {"a": "\ud800", "b": "fine", "c\0d": "kept"}}
    )
    assert found.rows["x"] == OWN | {"event": "x", "event_text": "X", "b": "fine", "c_d": "kept"}
    assert discarded(found) == [("tracks", "user_id", "u\0"), ("x", "user_id", "u\0"), ("x", "a", "\ud800")]


def test_in_an_array_it_is_escaped() -> None:
    """Arrays are JSON, in which there is a way to write it."""
    assert (
        shaped({"properties": {"a": ["\0", "\ud800"]}}, "page").rows["pages"]["a"] == '["\\u0000","\\ud800"]'
    )


def test_numbers_past_all_range_are_kept_as_text() -> None:
    """JSON knows no bounds; all other numbers stay numbers beside them."""
    digits = "9" * 5_000
    found = shaped(
        f'{{"a": 1e999, "b": -1e400, "c": {digits}, "d": 1.5, "e": [{-(10**18)}]}}'.encode(), "page"
    )
    expected = {"a": "1e999", "b": "-1e400", "c": digits, "d": 1.5, "e": f"[{-(10**18)}]"}
    assert found.rows["pages"] == OWN | expected


def test_what_is_nested_deeper_than_a_pixel_can_send_is_json() -> None:
    """Only a transform can have made it."""
    payload: dict[str, Any] = {"a": "1"}
    for _ in range(50):
        payload = {"x": payload}
    row = shaped(payload, "page").rows["pages"]
    [(column, value)] = [(name, value) for name, value in row.items() if name not in OWN]
    assert column == "_".join(["x"] * 32)
    assert isinstance(value, dict)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[1]", b'"x"', b"null", b"\xff", b'{"a":"\xff"}', b'{"a":' * 5_000 + b"1" + b"}" * 5_000],
)
def test_what_is_no_object_has_no_rows(payload: bytes) -> None:
    """It would be so at every attempt."""
    with pytest.raises(Unshapeable, match="payload"):
        shaped(payload)


@given(st.binary() | st.text().map(lambda text: b'{"a":' + text.encode() + b"}"))
def test_no_bytes_do_more_than_having_no_rows(payload: bytes) -> None:
    """A fault of another kind would cost the whole batch an attempt."""
    try:
        found = shaped(payload)
    except Unshapeable:
        return
    assert "tracks" in found.rows


@pytest.mark.parametrize("message_id", ["a\0b", "\ud800", "ж" * 1_001])
def test_an_id_that_can_be_no_key_has_no_rows(message_id: str) -> None:
    """The collector makes no such id."""
    with pytest.raises(Unshapeable, match="message id"):
        shaped({}, message_id=message_id)
