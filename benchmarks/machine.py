"""What the figures were measured on."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def facts(directory: Path) -> dict[str, str]:
    return {
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "busy with something else before": f"{_busy_percent():.0f} % of all cores",
        "4 KiB write and fdatasync, median": f"{sync_ms(directory):.2f} ms",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def busy_s() -> float:
    """Seconds that all cores together have worked since the machine started."""
    return _ticks()[0] / _TICKS_PER_S


def sync_ms(directory: Path, size_bytes: int = 4_096, times: int = 200) -> float:
    """The median of what it takes to add so many bytes to a file and have them on the disk."""
    block = os.urandom(size_bytes)
    took = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(times):
            started = time.perf_counter()
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3


def _busy_percent(over_s: float = 2.0) -> float:
    """Of the cores' time; figures taken beside other work are not worth much."""
    busy, idle = _ticks()
    time.sleep(over_s)
    busy_after, idle_after = _ticks()
    passed = max(busy_after + idle_after - busy - idle, 1)
    return (busy_after - busy) / passed * 100


def _ticks() -> tuple[int, int]:
    """Busy, and idle or waiting for the disk, of all cores."""
    values = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = values[3] + values[4]
    return sum(values) - idle, idle
