"""The page of results."""

from pathlib import Path
from xml.etree import ElementTree

import report
import results
from results import GrowthPart, GrowthPoint, LadderPart, Origin, RungFacts, SteadyPart, TablePart
from windows import Climb, Stored, Window

ORIGIN = Origin("bench.py", "2026-01-23", {"cores": "2"})


def window(rung: str, way: str, rate: float) -> Window:
    return Window(
        rung=rung,
        way=way,
        turn=0,
        rate=rate,
        answers=100,
        not_200=0,
        socket_errors=0,
        late=0,
        p50_ms=1.0,
        p99_ms=7.5,
        p999_ms=9.0,
        cpu_us={"worker": 40.0, "recorder": 10.0},
        memory={"worker": 2**20},
        syncs_per_s=100.0,
        others_percent=3.0,
    )


def ladder() -> LadderPart:
    ways = {"keep-alive": "kept", "half-rate": "at half", "new-connection": "new"}
    rates = {"nginx": 1_000.0, "durable-2": 300.0}
    return LadderPart(
        ORIGIN,
        turns=1,
        seconds=2,
        connections=64,
        rungs=[
            RungFacts("nginx", "nginx itself", "as it comes", is_ours=False),
            RungFacts("durable-2", "ours & safe", "as it comes", is_ours=True),
        ],
        ways=ways,
        climb=Climb(
            [window(rung, way, rate) for way in ways for rung, rate in rates.items()],
            {"durable-2": Stored(1_000, 600_000, 720_000, 60_000, sync_bytes=4_096, sync_ms=0.3)},
        ),
    )


def test_what_was_asked_stands_beside_what_was_measured() -> None:
    """Each goal of the ladder has its figure."""
    steady = SteadyPart(ORIGIN, 10, 5_000, 8.0, {"worker": 100 * 2**20}, {"worker": 101 * 2**20})
    growth = GrowthPart(
        ORIGIN,
        1,
        5,
        {"collect": "collecting"},
        [GrowthPoint(0, "collect", 0, rate=100.0, p99_ms=5), GrowthPoint(9, "collect", 0, rate=90, p99_ms=6)],
    )
    assert dict(report.goals(ladder(), growth, steady)) == {
        "of nginx's rate, 2 workers: at least 0.25": "0.300",
        "p99 at half the rate, 64 connections: under 10 ms": "7.50 ms",
        "of nginx's rate, a new connection each: at least 0.5": "0.300",
        "bytes on disk per payload byte, all included: at most 1.2": "1.20",
        "memory flat over 10 minutes": "100 MiB early, 101 MiB late (+1%)",
        "rate and p99 while events grow: within 15 %": "rate -10%, p99 +20% at the worst",
    }


def test_the_page_tells_of_the_parts_that_were_measured() -> None:
    """A part that was never measured leaves no empty heading."""
    text = report.page(ladder(), None, None, None)
    assert "| ours & safe" in text
    assert "worker 40.0, recorder 10.0" in text
    assert "1.10" in text  # bytes per payload byte without the log
    assert "The house" not in text
    house = report.page(None, TablePart(ORIGIN, [("memory", "1 MiB", "")]), None, None)
    assert [line for line in house.splitlines() if line.startswith("#")] == [
        "# Results of the benchmark",
        "## The house",
    ]


def test_the_picture_has_a_bar_for_each_rung_and_way() -> None:
    """The paced way is no race: it has none."""
    root = ElementTree.fromstring(report.picture(ladder()))
    rects = [found.attrib["class"] for found in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert (rects.count("ours"), rects.count("bar")) == (2, 2)


def test_parts_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The page can be made again from the files beside it."""
    results.save(tmp_path, "ladder", ladder())
    assert results.read(tmp_path, "ladder", LadderPart) == ladder()
    assert results.read(tmp_path, "house", TablePart) is None
