"""The house table: what a server of ours needs to start, to wait and to answer its owner, and whether what it
answered is what it stored.
"""

import time
from pathlib import Path

import load
import usage
from filled import make_filled
from load import Load
from results import Row
from summary import percentile
from support import processes
from support.server import Server
from support.waiting import wait_until

IDLE_S = 5.0
SETTLE_S = 2.0
GET_PIXEL_TIMES = 200
MIB = 2**20


def measure(directory: Path, asked: Load, *, filled: int) -> list[Row]:
    """AssertionError when what was answered and what is stored do not agree."""
    with Server(directory / "house", workers=2) as server:
        rows = [
            ("start of the first run to ready", f"{server.ready_s:.2f} s", "under 3 s"),
            *_idle(server),
            *_loaded(server, asked),
        ]
        server.stop()
    return [*rows, *_filled(directory / "filled", filled)]


def _idle(server: Server) -> list[Row]:
    time.sleep(SETTLE_S)
    before = sum(process.cpu_ticks for process in server.processes())
    time.sleep(IDLE_S)
    after = sum(process.cpu_ticks for process in server.processes())
    percent = (after - before) / processes.TICKS_PER_S / IDLE_S * 100
    return [
        ("idle CPU, all processes", f"{percent:.2f} % of a core", "under 1 %"),
        *_memory_rows(usage.memory(server.processes()), "idle", ""),
    ]


def _loaded(server: Server, asked: Load) -> list[Row]:
    url, key = f"http://127.0.0.1:{server.port}", server.facts["write_key"]
    load.run(url, key, "warm", asked._replace(seconds=1))
    before = _settled_count(server)
    with usage.Meter(server.processes) as meter:
        result = load.run(url, key, "run", asked)
    stored = _settled_count(server) - before
    acknowledged = result.answers - result.not_200
    # wrk walks away from what it has sent last: up to one request a connection is stored unanswered.
    assert 0 <= stored - acknowledged <= asked.connections, f"{acknowledged} answered, {stored} stored"
    get_pixel_ms = get_pixel(server, GET_PIXEL_TIMES)
    return [
        *_memory_rows(meter.memory, "peak under load", "under 350 MB"),
        ("answered 200, of all answers", f"{acknowledged:,} of {result.answers:,}", "all"),
        (
            "stored, by the read-back",
            f"{stored:,}",
            f"as answered, and up to {asked.connections} in flight",
        ),
        ("socket errors", str(result.socket_errors), "0"),
        (
            f"Get pixel, median, {server.counted():,} events stored",
            f"{percentile(get_pixel_ms, 0.5):.2f} ms",
            "under 10 ms",
        ),
    ]


def _filled(data_dir: Path, events: int) -> list[Row]:
    """Get pixel over many more events, put there past the HTTP server."""
    names, took_s = make_filled(data_dir, events)
    with Server(data_dir, workers=1) as server:
        wait_until(lambda: server.pixel()["historical_events"], 30, "the counts are there")
        get_pixel_ms = percentile(get_pixel(server, GET_PIXEL_TIMES), 0.5)
        ready_s = server.ready_s
    return [
        (
            f"Get pixel, median, {events:,} events of {names:,} names stored",
            f"{get_pixel_ms:.2f} ms",
            "under 10 ms",
        ),
        (f"start to ready, {events:,} events stored", f"{ready_s:.2f} s", "under 3 s"),
        ("recorder's writer alone, small payloads", f"{events / took_s:,.0f} events a second", ""),
    ]


def get_pixel(server: Server, times: int) -> list[float]:
    """Milliseconds of each call."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        server.pixel()
        took.append((time.perf_counter() - started) * 1e3)
    return took


def _settled_count(server: Server) -> int:
    """The count when it grows no more: the last requests of the load are answered to nobody."""
    usage.wait_quiet(server.processes)
    counts = [-1, server.counted()]
    while counts[-1] != counts[-2]:
        time.sleep(0.3)
        counts.append(server.counted())
    return counts[-1]


def _memory_rows(memory: dict[str, int], when: str, expected: str) -> list[Row]:
    rows = [(f"memory {when}, {role}", f"{size / MIB:.1f} MiB", "") for role, size in sorted(memory.items())]
    return [*rows, (f"memory {when}, all", f"{sum(memory.values()) / MIB:.1f} MiB", expected)]
