"""Measures this machine: events a second through the courier's own process, without any destination's cost.

    .venv/bin/python benchmarks/courier.py --events 200000 --events-max 5000

The destination is the tests' own and confirms every batch at once, in the same process.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import machine  # noqa: E402 - found by the line above
from pixelwire.catalog.snapshot import Snapshot  # noqa: E402
from pixelwire.deliver.state import Deliveries  # noqa: E402
from support import drain  # noqa: E402
from support.catalogs import make_shop  # noqa: E402
from support.couriers import courier  # noqa: E402
from support.events import make_event, record  # noqa: E402
from support.processes import TICKS_PER_S, cpu_ticks, pss_bytes  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PAYLOAD = {"properties": {"text": "x" * 600}}
CHUNK = 5_000
MIB = 2**20


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
    fill(data_dir, options)
    door = Deliveries(data_dir)
    with courier(data_dir, program=[drain.__file__]) as process:
        started_s, started_ticks = time.perf_counter(), cpu_ticks(process.pid)
        wait_until(lambda: door.summary() and door.summary()[0].sent_total == options.events, 600, "all sent")
        took_s = time.perf_counter() - started_s
        busy_s = (cpu_ticks(process.pid) - started_ticks) / TICKS_PER_S
        memory = pss_bytes(process.pid)
    door.close()
    return {
        "events a second": f"{options.events / took_s:,.0f} (expected: at least 20,000)",
        "events, visitors": f"{options.events:,}, {options.visitors:,}",
        "in a batch at most, keeps order": f"{options.events_max:,}, {options.keeps_order}",
        "courier's CPU per event": f"{busy_s / options.events * 1e6:.1f} us",
        "courier's memory, PSS": f"{memory / MIB:.0f} MiB",
        "delivery.db": f"{(data_dir / 'delivery.db').stat().st_size / options.events:.0f} bytes an event",
    }


def fill(data_dir: Path, options: argparse.Namespace) -> None:
    """A shop with the destination, and the events on disk."""
    shop = make_shop(data_dir)
    given = {
        "events_max": options.events_max,
        "concurrency": options.concurrency,
        "linger_s": options.linger_s,
        "keeps_order": options.keeps_order,
    }
    shop.catalog.create_destination(shop.business.id, drain.KIND, "drain", given)
    shop.catalog.close()
    snapshot = Snapshot(data_dir)
    number = next(iter(snapshot.keys().values())).number
    snapshot.close()
    for start in range(0, options.events, CHUNK):
        seqs = range(start, min(start + CHUNK, options.events))
        visitors = [f"visitor-{seq * 7919 % options.visitors}" for seq in seqs]
        record(data_dir, [make_event(number, anonymous_id=name, payload=dict(PAYLOAD)) for name in visitors])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--events-max", type=int, default=5_000)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--linger-s", type=float, default=0.0)
    parser.add_argument("--visitors", type=int, default=10_000)
    parser.add_argument("--keeps-order", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
