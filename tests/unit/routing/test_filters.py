"""Filters by call, signal and event name."""

from typing import Any

import pytest

from pixelwire.event import Call, Signal, StoredEvent
from pixelwire.routing.route import Failed, Filtered, Routed, parse_route
from support.routes import stored, viewed

ORDER = stored(name="Order Completed", signal=Signal.PURCHASE)
CLICK = stored(name="Clicked")


@pytest.mark.parametrize(
    ("filters", "event", "reason"),
    [
        ({"calls": ["track"]}, ORDER, ""),
        ({"calls": ["track"]}, viewed(), "call is page"),
        ({"calls": ["page"]}, ORDER, "call is track"),
        ({"calls": ["page", "track"]}, viewed(), ""),
        ({"signals": ["PURCHASE", "LEAD"]}, ORDER, ""),
        ({"signals": ["PURCHASE"]}, viewed(), "signal is VIEW"),
        ({"signals": ["PURCHASE"]}, CLICK, "signal is none"),
        ({"not_signals": ["VIEW"]}, viewed(), "signal is VIEW"),
        ({"not_signals": ["VIEW"]}, CLICK, ""),
        ({"events": ["Order Completed"]}, ORDER, ""),
        ({"events": ["order completed"]}, ORDER, "the event is none of `events`"),
        ({"events": ["Order *"]}, ORDER, ""),
        ({"events": ["*"]}, CLICK, ""),
        ({"events": ["Clicked"]}, viewed(), "a page has no event name"),
        ({"not_events": ["Order *"]}, ORDER, "the event is `Order *` of `not_events`"),
        ({"not_events": ["Clicked"]}, CLICK, "the event is `Clicked` of `not_events`"),
        ({"not_events": ["Clicked"]}, viewed(), ""),
        ({"not_events": ["Clicked"]}, viewed({"event": "Clicked"}), ""),
        ({"events": ["*"], "not_events": ["Clicked"]}, CLICK, "the event is `Clicked` of `not_events`"),
        ({"events": ["x"]}, stored({"event": 7}), "there is no event name"),
        ({}, ORDER, ""),
    ],
)
def test_a_filter_takes_or_leaves(filters: dict[str, Any], event: StoredEvent, reason: str) -> None:
    """With a reason that names the rule; the verdict and the whole way agree, and the bytes stay."""
    route = parse_route(filters, None)
    assert route.verdict(event) == (Filtered(reason) if reason else None)
    assert route.apply(event) == (Filtered(reason) if reason else Routed(event.payload))


def test_what_is_known_without_the_payload_is_asked_first() -> None:
    """An event that is filtered by its call is not read."""
    route = parse_route({"calls": ["page"], "conditions": [{"path": "a", "is": "b"}]}, None)
    assert route.verdict(stored(b"no JSON")) == Filtered("call is track")


def test_a_payload_that_can_not_be_read_is_a_failure_and_not_filtered() -> None:
    """The verdict leaves it to the whole way, which says what is wrong."""
    failed = Failed("the payload is no JSON object that can be read")
    for payload in (b"no JSON", b"[1]", b"\xff", b'{"event":', b'{"a":' * 5_000 + b"1" + b"}" * 5_000):
        for filters in ({"conditions": [{"path": "a", "exists": True}]}, {"events": ["x"]}):
            route = parse_route(filters, None)
            assert (route.verdict(stored(payload)), route.apply(stored(payload))) == (None, failed)
        assert parse_route(None, [{"remove": ["a"]}]).apply(stored(payload)) == failed


def test_a_call_or_signal_of_a_newer_program_is_no_error() -> None:
    """Numbers that are not known yet are filtered like any other."""
    event = StoredEvent(1, 1, 0, Call.TRACK, 99, b"{}", b"")
    assert parse_route({"signals": ["VIEW"]}, None).verdict(event) == Filtered("signal is none")
