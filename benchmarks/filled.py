"""A server's data directory with its first pixel and many events of it, made without a load of hours."""

from pathlib import Path

import fill
from support.server import Server


def make_filled(
    data_dir: Path, events: int, *, days: int = fill.DAYS, all_are_clients: bool = False
) -> tuple[int, float]:
    """The number of distinct event names, and the seconds that storing took."""
    with Server(data_dir, workers=1) as server:
        server.stop()
    names = max(1, events // 10)
    took_s = fill.fill(
        data_dir, pixel=1, events=events, names=names, worker=1, days=days, all_are_clients=all_are_clients
    )
    return names, took_s
