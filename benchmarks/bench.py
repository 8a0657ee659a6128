"""Measures this machine: durable pixels a second through the real command, and what they cost.

    make bench
    .venv/bin/python benchmarks/bench.py --seconds 30 --connections 64 --workers 2 --growth 10000000

Prints a table and writes it to RESULTS.md beside this file.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import fill  # noqa: E402 - found by the line above
import load  # noqa: E402
import machine  # noqa: E402

from support import processes  # noqa: E402
from support.server import Server  # noqa: E402
from support.waiting import wait_until  # noqa: E402

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
IDLE_S = 5.0
SETTLE_S = 2.0
GET_PIXEL_TIMES = 200
MIB = 2**20

Rows = list[tuple[str, str, str]]  # what, measured, expected


def main() -> int:
    options = _options()
    base = Path(tempfile.mkdtemp(prefix="pixelwire-bench-", dir=options.dir))
    try:
        facts = machine.facts(base)
        rows, is_exact = measure(base / "data", options)
        if options.growth:
            rows += growth(base / "grown", options)
        text = report(rows, facts)
    finally:
        shutil.rmtree(base)
    print(text)
    if options.write:
        RESULTS.write_text(text)
    return 0 if is_exact else 1


def measure(data_dir: Path, options: argparse.Namespace) -> tuple[Rows, bool]:
    """The load, and what it left on disk. False when stored and answered do not agree."""
    with Server(data_dir, workers=options.workers) as server:
        time.sleep(SETTLE_S)
        idle_percent = _idle_cpu_percent(server)
        idle_memory = _memory(server)
        _load(server, options, seconds=3, mark="warm")
        before = server.counted()
        with _peak_memory(server) as peak:
            result = _load(server, options, seconds=options.seconds, mark="run")
        # wrk walks away from what it has sent last: up to one request a connection is stored unanswered.
        stored = _settled_count(server) - before
        acknowledged = result.answers - result.not_200
        is_exact = 0 <= stored - acknowledged <= options.connections
        get_pixel_ms = _get_pixel_ms(server)
        total = server.counted()
        ready_s = server.ready_s
        server.stop()
    events, payload_bytes = _payloads(data_dir)
    disk_bytes = _disk_bytes(data_dir)
    rows: Rows = [
        ("durable pixels a second", f"{acknowledged / result.duration_s:,.0f}", "at least 10,000"),
        ("answered 200, of all answers", f"{acknowledged:,} of {result.answers:,}", "all"),
        (
            "stored, by the read-back",
            f"{stored:,}",
            f"as answered, and up to {options.connections} in flight",
        ),
        ("socket errors", str(result.socket_errors), "0"),
        ("latency p50", f"{result.p50_ms:.2f} ms", ""),
        ("latency p99", f"{result.p99_ms:.2f} ms", "under 15 ms"),
        ("latency, the longest", f"{result.max_ms:.1f} ms", ""),
        ("start of the first run to ready", f"{ready_s:.2f} s", "under 3 s"),
        ("idle CPU, all processes", f"{idle_percent:.2f} % of a core", "under 1 %"),
        *_memory_rows(idle_memory, "idle", ""),
        *_memory_rows(peak, "peak under load", "under 350 MB"),
        ("bytes on disk per event", f"{disk_bytes / events:,.0f}", ""),
        ("payload per event", f"{payload_bytes / events:,.0f} bytes", ""),
        ("bytes on disk per payload byte", f"{disk_bytes / payload_bytes:.2f}", ""),
        (f"Get pixel, median, {total:,} events stored", f"{get_pixel_ms:.2f} ms", "under 10 ms"),
        ("load generator", f"{result.generator}, beside the server", ""),
        ("load", f"{options.connections} connections, {options.seconds} s, {options.workers} workers", ""),
    ]
    assert total == events, f"Get pixel counts {total}, on disk are {events}"
    return rows, is_exact


def growth(data_dir: Path, options: argparse.Namespace) -> Rows:
    """Get pixel over many more events, put there past the HTTP server."""
    with Server(data_dir, workers=1) as server:
        server.stop()
    names = max(1, options.growth // 10)
    took_s = fill.fill(data_dir, pixel=1, events=options.growth, names=names, worker=1)
    with Server(data_dir, workers=1) as server:
        wait_until(lambda: server.pixel()["historical_events"], 30, "the counts are there")
        get_pixel_ms = _get_pixel_ms(server)
        ready_s = server.ready_s
    what = f"Get pixel, median, {options.growth:,} events of {names:,} names stored"
    return [
        (what, f"{get_pixel_ms:.2f} ms", "under 10 ms"),
        (f"start to ready, {options.growth:,} events stored", f"{ready_s:.2f} s", "under 3 s"),
        ("recorder's writer alone, small payloads", f"{options.growth / took_s:,.0f} events a second", ""),
    ]


def report(rows: Rows, facts: dict[str, str]) -> str:
    """One Markdown page that reads well in a terminal too."""
    command = " ".join([".venv/bin/python", "benchmarks/bench.py", *sys.argv[1:]])
    lines = ["# Results of the benchmark", "", f"`{command}`, {datetime.now(UTC):%Y-%m-%d}", ""]
    lines += _table(["machine", ""], [*facts.items()])
    lines += ["", *_table(["what", "measured", "expected"], rows), ""]
    return "\n".join(lines)


def _load(server: Server, options: argparse.Namespace, *, seconds: int, mark: str) -> load.Result:
    return load.run(
        server.port, server.facts["write_key"], connections=options.connections, seconds=seconds, mark=mark
    )


def _settled_count(server: Server) -> int:
    """The count when it grows no more: the last requests of the load are answered to nobody."""
    counts = [-1, server.counted()]
    while counts[-1] != counts[-2]:
        time.sleep(0.3)
        counts.append(server.counted())
    return counts[-1]


def _idle_cpu_percent(server: Server) -> float:
    before = sum(process.cpu_ticks for process in server.processes())
    time.sleep(IDLE_S)
    after = sum(process.cpu_ticks for process in server.processes())
    return (after - before) / processes.TICKS_PER_S / IDLE_S * 100


def _memory(server: Server) -> dict[str, int]:
    """PSS of each process, by role; workers are numbered."""
    found: dict[str, int] = {}
    for process in server.processes():
        name = process.role
        if name == "worker":
            name += f" {sum(known.startswith('worker') for known in found) + 1}"
        try:
            found[name] = found.get(name, 0) + processes.pss_bytes(process.pid)
        except OSError:
            continue  # it ended between the two looks
    return found


@contextmanager
def _peak_memory(server: Server) -> Iterator[dict[str, int]]:
    """The highest PSS of each process meanwhile."""
    peak: dict[str, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            for name, size in _memory(server).items():
                peak[name] = max(size, peak.get(name, 0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _memory_rows(memory: dict[str, int], when: str, expected: str) -> Rows:
    rows = [(f"memory {when}, {name}", f"{size / MIB:.1f} MiB", "") for name, size in sorted(memory.items())]
    return [*rows, (f"memory {when}, all", f"{sum(memory.values()) / MIB:.1f} MiB", expected)]


def _get_pixel_ms(server: Server) -> float:
    took = []
    for _ in range(GET_PIXEL_TIMES):
        started = time.perf_counter()
        server.pixel()
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3


def _payloads(data_dir: Path) -> tuple[int, int]:
    """Events on disk, and the bytes of their payloads."""
    events = payload_bytes = 0
    for path in (data_dir / "events").glob("*.db"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        row = connection.execute("SELECT count(*), total(length(payload)) FROM event").fetchone()
        connection.close()
        events += row[0]
        payload_bytes += int(row[1])
    return events, payload_bytes


def _disk_bytes(data_dir: Path) -> int:
    """Allocated for the recorder's files, logs included."""
    files = [*(data_dir / "events").iterdir(), *data_dir.glob("totals.db*")]
    return sum(path.stat().st_blocks * 512 for path in files if not path.name.endswith("-shm"))


def _table(head: list[str], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in [tuple(head), *rows]) for column in range(len(head))]

    def line(cells: list[str] | tuple[str, ...]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return [line(head), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *(line(row) for row in rows)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure this machine.")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--growth", type=int, default=1_000_000, help="events for Get pixel; 0: leave it out")
    parser.add_argument("--dir", type=Path, help="a directory on the disk to be measured")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
