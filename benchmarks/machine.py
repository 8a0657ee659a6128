"""What the figures were measured on."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path


def facts(directory: Path) -> dict[str, str]:
    return {
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "busy with something else before": f"{_busy_percent():.0f} % of all cores",
        "4 KiB write and fdatasync, median": f"{_sync_ms(directory):.2f} ms",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _busy_percent(over_s: float = 2.0) -> float:
    """Of the cores' time; figures taken beside other work are not worth much."""

    def ticks() -> tuple[int, int]:
        values = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(values), values[3] + values[4]  # all, idle and waiting for the disk

    all_before, idle_before = ticks()
    time.sleep(over_s)
    all_after, idle_after = ticks()
    return 100 - (idle_after - idle_before) / max(all_after - all_before, 1) * 100


def _sync_ms(directory: Path, times: int = 200) -> float:
    block = os.urandom(4_096)
    took = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(times):
            started = time.perf_counter()
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3
