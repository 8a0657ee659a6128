"""The courier's own process, killed again and again, with a receiver that fails by chance."""

import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.state import Deliveries
from pixelwire.limits import CHILD_STOP_S
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.receiver import Arrival, ReceiverThread, fails_by_chance
from support.waiting import wait_until

EVENTS = 50_000
VISITORS = 200  # few, so that events of one meet often
KILLS = 5
CONCURRENCY = 16
SEED = 20_260_123
NOBODY = "anonymous"
PATIENT = RetryPolicy(first_s=0.05, delay_s_max=0.5, probe_first_s=0.05, probe_delay_s_max=0.5)


def test_fifty_thousand_events_survive_five_kills(tmp_path: Path) -> None:
    """Every id arrives, at most what was under way arrives twice, and every visitor's order holds."""
    with ReceiverThread(fails_by_chance(SEED)) as receiver, read_door(tmp_path) as door:
        make_directory(tmp_path, receiver.url)
        for kill in range(1, KILLS + 1):
            with courier(tmp_path, PATIENT) as process:
                goal = EVENTS * kill // (KILLS + 1)
                wait_until(lambda goal=goal: len(receiver.arrivals) >= goal, 60, "enough for a kill")
                process.kill()
        with courier(tmp_path, PATIENT):
            wait_until(lambda: door.summary()[0].sent_total == EVENTS, 60, "all sent")
            wait_until(lambda: door.summary()[0].cursor == EVENTS, 10, "the cursor at the end")
        [summary] = door.summary()
        taken = [arrival for arrival in receiver.arrivals if arrival.status == 200]

    assert (summary.parked, summary.dead) == (0, 0)
    assert summary.retried_total > EVENTS // 100, "the receiver did not fail"
    counts = Counter(arrival.message_id for arrival in taken)
    assert len(counts) == EVENTS
    assert counts.total() - EVENTS <= KILLS * CONCURRENCY
    assert visitors_out_of_order(taken) == []


def test_a_courier_that_is_let_go_ends_at_once(tmp_path: Path) -> None:
    """Also while a receiver hangs, and however often it is told to stop by a signal before."""
    with ReceiverThread() as receiver, read_door(tmp_path) as door:
        make_directory(tmp_path, receiver.url, events=100)
        receiver.hang()
        with courier(tmp_path) as process:
            wait_until(lambda: receiver.waiting == CONCURRENCY, 10, "all slots are under way")
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            assert door.summary()[0].state == "running"
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 2 * CHILD_STOP_S  # 0.6 s on an idle machine
        assert process.returncode == 0


def make_directory(data_dir: Path, url: str, *, events: int = EVENTS) -> None:
    """A shop with a webhook, and all events on disk. Every tenth event is nobody's."""
    shop = make_shop(data_dir)
    options = {
        "url": url,
        "concurrency": CONCURRENCY,
        "signing_secret": "0123456789abcdef",
        "allow_private_addresses": True,
    }
    shop.catalog.create_destination(shop.business.id, "webhook", "hook", options)
    shop.catalog.close()
    snapshot = Snapshot(data_dir)
    number = next(iter(snapshot.keys().values())).number
    snapshot.close()
    chance = random.Random(SEED)
    for start in range(0, events, 5_000):
        record(
            data_dir,
            [
                make_event(
                    number,
                    message_id=f"m-{seq}",
                    anonymous_id=NOBODY if seq % 10 == 0 else f"visitor-{chance.randrange(VISITORS)}",
                    payload={"properties": {"place": seq}},
                )
                for seq in range(start, min(start + 5_000, events))
            ],
        )


@contextmanager
def read_door(data_dir: Path) -> Iterator[Deliveries]:
    door = Deliveries(data_dir)
    yield door
    door.close()


def visitors_out_of_order(taken: Sequence[Arrival]) -> list[str]:
    """Those whose events did not arrive in the order of their seq; a repeat right away is none."""
    places: dict[str, list[int]] = defaultdict(list)
    for arrival in taken:
        payload = msgspec.json.decode(arrival.body)
        if payload["anonymousId"] != NOBODY:
            places[payload["anonymousId"]].append(payload["properties"]["place"])
    return [visitor for visitor, seqs in places.items() if seqs != sorted(seqs)]
