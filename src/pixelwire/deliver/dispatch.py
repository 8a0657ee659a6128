"""Hands tickets to one destination as batches, and tells what came of each. Knows nothing durable, no queue.

A batch that is refused whole is sent in halves, down to the one event; one that transforms made too large is
sent in parts. Once something of it was sent, nothing is raised that would have it sent again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.routes import Routes
from pixelwire.deliver.tickets import FOLLOWS, Outcome, Ticket
from pixelwire.destinations.base import (
    Batch,
    Destination,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Refused,
    Retry,
    Unreachable,
)
from pixelwire.telemetry import logger

SEND_S_MAX: Final = 600.0  # a destination bounds its own sends; this is for one that does not


class Parcel(NamedTuple):
    identity_key: int  # as recorded: by it the order is kept
    item: Item


class Dispatch:
    def __init__(self, destination: Destination, routes: Routes, bytes_max: int) -> None:
        self._destination = destination
        self._routes = routes
        self._bytes_max = bytes_max

    async def send(self, tickets: Sequence[Ticket]) -> list[Outcome]:
        """One outcome for each. Unreachable or Misconfigured when nothing was sent."""
        outcomes: list[Outcome] = []
        waiting: set[int] = set()
        was_sent = False
        while rest := tickets[len(outcomes) :]:
            try:
                shaped = await self._routes.items(rest, self._bytes_max)
                parcels = [
                    Parcel(ticket.identity_key, item)
                    for ticket, item in zip(rest, shaped, strict=False)
                    if isinstance(item, Item)
                ]
                results = iter(await self._send_behind(parcels, waiting))
            except (Unreachable, Misconfigured) as exc:
                if not was_sent:
                    raise
                return [*outcomes, *[Retry(str(exc))] * len(rest)]
            was_sent |= bool(parcels)
            outcomes += [next(results) if isinstance(one, Item) else one for one in shaped]
        return outcomes

    async def _send_behind(self, parcels: Sequence[Parcel], waiting: set[int]) -> list[ItemResult]:
        """Sends those that need not wait for an earlier one of their identity; adds to those that wait."""
        going = [parcel for parcel in parcels if parcel.identity_key not in waiting] if waiting else parcels
        sent = iter(await self._send(going) if going else ())
        follows = Retry(FOLLOWS)
        results = [follows if parcel.identity_key in waiting else next(sent) for parcel in parcels]
        waiting.update(
            parcel.identity_key
            for parcel, result in zip(parcels, results, strict=True)
            if isinstance(result, Retry) and parcel.identity_key != NOBODY
        )
        return results

    async def _send(self, parcels: Sequence[Parcel]) -> Sequence[ItemResult]:
        try:
            async with asyncio.timeout(SEND_S_MAX):
                results = (await self._destination.send(Batch([parcel.item for parcel in parcels]))).results
        except (Unreachable, Misconfigured):
            raise
        except Refused as exc:
            return [GiveUp(str(exc))] if len(parcels) == 1 else await self._send_halves(parcels)
        except TimeoutError:
            return [Retry(f"no result within {SEND_S_MAX:.0f} s")] * len(parcels)
        except Exception as exc:  # noqa: BLE001 a fault of a plug-in costs this attempt, not the loop
            logger("deliver").exception("send_failed")
            return [Retry(f"the destination failed: {type(exc).__name__}")] * len(parcels)
        if len(results) != len(parcels):
            reason = f"the destination gave {len(results)} results for {len(parcels)} events"
            return [Retry(reason)] * len(parcels)
        return results

    async def _send_halves(self, parcels: Sequence[Parcel]) -> list[ItemResult]:
        middle = len(parcels) // 2
        waiting: set[int] = set()
        results: list[ItemResult] = []
        for half in (parcels[:middle], parcels[middle:]):
            try:
                results += await self._send_behind(half, waiting)
            except (Unreachable, Misconfigured) as exc:  # the other half may have been sent
                results += [Retry(str(exc))] * len(half)
                waiting.update(parcel.identity_key for parcel in half if parcel.identity_key != NOBODY)
        return results
