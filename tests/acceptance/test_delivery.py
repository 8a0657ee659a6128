"""The courier's own process when it is let go."""

import signal
import time
from pathlib import Path

from pixelwire.deliver.state import Deliveries
from pixelwire.limits import CHILD_STOP_S
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.receiver import ReceiverThread
from support.waiting import wait_until

CONCURRENCY = 16


def test_a_courier_that_is_let_go_ends_at_once(tmp_path: Path) -> None:
    """Also while a receiver hangs, and however often it is told to stop by a signal before."""
    with ReceiverThread() as receiver:
        shop = make_shop(tmp_path)
        options = {"url": receiver.url, "concurrency": CONCURRENCY, "allow_private_addresses": True}
        shop.catalog.create_destination(shop.business.id, "webhook", "hook", options)
        shop.catalog.close()
        record(tmp_path, [make_event(anonymous_id=f"visitor-{number}") for number in range(100)])
        receiver.hang()
        with courier(tmp_path) as process:
            wait_until(lambda: receiver.waiting == CONCURRENCY, 10, "all slots are under way")
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            door = Deliveries(tmp_path)
            assert door.summary()[0].state == "running"
            door.close()
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 2 * CHILD_STOP_S  # 0.6 s on an idle machine
        assert process.returncode == 0
