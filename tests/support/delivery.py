"""A data directory with a shop, events on disk, a webhook's receiver, and a courier that runs in the test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.snapshot import Snapshot
from pixelwire.deliver.courier import Courier
from pixelwire.deliver.options import CourierOptions
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.state import Deliveries, DestinationSummary
from pixelwire.record.reader import Reader
from support.catalogs import make_shop
from support.events import make_event, record
from support.receiver import Receiver

DEADLINE_S = 15.0
QUICK = RetryPolicy(first_s=0.02, delay_s_max=0.05, probe_first_s=0.02, probe_delay_s_max=0.1)


class Scene:
    """Everything around a courier. Seqs count from 1 in the order of `visit`."""

    def __init__(self, data_dir: Path, receiver: Receiver) -> None:
        self.data_dir = data_dir
        self.receiver = receiver
        self.shop = make_shop(data_dir)
        self.door = Deliveries(data_dir)

    def close(self) -> None:
        self.door.close()
        self.shop.catalog.close()

    def create(self, name: str = "hook", *, start_after: int = 0, **options: Any) -> Destination:
        """A webhook that points at the receiver, of all pixels of the shop."""
        options = {"url": self.receiver.url, "timeout_s": 5, **options}
        return self.shop.catalog.create_destination(
            self.shop.business.id, "webhook", name, options, start_after=start_after
        )

    def visit(self, *visitors: str, pixel: Pixel | None = None) -> None:
        """Puts an event of each visitor on disk, as one commit. Message ids are `<visitor>-<n>` by seq."""
        number = self.number_of(pixel or self.shop.pixel)
        head = self.head()
        record(
            self.data_dir,
            [
                make_event(number, anonymous_id=visitor, message_id=f"{visitor}-{head + place}")
                for place, visitor in enumerate(visitors, 1)
            ],
        )

    def number_of(self, pixel: Pixel) -> int:
        snapshot = Snapshot(self.data_dir)
        entry = snapshot.pixel(pixel.id)
        snapshot.close()
        assert entry is not None
        return entry.number

    def head(self) -> int:
        reader = Reader(self.data_dir)
        head = reader.head()
        reader.close()
        return head

    def summary(self, destination: Destination) -> DestinationSummary:
        [found] = [one for one in self.door.summary() if one.destination_id == destination.id]
        return found

    def state(self, destination: Destination) -> str:
        """ "" while the courier has not met it, or after its end."""
        states = [one.state for one in self.door.summary() if one.destination_id == destination.id]
        return states[0] if states else ""

    def event_state(self, destination: Destination, seq: int) -> str:
        return self.door.of_event([destination.id], seq)[0].state

    def sent(self) -> list[str]:
        """The message ids the receiver has taken, in order."""
        return [arrival.message_id for arrival in self.receiver.arrivals if arrival.status == 200]


@asynccontextmanager
async def a_scene(data_dir: Path, receiver: Receiver | None = None) -> AsyncIterator[Scene]:
    """With its receiver listening."""
    scene = Scene(data_dir, await (receiver or Receiver()).start())
    try:
        yield scene
    finally:
        scene.close()
        await scene.receiver.stop()


@asynccontextmanager
async def a_courier(data_dir: Path, retry: RetryPolicy = QUICK) -> AsyncIterator[asyncio.Task[None]]:
    """Runs within the block and has stopped after it."""
    options = CourierOptions(str(data_dir), allow_private_destinations=True, retry=retry)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(Courier(options).run(stop, ready.set))
    try:
        await asyncio.wait_for(ready.wait(), DEADLINE_S)
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, DEADLINE_S)


async def eventually(fact: Callable[[], object], what: str = "") -> None:
    """Returns when the fact holds; AssertionError past the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not fact():
        assert time.monotonic() < end, f"never: {what or fact}"
        await asyncio.sleep(0.01)


def in_order(message_ids: Sequence[str], visitor: str) -> bool:
    """Whether a visitor's events arrived in the order of their seq, repeats allowed."""
    seqs = [int(id_.rpartition("-")[2]) for id_ in message_ids if id_.rpartition("-")[0] == visitor]
    return seqs == sorted(seqs)
