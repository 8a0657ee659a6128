"""Measures this machine: events a second through the webhook, by the courier's own process, one per request.

    .venv/bin/python benchmarks/webhook.py --events 50000 --concurrency 16
    .venv/bin/python benchmarks/webhook.py --events 20000 --busy 10000 --answer-ms 5

The receiver is a process of its own on the same cores; it answers 200 to everything. With --busy the first so
many events are of one visitor, and go one after the other: how long do the others wait for them?
"""

import argparse
import asyncio
import multiprocessing
import shutil
import sys
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import apsw  # noqa: E402

import machine  # noqa: E402 - found by the line above
from pixelwire.catalog.snapshot import Snapshot  # noqa: E402
from pixelwire.deliver.database import delivery_path  # noqa: E402
from pixelwire.deliver.state import Deliveries  # noqa: E402
from support.catalogs import make_shop  # noqa: E402
from support.couriers import courier  # noqa: E402
from support.events import make_event, record  # noqa: E402
from support.processes import TICKS_PER_S, cpu_ticks, pss_bytes  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PAYLOAD = {"properties": {"text": "x" * 600}}
CHUNK = 5_000
IDLE_S = 5.0
MIB = 2**20


def main() -> None:
    options = _options()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-bench-"))
    listening, told = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(
        target=_receive, args=(told, options.answer_ms), daemon=True
    )
    receiver.start()
    try:
        for name, value in machine.facts(base).items():
            print(f"{name:36} {value}")
        for name, value in measure(base, listening.recv(), options).items():
            print(f"{name:36} {value}")
    finally:
        receiver.terminate()
        receiver.join()
        shutil.rmtree(base)


def measure(data_dir: Path, port: int, options: argparse.Namespace) -> dict[str, str]:
    fill(data_dir, port, options)
    door = Deliveries(data_dir)
    started_s = time.perf_counter()
    with courier(data_dir) as process:
        ready_s = time.perf_counter() - started_s
        others = options.events - options.busy
        wait_until(
            lambda: door.summary() and _sent_after(data_dir, options.busy) == others, 600, "the others"
        )
        others_s = time.perf_counter() - started_s - ready_s
        wait_until(lambda: door.summary()[0].sent_total == options.events, 600, "all sent")
        took_s = time.perf_counter() - started_s - ready_s
        busy = cpu_ticks(process.pid)
        memory = pss_bytes(process.pid)
        time.sleep(IDLE_S)
        idle = cpu_ticks(process.pid) - busy
    [summary] = door.summary()
    door.close()
    return {
        "events a second": f"{options.events / took_s:,.0f} (expected: at least 3,000)",
        "events, concurrency, visitors": f"{options.events:,}, {options.concurrency}, {options.visitors:,}",
        "of one busy visitor, before": f"{options.busy:,}; the others were sent within {others_s:.1f} s",
        "one request, mean": f"{summary.send_ms_total / summary.sent_total:.2f} ms",
        "courier's CPU per event": f"{busy / TICKS_PER_S / options.events * 1e6:.0f} us",
        "courier's memory, PSS": f"{memory / MIB:.0f} MiB",
        "courier's idle CPU": f"{idle / TICKS_PER_S / IDLE_S:.2%} of a core",
        "start to ready": f"{ready_s:.2f} s",
    }


def fill(data_dir: Path, port: int, options: argparse.Namespace) -> None:
    """A shop with a webhook, and the events on disk."""
    shop = make_shop(data_dir)
    hook = {
        "url": f"http://127.0.0.1:{port}/",
        "concurrency": options.concurrency,
        "signing_secret": "0123456789abcdef",
        "allow_private_addresses": True,
    }
    shop.catalog.create_destination(shop.business.id, "webhook", "hook", hook)
    shop.catalog.close()
    snapshot = Snapshot(data_dir)
    number = next(iter(snapshot.keys().values())).number
    snapshot.close()
    for start in range(0, options.events, CHUNK):
        seqs = range(start, min(start + CHUNK, options.events))
        visitors = [
            "busy" if seq < options.busy else f"visitor-{seq * 7919 % options.visitors}" for seq in seqs
        ]
        record(data_dir, [make_event(number, anonymous_id=name, payload=dict(PAYLOAD)) for name in visitors])


def _sent_after(data_dir: Path, seq: int) -> int:
    with closing(
        apsw.Connection(str(delivery_path(data_dir)), flags=apsw.SQLITE_OPEN_READONLY)
    ) as connection:
        return int(connection.execute("SELECT count(*) FROM sent WHERE seq > ?", (seq,)).get)


def _receive(port: Connection, answer_ms: float) -> None:
    import uvloop
    from aiohttp import web

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        if answer_ms:
            await asyncio.sleep(answer_ms / 1e3)
        return web.Response()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    uvloop.run(serve())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--visitors", type=int, default=10_000)
    parser.add_argument("--busy", type=int, default=0, help="the first so many events are of one visitor")
    parser.add_argument("--answer-ms", type=float, default=0.0, help="how long the receiver takes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
