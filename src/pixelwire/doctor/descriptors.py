"""How many files and connections a process may have, against the connections that are promised."""

import re
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pixelwire.doctor.finding import Finding, fail, ok, warn

CHECK: Final = "descriptors"
OWN: Final = 256  # what a worker needs besides connections
WORST: Final = 1_024  # with fewer, a handful of slow clients keeps all others out
NEARLY: Final = 0.8
_LIMIT: Final = re.compile(r"^Max open files\s+(\S+)\s+(\S+)", re.MULTILINE)


class Use(NamedTuple):
    limit: int
    used: int


def check(workers: Sequence[int], connections: int) -> Finding:
    """Of running workers by their pids; else of what a server started from here would have."""
    uses = [use for pid in workers if (use := use_of(pid)) is not None]
    whose = "a worker has" if uses else "a server started from here would have"
    if not uses:
        uses = [Use(_hard_limit(), 0)]
    least = min(uses)
    used = max(uses, key=lambda use: use.used / use.limit)
    said = f"{whose} {least.limit:,}, for {connections:,} connections"
    do = f"raise the hard limit to {connections * 2:,}: LimitNOFILE= of the service, ulimits of the container"
    if least.limit < WORST:
        return fail(CHECK, said, do)
    if least.limit < connections + OWN:
        return warn(CHECK, said, do)
    if used.used > NEARLY * used.limit:
        return warn(CHECK, f"a worker uses {used.used:,} of {used.limit:,}", do)
    return ok(CHECK, said)


def use_of(pid: int) -> Use | None:
    """None for a process that is gone, or another user's."""
    process = Path(f"/proc/{pid}")
    try:
        found = _LIMIT.search((process / "limits").read_text())
        used = sum(1 for _ in (process / "fd").iterdir())
    except OSError:
        return None
    if found is None:
        return None
    return Use(1 << 30 if found[1] == "unlimited" else int(found[1]), used)


def _hard_limit() -> int:
    """The server raises its soft limit to it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 30 if hard == resource.RLIM_INFINITY else hard
