"""Makes figures of measured windows: medians over the turns, ratios within a turn. Pure."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from windows import Window


class Figures(NamedTuple):
    """A rung by one way, medians over the turns."""

    rate: float
    rate_lowest: float
    rate_highest: float
    ratio: float  # to the first rung, in the same turn
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us: dict[str, float]  # an answer, by role
    memory_bytes: int  # PSS of all its processes
    syncs_per_s: float
    failures: int  # in all turns: answers that are not 200, broken connections
    late_percent: float  # of all turns' requests

    @property
    def cpu_us_all(self) -> float:
        return sum(self.cpu_us.values())


def summarise(windows: Sequence[Window], first: str) -> dict[tuple[str, str], Figures]:
    """By (rung, way). `first` is the rung that the others are compared with."""
    ceilings = {(window.way, window.turn): window.rate for window in windows if window.rung == first}
    by_place: dict[tuple[str, str], list[Window]] = {}
    for window in windows:
        by_place.setdefault((window.rung, window.way), []).append(window)
    return {place: _figures(found, ceilings) for place, found in by_place.items()}


def _figures(windows: Sequence[Window], ceilings: dict[tuple[str, int], float]) -> Figures:
    def median(of: Callable[[Window], float]) -> float:
        return statistics.median(map(of, windows))

    rates = [window.rate for window in windows]
    roles = _in_order(role for window in windows for role in window.cpu_us)
    return Figures(
        rate=statistics.median(rates),
        rate_lowest=min(rates),
        rate_highest=max(rates),
        ratio=median(lambda window: window.rate / ceilings[window.way, window.turn]),
        p50_ms=median(lambda window: window.p50_ms),
        p99_ms=median(lambda window: window.p99_ms),
        p999_ms=median(lambda window: window.p999_ms),
        cpu_us={role: median(lambda window, role=role: window.cpu_us.get(role, 0.0)) for role in roles},
        memory_bytes=round(median(lambda window: sum(window.memory.values()))),
        syncs_per_s=median(lambda window: window.syncs_per_s),
        failures=sum(window.not_200 + window.socket_errors for window in windows),
        late_percent=sum(window.late for window in windows)
        / max(1, sum(window.answers for window in windows))
        * 100,
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of the values that at least `part` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * part // 1) - 1)]


def _in_order(names: Iterable[str]) -> list[str]:
    """Each once, as they come."""
    return list(dict.fromkeys(names))
