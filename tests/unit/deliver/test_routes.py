"""Filters on the way in and transforms on the way out."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.deliver.routes import SLICE_EVENTS, Held, Routes
from pixelwire.deliver.tickets import ticket_of
from pixelwire.destinations.base import Item
from pixelwire.errors import Misconfigured
from pixelwire.event import Call, StoredEvent
from pixelwire.routing.route import Failed, Filtered, parse_route
from support.routes import install_transforms

ROOM = 1_000_000


def make_event(seq: int, **members: Any) -> StoredEvent:
    payload = {"type": "page", "messageId": f"m{seq}", "anonymousId": f"v{seq}", **members}
    return StoredEvent(seq, 1, 0, Call.PAGE, 0, msgspec.json.encode(payload), b"")


def shape(
    transforms: Sequence[dict[str, Any]], events: Sequence[StoredEvent], bytes_max: int = ROOM
) -> list[Item | Filtered | Failed]:
    async def run() -> list[Item | Filtered | Failed]:
        routes = Routes(parse_route(None, list(transforms)), str)
        try:
            return await routes.items([ticket_of(event) for event in events], bytes_max)
        finally:
            routes.close()

    return asyncio.run(run())


def test_filters_hold_back_with_a_reason() -> None:
    """What goes keeps its order."""
    condition = {"path": "properties.price", "is": "9"}
    events = [make_event(seq, properties={"price": str(seq % 10)}) for seq in range(1, SLICE_EVENTS + 20)]

    async def run() -> tuple[Sequence[StoredEvent], list[Held]]:
        return await Routes(parse_route({"conditions": [condition]}, None), str).choose(events)

    going, held = asyncio.run(run())
    assert [event.seq for event in going] == [seq for seq in range(1, SLICE_EVENTS + 20) if seq % 10 == 9]
    assert held[0] == (1, "condition 1 (properties.price) does not hold")
    assert len(held) + len(going) == len(events)


def test_without_rules_an_item_is_as_stored() -> None:
    """The same bytes."""
    [item] = shape([], [make_event(1)])
    assert isinstance(item, Item)
    assert item.payload == make_event(1).payload
    assert (item.seq, item.message_id, item.identity, item.pixel_id) == (1, "m1", "v1", "1")


def test_an_item_has_the_identity_it_is_sent_with() -> None:
    """What its owner removed or hashed does not leave the house beside the payload; the id stays."""
    [item] = shape([{"remove": ["anonymousId"]}], [make_event(1)])
    assert isinstance(item, Item)
    assert b"v1" not in item.payload
    assert (item.identity, item.message_id) == ("", "m1")


def test_what_becomes_larger_is_cut() -> None:
    """As many as fit go, one at least."""
    grown = [{"set": {"properties.text": "x" * 1_000}}]
    events = [make_event(seq) for seq in range(1, 11)]
    assert len(shape(grown, events, bytes_max=3_500)) == 3
    assert len(shape(grown, events, bytes_max=10)) == 1
    assert len(shape(grown, events)) == 10


def test_a_function_may_leave_out_or_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Event by event; it runs in another thread than what it must not hold up."""
    source = (
        "import threading\n"
        "def thread(payload, event):\n"
        "    if event.seq == 2: return None\n"
        "    if event.seq == 3: raise ValueError(payload)\n"
        "    return payload | {'thread': threading.current_thread().name}\n"
    )
    install_transforms(tmp_path, monkeypatch, "shaping", source)
    first, second, third = shape([{"function": "thread"}], [make_event(seq) for seq in (1, 2, 3)])
    assert isinstance(first, Item)
    assert msgspec.json.decode(first.payload)["thread"].startswith("route")
    assert second == Filtered("left out by the function `thread`")
    assert isinstance(third, Failed)
    assert "ValueError in line 4" in third.reason


def test_a_function_that_hangs_is_its_owners_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The destination pauses; nothing else waits for it."""
    monkeypatch.setattr("pixelwire.deliver.routes.FUNCTION_S_MAX", 0.1)
    release = threading.Event()
    monkeypatch.setattr(threading, "hanging", release, raising=False)
    source = (
        "import threading\ndef hang(payload, event):\n    threading.hanging.wait(30)\n    return payload\n"
    )
    install_transforms(tmp_path, monkeypatch, "hanging", source)
    try:
        with pytest.raises(Misconfigured, match="a function took longer than 0 s for 1 events"):
            shape([{"function": "hang"}], [make_event(1)])
    finally:
        release.set()
