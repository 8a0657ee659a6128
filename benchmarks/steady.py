"""Memory under load over a while: is it flat?"""

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import load
import usage
from load import Load
from results import Origin, SteadyPart
from support.server import Server

LOOK_S = 5.0
WARM_S = 60.0


def measure(directory: Path, origin: Origin, asked: Load, minutes: float) -> SteadyPart:
    """Loads a server with 2 workers for so many minutes."""
    looks: list[tuple[float, dict[str, int]]] = []
    done = threading.Event()
    with Server(directory / "steady", workers=2) as server:

        def watch() -> None:
            started_s = time.monotonic()
            while not done.wait(LOOK_S):
                looks.append((time.monotonic() - started_s, usage.memory(server.processes())))

        watching = threading.Thread(target=watch, name="memory")
        watching.start()
        try:
            seconds = max(1, round(minutes * 60))
            url = f"http://127.0.0.1:{server.port}"
            result = load.run(url, server.facts["write_key"], "steady", asked._replace(seconds=seconds))
        finally:
            done.set()
            watching.join()
    early, late = ends(looks, min(WARM_S, minutes * 60 / 4))
    return SteadyPart(origin, minutes, result.answers - result.not_200, result.rate, early, late)


def ends(
    looks: Sequence[tuple[float, dict[str, int]]], warm_s: float
) -> tuple[dict[str, int], dict[str, int]]:
    """Medians by role of the first and the last tenth of the looks, each (seconds, bytes by role), after the
    warm-up."""
    seen = [memory for at_s, memory in looks if at_s >= warm_s]
    part = max(1, len(seen) // 10)
    return _medians(seen[:part]), _medians(seen[-part:])


def _medians(looks: Sequence[dict[str, int]]) -> dict[str, int]:
    by_role: dict[str, list[int]] = defaultdict(list)
    for look in looks:
        for role, size in look.items():
            by_role[role].append(size)
    return {role: round(statistics.median(sizes)) for role, sizes in by_role.items()}
