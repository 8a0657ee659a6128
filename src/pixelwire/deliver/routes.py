"""Which of a destination's events go, and in what shape: its owner's declaration applied to those that are
read and to those that are sent. Knows no destination's own options and no sending.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from pixelwire.catalog.snapshot import DestinationEntry
from pixelwire.deliver.tickets import Ticket, item_of
from pixelwire.destinations.base import GiveUp, Item, Misconfigured
from pixelwire.errors import InvalidFields
from pixelwire.event import StoredEvent
from pixelwire.routing.payload import sendable_identity
from pixelwire.routing.route import Failed, Filtered, Route, Routed, parse_route

Held = tuple[StoredEvent, str]  # an event that does not go, and why


class Shaped(NamedTuple):
    """What becomes of tickets that are about to be sent."""

    tickets: list[Ticket]  # those that go
    items: list[Item]  # as they go
    decided: list[tuple[Ticket, Filtered | GiveUp]]  # those that do not, after all
    failed_casts: int


class Routes:
    """Of one loop."""

    def __init__(self, route: Route, pixel_id: Callable[[int], str], replay: str = "") -> None:
        self._route = route
        self._pixel_id = pixel_id
        self._replay = replay

    def choose(self, events: Sequence[StoredEvent]) -> tuple[Sequence[StoredEvent], list[Held]]:
        """Events that go, and those that the filters hold back."""
        if self._route.filters is None:
            return events, []
        going: list[StoredEvent] = []
        held: list[Held] = []
        for event in events:
            verdict = self._route.verdict(event)
            if verdict is None:
                going.append(event)
            else:
                held.append((event, verdict.reason))
        return going, held

    def shape(self, tickets: Sequence[Ticket]) -> Shaped:
        """What is sent for each. Filters are asked once more: they may be others than when it was parked."""
        shaped = Shaped([], [], [], 0)
        if self._route.is_plain:
            items = [item_of(ticket, self._pixel_id, self._replay) for ticket in tickets]
            return shaped._replace(tickets=list(tickets), items=items)
        failed_casts = 0
        for ticket in tickets:
            routed = self._route.apply(_event_of(ticket))
            if isinstance(routed, Routed):
                failed_casts += routed.failed_casts
                item = item_of(ticket, self._pixel_id, self._replay)
                shaped.tickets.append(ticket)
                identity = sendable_identity(item.identity, routed.payload)
                shaped.items.append(msgspec.structs.replace(item, payload=routed.payload, identity=identity))
            elif isinstance(routed, Failed):
                shaped.decided.append((ticket, GiveUp(routed.reason)))
            else:
                shaped.decided.append((ticket, routed))
        return shaped._replace(failed_casts=failed_casts)


def route_of(entry: DestinationEntry) -> Route:
    """What its owner declared. Misconfigured when this server can not do it: no event is lost for that."""
    try:
        route = parse_route(entry.filters, entry.transforms)
    except InvalidFields as exc:
        raise Misconfigured(f"the routing is not valid: {exc}", hint="correct it") from exc
    route.load()
    return route


def _event_of(ticket: Ticket) -> StoredEvent:
    return StoredEvent(
        ticket.seq, ticket.pixel, ticket.received_ms, ticket.call, ticket.signal, ticket.payload, b""
    )
