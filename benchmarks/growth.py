"""Measures whether a server stays as quick as it was while its events grow in number: collecting, Get pixel,
a receipt, at several sizes that take turns.

    make bench-growth
    .venv/bin/python benchmarks/growth.py --sizes 1000000 5000000 10000000 --turns 3 --seconds 5

Takes half an hour and about 10 GB of disk; the figures go to results/growth.json and RESULTS.md.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import machine  # noqa: E402 - found by the line above
import pages  # noqa: E402
import results  # noqa: E402
from filled import make_filled  # noqa: E402
from grown import (  # noqa: E402
    CLIENT_IDS,
    COLLECT,
    GET_PIXEL,
    RECEIPT,
    RECENT,
    REPLAY,
    RETENTION,
    WAYS,
    Grown,
)
from load import Load  # noqa: E402
from results import GrowthPart, GrowthPoint  # noqa: E402
from support.server import Server  # noqa: E402


class Measured:
    """The points so far; `take` measures another one and says so."""

    def __init__(self, asked: Load) -> None:
        self._asked = asked
        self.points: list[GrowthPoint] = []

    def take(self, one: Grown, way: str, turn: int) -> None:
        point = one.measure(way, turn, self._asked)
        self.points.append(point)
        rate = f"{point.rate:>8,.0f}/s" if point.rate else ""
        say(f"{turn + 1} {way:<10} {point.stored:>10,} {rate:>10} p99 {point.p99_ms:>7.2f} ms {point.note}")


def measure(base: Path, options: argparse.Namespace) -> list[GrowthPoint]:
    for size in options.sizes:
        _, took_s = make_filled(base / str(size), size)
        say(f"filled {size:,} events in {took_s:.0f} s")
    largest = max(options.sizes)
    make_filled(base / "recent", largest, days=2, all_are_clients=True)
    measured = Measured(Load(seconds=options.seconds))
    with ExitStack() as stack:

        def start(name: str, stored: int) -> Grown:
            return Grown(stack.enter_context(Server(base / name, workers=2)), stored)

        grown = [start(str(size), size) for size in options.sizes]
        recent = start("recent", largest)
        for turn in range(options.turns):
            _turn(measured, base / f"new-{turn}", turn, grown, recent)
        # What is deleted is gone: the two largest can do it once each.
        for turn, one in enumerate(reversed(grown[-2:])):
            with Server(base / f"newer-{turn}", workers=2) as server:
                measured.take(Grown(server, 0), RETENTION, turn)
            measured.take(one, RETENTION, turn)
    return measured.points


def _turn(measured: Measured, new_dir: Path, turn: int, grown: Sequence[Grown], recent: Grown) -> None:
    with Server(new_dir, workers=2) as server:
        new = Grown(server, 0)
        for way in (COLLECT, CLIENT_IDS, GET_PIXEL, RECEIPT):
            for one in (new, *grown):
                measured.take(one, way, turn)
        for one in (new, recent):
            measured.take(one, RECENT, turn)
    shutil.rmtree(new_dir)
    for one in grown:
        measured.take(one, REPLAY, turn)


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
