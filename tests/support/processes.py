"""What /proc tells of the processes of one session: who is there, in what role, with how much memory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_ROLES = {
    "pixelwire.record": "recorder",
    "pixelwire.manage": "manage",
    "pixelwire.deliver": "courier",
    "resource_tracker": "resource_tracker",
    "--multiprocessing-fork": "worker",
    "quickstart": "supervisor",
    "serve": "supervisor",
}


class Process(NamedTuple):
    pid: int
    role: str
    cpu_ticks: int  # user and system


def of_session(session: int, roles: Mapping[str, str] = _ROLES) -> list[Process]:
    """The living processes of a session, orphans included; zombies do not live. `roles`: what a word of the
    command line holds -> the role; the first one that fits."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, of, ticks = stat[0], int(stat[3]), int(stat[11]) + int(stat[12])
        if of == session and state not in "ZX":
            found.append(Process(int(entry.name), _role(command, roles), ticks))
    return sorted(found)


def pss_bytes(pid: int) -> int:
    """Proportional set size: shared pages are counted once over all that share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no Pss in smaps_rollup")


def cpu_ticks(pid: int) -> int:
    """What a process has used of the processors, user and system, in ticks."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def _role(command: str, roles: Mapping[str, str]) -> str:
    words = command.split("\0")
    for mark, role in roles.items():
        if any(mark in word for word in words):
            return role
    return "other"
