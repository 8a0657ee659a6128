"""Measures this machine: events a second that a destination takes by itself, without the courier before it.

    .venv/bin/python benchmarks/destinations.py --batches 20
    .venv/bin/python benchmarks/destinations.py s3-ndjson folder-parquet

The other side is a real server on the same cores. `stall` is the longest that the event loop stood still, in
which no other destination is served; on a busy machine it is the machine that stands still. Another kind is a
function that yields its options, and its line in TARGETS.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import machine  # noqa: E402 - found by the line above
from pixelwire.clock import SystemClock  # noqa: E402
from pixelwire.deliver.__main__ import SWITCH_INTERVAL_S  # noqa: E402
from pixelwire.destinations import registry  # noqa: E402
from pixelwire.destinations.base import Batch, Destination, Item, Sent, Surroundings  # noqa: E402
from support.postgres import HOST, SUPERUSER, PostgresServer  # noqa: E402
from support.seaweed import BUCKET, SeaweedServer  # noqa: E402
from support.tansu import Tansu  # noqa: E402

VISITORS = 10_000
LOOK_S = 0.001


class Target(NamedTuple):
    kind: str
    options: dict[str, Any]


class Figures(NamedTuple):
    events_a_second: float
    send_ms: float  # mean, of one batch
    stall_ms: float
    cpu_us: float  # of this process, for each event


def main() -> None:
    arguments = _arguments()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-bench-"))
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as the courier's
    try:
        for name, value in machine.facts(base).items():
            print(f"{name:36} {value}")
        print(f"{'events a batch, bytes a payload':36} {arguments.events:,}, {_payload_bytes()}")
        for name in arguments.targets or TARGETS:
            with TARGETS[name](base / name) as target:
                found = uvloop.run(measure(target, arguments))
            print(
                f"{name:36} {found.events_a_second:,.0f} events a second, {found.send_ms:.0f} ms a batch, "
                f"stall {found.stall_ms:.0f} ms, {found.cpu_us:.0f} us of CPU an event"
            )
    finally:
        shutil.rmtree(base)


async def measure(target: Target, arguments: argparse.Namespace) -> Figures:
    destination, limits = registry.build(target.kind, target.options, Surroundings(SystemClock(), True))
    events = min(arguments.events, limits.events_max)
    await destination.open()
    await destination.check()
    rounds = []
    for number in range(arguments.batches + 1):
        batch = Batch([make_item(number * events + place) for place in range(events)])
        rounds.append(await timed(destination, batch))
    await destination.close()
    took_s, cpu_s, stall_s = zip(*rounds[1:], strict=True)  # the first one warms up
    sent = events * arguments.batches
    return Figures(
        sent / sum(took_s), sum(took_s) / arguments.batches * 1e3, max(stall_s) * 1e3, sum(cpu_s) / sent * 1e6
    )


async def timed(destination: Destination, batch: Batch) -> tuple[float, float, float]:
    """How long a send takes, its CPU time, and the longest stall of the event loop in it; in seconds."""
    stalls = [0.0]
    watcher = asyncio.create_task(_watch(stalls))
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    result = await destination.send(batch)
    took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    watcher.cancel()
    assert result.results == [Sent()] * len(batch.items)
    return took_s, cpu_s, max(stalls)


async def _watch(stalls: list[float]) -> None:
    while True:
        before_s = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        stalls.append(time.perf_counter() - before_s - LOOK_S)


def make_item(seq: int) -> Item:
    """As a shop's pixel makes them: about as much in it that is new as there is in real ones."""
    chance = random.Random(seq)
    visitor, message_id = f"visitor-{chance.randrange(VISITORS)}", f"{chance.getrandbits(128):032x}"
    payload = {
        "channel": "web",
        "type": "track",
        "event": chance.choice(["Product Viewed", "Product Added", "Order Completed"]),
        "anonymousId": visitor,
        "messageId": message_id,
        "context": {
            "ip": f"203.0.113.{chance.randrange(256)}",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
            "page": {
                "url": f"https://shop.example/p/{chance.randrange(9_999)}",
                "referrer": "https://a.example/",
            },
        },
        "properties": {
            "sku": f"{chance.randrange(10**8)}",
            "price": f"{chance.random() * 100:.2f}",
            "note": f"{chance.getrandbits(512):0128x}",
        },
        "originalTimestamp": "2026-01-23T04:56:07.089Z",
        "receivedAt": "2026-01-23T04:56:07.089Z",
    }
    return Item(
        seq=seq,
        message_id=message_id,
        pixel_id="0" * 32,
        call="track",
        received_ms=1_700_000_000_000 + seq // 10,
        identity=visitor,
        attempt=1,
        payload=msgspec.json.encode(payload),
    )


@contextmanager
def folder(directory: Path, **options: Any) -> Iterator[Target]:
    """A folder on the disk of the temporary directory, every file synced."""
    directory.mkdir()
    yield Target("object_store", {"url": directory.as_uri(), **options})


@contextmanager
def s3(_: Path, **options: Any) -> Iterator[Target]:
    """SeaweedFS, over plain HTTP."""
    with SeaweedServer() as server:
        where = {"url": f"s3://{BUCKET}", "endpoint": server.endpoint, "credentials": server.credentials()}
        yield Target("object_store", {**where, "allow_private_addresses": True, **options})


@contextmanager
def postgres(_: Path) -> Iterator[Target]:
    """A server of the embedded kind with its usual settings, which sync; a new database."""
    with PostgresServer(settings=()) as server:
        where = {"host": HOST, "port": server.port, "database": server.new_database(), "sslmode": "disable"}
        yield Target("postgres", {**where, "user": SUPERUSER, "password": server.password})


@contextmanager
def kafka(_: Path, **options: Any) -> Iterator[Target]:
    """Tansu, in memory, a topic of six partitions."""
    with Tansu() as broker:
        where = {"bootstrap_servers": broker.servers, "topic": broker.make_topic("events", 6)}
        yield Target("kafka", {**where, "tls": False, **options})


TARGETS: dict[str, Callable[[Path], AbstractContextManager[Target]]] = {
    "folder-ndjson": folder,
    "folder-parquet": lambda base: folder(base, format="parquet"),
    "s3-ndjson": s3,
    "s3-parquet": lambda base: s3(base, format="parquet"),
    "postgres": postgres,
    "kafka": kafka,
    "kafka-zstd": lambda base: kafka(base, compression="zstd"),
}


def _payload_bytes() -> int:
    return len(make_item(1).payload)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--events", type=int, default=10_000, help="in a batch, if the kind takes so many")
    return parser.parse_args()


if __name__ == "__main__":
    main()
