"""Which of a destination's events go, and in what shape: its owner's declaration applied to those that are
read and to those that are sent. Knows no destination's own options, and nothing durable.

Payloads stay as they were stored in whatever is kept; only what is sent has another shape.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pixelwire.catalog.snapshot import DestinationEntry
from pixelwire.deliver.envelope import read_envelope
from pixelwire.deliver.tickets import Ticket, event_of, item_of
from pixelwire.destinations.base import Item
from pixelwire.errors import InvalidFields, Misconfigured
from pixelwire.event import StoredEvent
from pixelwire.routing.choosing import FunctionCall
from pixelwire.routing.route import Failed, Filtered, Route, Routed, parse_route

Held = tuple[int, str]  # the seq of an event that does not go, and why

SLICE_EVENTS: Final = 64  # then others have their turn; what a transform can make of them at most is 64 MiB
FUNCTION_S_MAX: Final = 60.0  # for a slice


class Routes:
    """Of one loop. An owner's function runs in a thread of its own: one that hangs holds nobody else up."""

    def __init__(self, route: Route, pixel_id: Callable[[int], str], replay: str = "") -> None:
        self._route = route
        self._transforms = Route(None, route.transforms)  # for those that the filters let in just now
        self._pixel_id = pixel_id
        self._replay = replay
        has_function = any(isinstance(transform, FunctionCall) for transform in route.transforms)
        self._thread = ThreadPoolExecutor(1, "route") if has_function else None

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def choose(self, events: Sequence[StoredEvent]) -> tuple[Sequence[StoredEvent], list[Held]]:
        """Events that go, and those that the filters hold back."""
        if self._route.filters is None:
            return events, []
        going: list[StoredEvent] = []
        held: list[Held] = []
        for place, event in enumerate(events, 1):
            verdict = self._route.verdict(event)
            if verdict is None:
                going.append(event)
            else:
                held.append((event.seq, verdict.reason))
            if place % SLICE_EVENTS == 0:
                await asyncio.sleep(0)
        return going, held

    async def items(self, tickets: Sequence[Ticket], bytes_max: int) -> list[Item | Filtered | Failed]:
        """What is sent for the first tickets, as many as fit, one at least; or why it is not.

        Misconfigured when an owner's function does not come back.
        """
        if self._route.is_plain:
            return [item_of(ticket, self._pixel_id, self._replay) for ticket in tickets]
        shaped: list[Item | Filtered | Failed] = []
        size = 0
        for start in range(0, len(tickets), SLICE_EVENTS):
            some = tickets[start : start + SLICE_EVENTS]
            for ticket, routed in zip(some, await self._apply(some), strict=True):
                if not isinstance(routed, Routed):
                    shaped.append(routed)
                    continue
                if size and size + len(routed.payload) > bytes_max:
                    return shaped
                size += len(routed.payload)
                shaped.append(self._item(ticket, routed))
        return shaped

    async def _apply(self, tickets: Sequence[Ticket]) -> list[Routed | Filtered | Failed]:
        if self._thread is None:
            await asyncio.sleep(0)
            return self._applied(tickets)
        applied = asyncio.get_running_loop().run_in_executor(self._thread, self._applied, tickets)
        try:
            return await asyncio.wait_for(applied, FUNCTION_S_MAX)
        except TimeoutError as exc:
            text = f"a function took longer than {FUNCTION_S_MAX:.0f} s for {len(tickets)} events"
            raise Misconfigured(text, hint="mend it, restart the server and resume the destination") from exc

    def _applied(self, tickets: Sequence[Ticket]) -> list[Routed | Filtered | Failed]:
        """What was parked may have been so under other filters: they are asked once more."""
        return [
            (self._transforms if ticket.row is None else self._route).apply(event_of(ticket))
            for ticket in tickets
        ]

    def _item(self, ticket: Ticket, routed: Routed) -> Item:
        """With the identity that the payload has now: the one it had may be what was to be hidden."""
        ticket.failed_casts = routed.failed_casts
        identity = read_envelope(routed.payload).identity
        return item_of(ticket, self._pixel_id, self._replay, payload=routed.payload, identity=identity)


def route_of(entry: DestinationEntry) -> Route:
    """What its owner declared. Misconfigured when this server can not do it: no event is lost for that."""
    try:
        route = parse_route(entry.filters, entry.transforms)
    except InvalidFields as exc:
        raise Misconfigured(f"the routing is not valid: {exc}", hint="correct it") from exc
    route.load()
    return route
