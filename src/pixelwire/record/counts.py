"""Counts of a transaction, added up in memory and written as few rows. Free text from strangers stays
bounded: EVENT_NAMES_MAX names a pixel and hour, the rest under one name."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

import apsw

from pixelwire.clock import HOUR_MS
from pixelwire.event import Event, Outcome, Tally
from pixelwire.limits import EVENT_NAMES_MAX, EVENT_NAMES_REST

ADD_SIGNALS = """INSERT INTO signal_count VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""
ADD_NAMES = """INSERT INTO name_count VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""
ADD_OUTCOMES = """INSERT INTO outcome_count VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""
ADD_ACTIVITY = """INSERT INTO activity VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)"""

NAMES_REMEMBERED_MAX = 100_000  # over all pixels and hours; about 15 MB

LoadNames = Callable[[int, int], set[str]]


class NameCap:
    """Decides under which name a track event is counted."""

    def __init__(self, load: LoadNames) -> None:
        self._load = load  # the names already counted for a pixel and hour, from disk
        self._names: OrderedDict[tuple[int, int], set[str]] = OrderedDict()
        self._remembered = 0

    def counted_name(self, pixel: int, hour: int, name: str) -> str:
        known = self._names.get((pixel, hour))
        if known is None:
            known = self._remember(pixel, hour)
        if name in known:
            return name
        if len(known) >= EVENT_NAMES_MAX:
            return EVENT_NAMES_REST
        known.add(name)
        self._remembered += 1
        return name

    def forget(self) -> None:
        """After a failed transaction: what was counted in it is not on disk."""
        self._names.clear()
        self._remembered = 0

    def _remember(self, pixel: int, hour: int) -> set[str]:
        known = self._load(pixel, hour) - {EVENT_NAMES_REST}
        self._names[pixel, hour] = known
        self._remembered += len(known)
        while self._remembered > NAMES_REMEMBERED_MAX and len(self._names) > 1:
            self._remembered -= len(self._names.popitem(last=False)[1])
        return known


class Counts:
    """What one transaction adds to the counts."""

    def __init__(self) -> None:
        self._signals: Counter[tuple[int, int, int]] = Counter()
        self._names: Counter[tuple[int, int, str]] = Counter()
        self._outcomes: Counter[tuple[int, int, str, str]] = Counter()
        self._activity: dict[tuple[int, int], tuple[int, int]] = {}

    def add_stored(self, events: Iterable[Event], cap: NameCap) -> None:
        signals, names, activity = self._signals, self._names, self._activity
        for event in events:
            pixel, received_ms, _, signal, name, _, _, _ = event
            hour = received_ms // HOUR_MS
            signals[pixel, hour, signal] += 1
            if name is not None:
                names[pixel, hour, cap.counted_name(pixel, hour, name)] += 1
            first_last = activity.get((pixel, signal))
            if first_last is None:
                activity[pixel, signal] = (received_ms, received_ms)
            elif received_ms > first_last[1]:
                activity[pixel, signal] = (first_last[0], received_ms)
            elif received_ms < first_last[0]:
                activity[pixel, signal] = (received_ms, first_last[1])

    def add_duplicate(self, event: Event) -> None:
        self._outcomes[event.pixel, event.received_ms // HOUR_MS, Outcome.DUPLICATE, ""] += 1

    def add_tallies(self, tallies: Iterable[Tally]) -> None:
        for hour, pixel, outcome, reason, amount in tallies:
            self._outcomes[pixel, hour, outcome, reason] += amount

    def write(self, connection: apsw.Connection) -> None:
        """Adds everything to the segment's tables, inside the caller's transaction."""
        for (pixel, hour, _), amount in self._signals.items():
            self._outcomes[pixel, hour, Outcome.STORED, ""] += amount
        for statement, amounts in (
            (ADD_SIGNALS, self._signals),
            (ADD_NAMES, self._names),
            (ADD_OUTCOMES, self._outcomes),
        ):
            if amounts:
                connection.executemany(statement, [(*key, amount) for key, amount in amounts.items()])
        connection.executemany(
            ADD_ACTIVITY,
            [(*key, *first_last) for key, first_last in self._activity.items()],
        )
