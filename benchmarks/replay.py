"""Measures this machine: how long a live event takes to a destination, alone and while a replay to it runs.

    .venv/bin/python benchmarks/replay.py --events 200000

The destination is the tests' own: it takes as long for a send as it is told, and notes what it got in a file.
Events are put on disk one by one; the delay is from there to that file.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import machine  # noqa: E402 - found by the line above
from pixelwire.catalog.snapshot import Snapshot  # noqa: E402
from pixelwire.catalog.store import Catalog  # noqa: E402
from pixelwire.catalog.wishes import StartReplay  # noqa: E402
from pixelwire.clock import SystemClock  # noqa: E402
from pixelwire.deliver.state import Deliveries  # noqa: E402
from support import drain  # noqa: E402
from support.catalogs import make_shop  # noqa: E402
from support.couriers import courier  # noqa: E402
from support.events import make_event, record  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PAYLOAD = {"properties": {"text": "x" * 600}}
CHUNK = 5_000
PROBES = 40
LOOK_S = 0.001
WAIT_S = 120.0


def main() -> None:
    options = _options()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-bench-"))
    try:
        for name, value in machine.facts(base).items():
            print(f"{name:36} {value}")
        for name, value in measure(base, options).items():
            print(f"{name:36} {value}")
    finally:
        shutil.rmtree(base)


def measure(data_dir: Path, options: argparse.Namespace) -> dict[str, str]:
    taken = data_dir / "taken"
    hook, pixel = fill(data_dir, options, taken)
    with Deliveries(data_dir) as door, courier(data_dir, program=[drain.__file__]):
        wait_until(lambda: door.summary() and door.summary()[0].cursor == options.events, WAIT_S, "all sent")
        alone = list(probe(data_dir, taken, pixel, "alone"))
        started_s = time.perf_counter()
        replay = start(data_dir, hook, options.events)
        wait_until(lambda: door.replay(hook, replay), WAIT_S, "the replay runs")
        beside = list(probe(data_dir, taken, pixel, "beside"))
        found = door.replay(hook, replay)
        assert found is not None
        assert found.state == "running", "too few events: the replay was over before the last probe"
        rate = found.sent / (time.perf_counter() - started_s)
    return {
        "live delay alone, median and p95": told(alone),
        "live delay beside a replay": told(beside),
        "the replay's events a second": f"{rate:,.0f}",
    }


def probe(data_dir: Path, taken: Path, pixel: int, name: str) -> Iterator[float]:
    """Seconds from the disk to the destination, event by event."""
    with taken.open("rb") as file:
        file.seek(0, 2)
        for number in range(PROBES):
            message_id = f"{name}-{number}"
            record(data_dir, [make_event(pixel, message_id=message_id, anonymous_id=message_id)])
            started_s = time.perf_counter()
            rest = b""
            while message_id.encode() not in rest:
                rest = rest[-100:] + file.read()
                time.sleep(LOOK_S)
            yield time.perf_counter() - started_s


def start(data_dir: Path, hook: str, events: int) -> str:
    catalog = Catalog.open(data_dir)
    try:
        return catalog.give_order(hook, StartReplay(0, SystemClock().now_ms(), 1, events, "")).id
    finally:
        catalog.close()


def told(delays_s: list[float]) -> str:
    return (
        f"{statistics.median(delays_s) * 1e3:.0f} ms, {statistics.quantiles(delays_s, n=20)[-1] * 1e3:.0f} ms"
    )


def fill(data_dir: Path, options: argparse.Namespace, taken: Path) -> tuple[str, int]:
    """A shop with the destination, and the events on disk. The destination's id and the pixel's number."""
    shop = make_shop(data_dir)
    given = {
        "file": str(taken),
        "events_max": options.events_max,
        "concurrency": options.concurrency,
        "takes_s": options.takes_ms / 1e3,
        "keeps_order": True,
    }
    hook = shop.catalog.create_destination(shop.business.id, drain.KIND, "drain", given)
    shop.catalog.close()
    taken.touch()
    snapshot = Snapshot(data_dir)
    number = next(iter(snapshot.keys().values())).number
    snapshot.close()
    for first in range(0, options.events, CHUNK):
        seqs = range(first, min(first + CHUNK, options.events))
        visitors = [f"visitor-{seq * 7919 % 10_000}" for seq in seqs]
        record(data_dir, [make_event(number, anonymous_id=name, payload=dict(PAYLOAD)) for name in visitors])
    return hook.id, number


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--events-max", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--takes-ms", type=float, default=5.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
