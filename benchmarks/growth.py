"""Measures whether a server stays as quick as it was while its events grow in number: collecting, Get pixel,
a receipt, at several sizes that take turns.

    make bench-growth
    .venv/bin/python benchmarks/growth.py --sizes 1000000 5000000 10000000 --turns 3 --seconds 5

Takes half an hour and about 10 GB of disk; the figures go to results/growth.json and RESULTS.md.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import fill  # noqa: E402 - found by the line above
import load  # noqa: E402
import machine  # noqa: E402
import pages  # noqa: E402
import results  # noqa: E402
from filled import make_filled  # noqa: E402
from house import get_pixel  # noqa: E402
from load import Load  # noqa: E402
from pixelwire.record.segments import events_dir, segment_numbers  # noqa: E402
from results import GrowthPart, GrowthPoint  # noqa: E402
from summary import percentile  # noqa: E402
from support.server import Server  # noqa: E402
from usage import wait_quiet  # noqa: E402

WARM = Load(seconds=1)  # shapes, caches
TIMES = 200  # Get pixel, receipts
WAYS = {
    "collect": "collecting the fair mix",
    "client-ids": "collecting, every event with an id of the client's",
    "recent": "the same, all stored ones of the last 48 hours with such ids",
    "retention": "collecting while retention deletes",
    "get-pixel": "Get pixel",
    "receipt": "a receipt",
}


class Grown:
    """A running server and how many events were put there before."""

    def __init__(self, server: Server, stored: int) -> None:
        self.server = server
        self.stored = stored
        self._loads = 0
        self.collect(WARM)

    def collect(self, asked: Load) -> load.Result:
        """Waits also for what is left to be done after the load."""
        result = self._run(asked)
        wait_quiet(self.server.processes)
        return result

    def point(self, way: str, turn: int, asked: Load) -> GrowthPoint:
        """Some figures by one of WAYS."""
        if way in ("collect", "client-ids", "recent"):
            ids = "half" if way == "collect" else "all"
            return self._collected(way, turn, self.collect(asked._replace(client_ids=ids)))
        took = get_pixel(self.server, TIMES) if way == "get-pixel" else self._receipts()
        p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
        return GrowthPoint(self.stored, way, turn, p50_ms=p50, p99_ms=p99)

    def _run(self, asked: Load) -> load.Result:
        self._loads += 1
        url = f"http://127.0.0.1:{self.server.port}"
        return load.run(url, self.server.facts["write_key"], f"load-{self._loads}", asked)

    def _collected(self, way: str, turn: int, result: load.Result) -> GrowthPoint:
        return GrowthPoint(
            self.stored, way, turn, rate=result.rate, p50_ms=result.p50_ms, p99_ms=result.p99_ms
        )

    def _receipts(self) -> list[float]:
        """Milliseconds of each, of events anywhere in the store."""
        chosen = random.Random(7)
        took = []
        for _ in range(TIMES):
            n = chosen.randrange(0, max(self.stored, 1_000), 4)
            message_id = fill.client_id(1, n) if self.stored else f"load-1-1-{n + 4}"
            started = time.perf_counter()
            found = self.server.receipt(message_id)
            took.append((time.perf_counter() - started) * 1e3)
            assert found is not None, f"no receipt of {message_id}"
        return took

    def while_retention_deletes(self, turn: int, asked: Load) -> GrowthPoint:
        """Starts the server again with a limit of a quarter of what it has, and loads it at once."""
        size = sum(path.stat().st_size for path in events_dir(self.server.data_dir).iterdir())
        self.server.stop()
        limited = Server(
            self.server.data_dir, workers=2, environment={"PIXELWIRE_RETENTION_BYTES": str(size // 4)}
        )
        with limited:
            self.server = limited
            self._run(WARM)
            before = segment_numbers(limited.data_dir)
            point = self._collected("retention", turn, self._run(asked))
            gone = len(set(before) - set(segment_numbers(limited.data_dir)))
        point.note = f"{gone} segments were removed meanwhile"
        return point


def measure(base: Path, options: argparse.Namespace) -> list[GrowthPoint]:
    asked = Load(seconds=options.seconds)
    points: list[GrowthPoint] = []

    def note(point: GrowthPoint) -> None:
        points.append(point)
        rate = f"{point.rate:>8,.0f}/s" if point.rate else ""
        say(f"{point.turn + 1} {point.way:<10} {point.stored:>10,} {rate:>10} p99 {point.p99_ms:.2f} ms")

    for size in options.sizes:
        _, took_s = make_filled(base / str(size), size)
        say(f"filled {size:,} events in {took_s:.0f} s")
    largest = max(options.sizes)
    make_filled(base / "recent", largest, days=2, all_are_clients=True)
    with ExitStack() as stack:

        def start(name: str, stored: int) -> Grown:
            return Grown(stack.enter_context(Server(base / name, workers=2)), stored)

        grown = [start(str(size), size) for size in options.sizes]
        recent = start("recent", largest)
        for turn in range(options.turns):
            _turn(base / f"new-{turn}", turn, asked, grown, recent, note)
        # What is deleted is gone: the two largest can do it once each.
        for turn, one in enumerate(reversed(grown[-2:])):
            with Server(base / f"newer-{turn}", workers=2) as server:
                new = Grown(server, 0)
                note(new._collected("retention", turn, new.collect(asked)))
            note(one.while_retention_deletes(turn, asked))
    return points


def _turn(
    new_dir: Path,
    turn: int,
    asked: Load,
    grown: Sequence[Grown],
    recent: Grown,
    note: Callable[[GrowthPoint], None],
) -> None:
    with Server(new_dir, workers=2) as server:
        new = Grown(server, 0)
        for way in ("collect", "client-ids", "get-pixel", "receipt"):
            for one in (new, *grown):
                note(one.point(way, turn, asked))
        for one in (new, recent):
            note(one.point("recent", turn, asked))
    shutil.rmtree(new_dir)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    options = _options()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-growth-", dir=options.dir))
    try:
        origin = results.origin(machine.facts(base))
        points = measure(base, options)
    finally:
        shutil.rmtree(base)
    pages.renew(options.to, "growth", GrowthPart(origin, options.turns, options.seconds, WAYS, points))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how a server is with more and more events.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    pages.add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
