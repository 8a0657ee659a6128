"""What many stored events change: each figure against the same with the fewest, in the same turn. Pure."""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from results import GrowthPoint

READING = frozenset({"get-pixel", "receipt", "replay"})  # a new server has nothing to read


class Flatness(NamedTuple):
    """One figure at one size, medians over the turns."""

    way: str
    stored: int
    what: str
    value: float
    deviation: (
        float | None
    )  # 0.1: a tenth more than with the fewest events; None: it is what is compared with
    note: str

    @property
    def worsening(self) -> float:
        """How much slower, as a part of what it was; below 0: quicker."""
        deviation = self.deviation or 0.0
        return -deviation if self.what == RATE else deviation


RATE = "a second"
P99 = "p99, ms"
MEASURES: tuple[tuple[str, Callable[[GrowthPoint], float]], ...] = (
    (RATE, lambda point: point.rate),
    ("p50, ms", lambda point: point.p50_ms),
    (P99, lambda point: point.p99_ms),
)


def flatness(points: Sequence[GrowthPoint]) -> list[Flatness]:
    """By way, then size; a figure that is nowhere measured is left out."""
    rows = []
    for way in dict.fromkeys(point.way for point in points):
        here = [point for point in points if point.way == way]
        for what, of in MEASURES:
            if any(of(point) for point in here):
                rows += _rows(way, what, of, here)
    return rows


def _rows(
    way: str, what: str, of: Callable[[GrowthPoint], float], points: Sequence[GrowthPoint]
) -> list[Flatness]:
    sizes = sorted({point.stored for point in points})
    fewest = min((size for size in sizes if size or way not in READING), default=0)
    before = {point.turn: of(point) for point in points if point.stored == fewest}
    rows = []
    for size in sizes:
        here = [point for point in points if point.stored == size]
        changes = [of(point) / before[point.turn] - 1 for point in here if point.turn in before]
        rows.append(
            Flatness(
                way,
                size,
                what,
                statistics.median(map(of, here)),
                statistics.median(changes) if changes and size > fewest else None,
                ", ".join(dict.fromkeys(point.note for point in here if point.note)),
            )
        )
    return rows
