"""A replay that reads all stored events of a server, for the time of a `with` block. Its destination takes
none of them: what is measured is what reading and choosing costs others, not what a receiver does.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import StartReplay
from pixelwire.deliver.state import Deliveries
from pixelwire.record.reader import Reader
from support.server import Server
from support.waiting import wait_until

NOBODY = {"url": "http://127.0.0.1:9/", "allow_private_addresses": True}
NOTHING = {"events": ["an event that nobody sends"]}
START_S = 30.0
TIME_END_MS = 2**50


class Progress:
    """How many events a replay has read since it was there."""

    def __init__(self, deliveries: Deliveries, destination: str, replay: str) -> None:
        self._deliveries, self._destination, self._replay = deliveries, destination, replay
        self._before = self._cursor()

    def read(self) -> int:
        return self._cursor() - self._before

    def is_running(self) -> bool:
        found = self._deliveries.replay(self._destination, self._replay)
        return found is not None and found.state == "running"

    def _cursor(self) -> int:
        found = self._deliveries.replay(self._destination, self._replay)
        return found.cursor if found else 0


@contextmanager
def replaying(server: Server, name: str) -> Iterator[Progress]:
    """From the first event to the newest, as fast as the courier reads."""
    reader = Reader(server.data_dir)
    head, store = reader.head(), reader.store_id()
    reader.close()
    catalog = Catalog.open(server.data_dir)
    deliveries = Deliveries(server.data_dir)
    try:
        hook = catalog.create_destination(
            server.facts["business_id"], "webhook", name, NOBODY, start_after=head, filters=NOTHING
        )
        order = catalog.give_order(hook.id, StartReplay(0, TIME_END_MS, 1, head, store))
        progress = Progress(deliveries, hook.id, order.id)
        wait_until(lambda: progress.read() > 0, START_S, "the replay has begun")
        yield Progress(deliveries, hook.id, order.id)
        catalog.delete_destination(hook.id)
    finally:
        deliveries.close()
        catalog.close()
