"""What a server uses while it works: processors and memory by the role of its processes. Knows no server."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from support.processes import TICKS_PER_S, Process, pss_bytes

LOOK_S = 1.0
QUIET_S = 0.3
QUIET_TICKS = 2  # in QUIET_S, of all its processes: what an idle server of ours uses
QUIET_DEADLINE_S = 10.0

Look = Callable[[], Sequence[Process]]


def cpu_s(processes: Sequence[Process]) -> dict[int, float]:
    """User and system seconds used so far, by process id."""
    return {process.pid: process.cpu_ticks / TICKS_PER_S for process in processes}


def memory(processes: Sequence[Process]) -> dict[str, int]:
    """PSS bytes by role."""
    found: dict[str, int] = defaultdict(int)
    for process in processes:
        try:
            found[process.role] += pss_bytes(process.pid)
        except OSError:
            continue  # it ended between the two looks
    return dict(found)


def wait_quiet(look: Look) -> None:
    """Until a server has done what it had left to do, or QUIET_DEADLINE_S have passed."""
    deadline_s = time.monotonic() + QUIET_DEADLINE_S
    before = None
    while time.monotonic() < deadline_s:
        ticks = sum(process.cpu_ticks for process in look())
        if before is not None and ticks - before <= QUIET_TICKS:
            return
        before = ticks
        time.sleep(QUIET_S)


class Meter:
    """`with Meter(look) as meter:` measures what happens within, and what is left to be done after it."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.cpu_s: dict[str, float] = {}  # by role
        self.memory: dict[str, int] = {}  # by role, the highest PSS bytes seen

    def __enter__(self) -> Self:
        self._before = cpu_s(self._look())
        self._done = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="memory")
        self._watching.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watching.join()
        if kind is not None:
            return
        wait_quiet(self._look)
        used: dict[str, float] = defaultdict(float)
        processes = self._look()
        after = cpu_s(processes)
        for process in processes:
            used[process.role] += after[process.pid] - self._before.get(process.pid, 0.0)
        self.cpu_s = dict(used)

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            for role, size in memory(self._look()).items():
                self.memory[role] = max(size, self.memory.get(role, 0))
