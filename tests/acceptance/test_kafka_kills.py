"""The courier's own process before a broker, killed at moments of its own while connections break."""

import random
from pathlib import Path

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.deliver.state import Deliveries
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.kafka_records import records
from support.tansu import HOST, Tansu, free_port
from support.tcp_proxy import TcpProxy
from support.waiting import wait_until

EVENTS = 20_000
VISITORS = 4_000
BATCH_EVENTS_MAX = 500
KILLS = 10
SEED = 11
TOPIC = "events"


def test_kills_and_broken_connections_lose_nothing(tmp_path: Path) -> None:
    """Every event is there; no more are there twice than were under way; first copies are in order."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    port = free_port()
    with TcpProxy(port) as proxy, Tansu(port=port, advertised=f"{HOST}:{proxy.port}") as broker:
        fill(data_dir, broker.servers, broker.make_topic(TOPIC, 3))
        chance = random.Random(SEED)
        for kill in range(1, KILLS + 1):
            with courier(data_dir) as process:
                goal = kill * EVENTS // (KILLS + 2) + chance.randrange(BATCH_EVENTS_MAX)
                wait_until(
                    lambda goal=goal: sent(data_dir) >= goal // 2, 60, "enough for a broken connection"
                )
                proxy.cut()
                wait_until(lambda goal=goal: sent(data_dir) >= goal, 60, "enough for a kill")
                process.kill()
        with courier(data_dir):
            wait_until(lambda: sent(data_dir) == EVENTS, 60, "all sent", last=lambda: sent(data_dir))
        found = [record.message_id for record in records(broker.servers, TOPIC)]
    assert set(found) == {message_id(number) for number in range(EVENTS)}
    repeats = len(found) - EVENTS
    print(f"{repeats} repeats after {KILLS} kills, seed {SEED}")
    assert repeats <= 2 * KILLS * BATCH_EVENTS_MAX
    for visitor in range(0, VISITORS, 97):
        own = list(dict.fromkeys(one for one in found if one.startswith(f"{visitor}-")))
        assert own == sorted(own, key=lambda one: int(one.partition("-")[2]))


def fill(data_dir: Path, servers: str, topic: str) -> None:
    """A shop that sends to the broker, and its events on disk."""
    shop = make_shop(data_dir)
    options = {
        "bootstrap_servers": servers,
        "topic": topic,
        "tls": False,
        "batch_events_max": BATCH_EVENTS_MAX,
        "allow_private_addresses": True,
    }
    shop.catalog.create_destination(shop.business.id, "kafka", "records", options, start_after=0)
    shop.catalog.close()
    snapshot = Snapshot(data_dir)
    pixel = next(iter(snapshot.keys().values())).number
    snapshot.close()
    record(
        data_dir,
        [
            make_event(pixel, message_id=message_id(number), anonymous_id=f"visitor-{number % VISITORS}")
            for number in range(EVENTS)
        ],
    )


def sent(data_dir: Path) -> int:
    door = Deliveries(data_dir)
    try:
        return sum(one.sent_total for one in door.summary())
    finally:
        door.close()


def message_id(number: int) -> str:
    return f"{number % VISITORS}-{number}"
