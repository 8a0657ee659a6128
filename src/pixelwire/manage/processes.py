"""What the supervisor says of the server's processes, and what the kernel says of their memory."""

import os
import resource
from pathlib import Path
from typing import Final

import msgspec

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class ChildState(msgspec.Struct, frozen=True):
    pid: int | None = None
    state: str = ""
    restarts: int = 0


class WorkersState(msgspec.Struct, frozen=True):
    pids: list[int] = []
    count: int = 0
    restarts: int = 0  # of all of them


class Processes(msgspec.Struct, frozen=True):
    recorder: ChildState = ChildState()
    manage: ChildState = ChildState()
    courier: ChildState = ChildState()
    workers: WorkersState = WorkersState()

    @property
    def children(self) -> dict[str, ChildState]:
        return {"recorder": self.recorder, "manage": self.manage, "courier": self.courier}

    @property
    def workers_alive(self) -> int:
        return sum(resident_bytes(pid) is not None for pid in self.workers.pids)


def read_processes(path: str) -> Processes | None:
    """None when there is no supervisor's state file, or none that can be read."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Processes)
    except (OSError, msgspec.MsgspecError):
        return None


def resident_bytes(pid: int) -> int | None:
    """The memory of a process; None when there is none, or only what a dead one has left."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES or None
    except (OSError, IndexError, ValueError):
        return None


def descriptors(pid: int) -> tuple[int, int] | None:
    """(open, allowed) file descriptors of a process; None when there is no such process."""
    try:
        folder = Path(f"/proc/{pid}/fd")
        # The size is their number since Linux 6.2; before, they are counted.
        used = folder.stat().st_size or sum(1 for _ in folder.iterdir())
        return used, resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    except (OSError, ValueError):
        return None
