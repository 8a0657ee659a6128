"""Measures this machine: the ladder from nginx to the plain way with ours in between, and the house table.

    make bench
    .venv/bin/python benchmarks/bench.py --turns 5 --seconds 10 --to /tmp/figures
    .venv/bin/python benchmarks/bench.py --parts memory --minutes 10

Writes the figures to results/, and RESULTS.md and ladder.svg made of them, beside this file. Other work
on the machine spoils it; the page says how much there was. Needs Debian's wrk, nginx-light and openssl.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import house  # noqa: E402 - found by the line above
import ladder  # noqa: E402
import machine  # noqa: E402
import pages  # noqa: E402
import results  # noqa: E402
import steady  # noqa: E402
from load import Load  # noqa: E402
from results import LadderPart, RungFacts, TablePart  # noqa: E402
from rungs import RUNGS  # noqa: E402
from windows import WAYS  # noqa: E402

PARTS = ("ladder", "house", "memory")


def main() -> None:
    options = _options()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-bench-", dir=options.dir))
    asked = Load(options.connections, options.seconds)
    try:
        origin = results.origin(machine.facts(base))
        if "ladder" in options.parts:
            pages.renew(options.to, "ladder", _ladder(base, origin, asked, options))
        if "house" in options.parts:
            pages.renew(
                options.to, "house", TablePart(origin, house.measure(base, asked, filled=options.filled))
            )
        if "memory" in options.parts:
            pages.renew(options.to, "steady", steady.measure(base, origin, asked, options.minutes))
    finally:
        shutil.rmtree(base)
    print((options.to / "RESULTS.md").read_text())


def _ladder(base: Path, origin: results.Origin, asked: Load, options: argparse.Namespace) -> LadderPart:
    kinds = [kind for kind in RUNGS if not options.rungs or kind.key in options.rungs]
    ways = [way for way in WAYS if not options.ways or way.key in options.ways]
    return LadderPart(
        origin,
        turns=options.turns,
        seconds=options.seconds,
        connections=options.connections,
        rungs=[RungFacts(kind.key, kind.title, kind.how, kind.is_ours) for kind in kinds],
        ways={way.key: way.title for way in ways},
        climb=ladder.climb(base / "ladder", kinds, ways, turns=options.turns, asked=asked),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure this machine.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["ladder", "house"])
    parser.add_argument("--turns", type=int, default=3, help="over all rungs")
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rungs", nargs="+", choices=[kind.key for kind in RUNGS], help="all by default")
    parser.add_argument("--ways", nargs="+", choices=[way.key for way in WAYS], help="all by default")
    parser.add_argument("--filled", type=int, default=1_000_000, help="events for Get pixel")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the part `memory`")
    pages.add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
