"""Events that wait for another attempt, and behind each the later ones of its identity: its line. Pure.

All their rows are durable in delivery.db and their payloads stay in the segments. Here are only numbers, and
of each line only the first rows, so that a visitor who fails and comes again and again costs no memory.

Invariant: of one identity only the first can be taken; the others follow when it is gone.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

import msgspec

from pixelwire.deliver.envelope import NOBODY

LINES_MAX: Final = 10_000  # of one destination; beyond it, new events are tried with care
LINE_ROWS_MAX: Final = 8  # of one line in memory
CROWD_MIN: Final = 100  # a line of more holds so many up that it is told, and that its first event ages


class Parked(msgspec.Struct, eq=False):
    """One row; `attempts` is 0 for one that only waits for its identity."""

    seq: int
    identity_key: int
    attempts: int
    failing_ms: int  # how long it has failed while others passed, or while a crowd waited behind it
    next_ms: int  # wall clock
    letter: int = 0  # the number of the dead letter that is sent again by it; 0: it is none
    attempts_before: int = 0  # of the letter
    trial: "Trial | None" = None  # its last attempt, if this process made it


class Trial(msgspec.Struct, frozen=True):
    """A failed attempt: what is needed to tell at the next one whether others passed in between."""

    at_s: float  # monotonic
    delay_s: float  # the wait that followed
    answers: int  # what the destination had taken by then


class Line(msgspec.Struct, eq=False):
    """Of one identity. What does not fit in `rows` is only in delivery.db, until the rows are gone."""

    rows: deque[Parked]
    length: int


class Parking:
    def __init__(self, lines: Iterable[tuple[Parked, int]] = ()) -> None:
        """Takes up what was parked when the courier ended: the first row of each line, and its length."""
        self._lines: dict[int, Line] = {}
        self._crowds: set[int] = set()
        self._nobodys = 0
        self._total = 0
        self._due: list[tuple[int, int, Parked]] = []  # heap by time, then seq: rows that can be taken
        for first, length in lines:
            if first.identity_key == NOBODY:
                self._nobodys += 1
            else:
                self._lines[first.identity_key] = Line(deque([first]), 0)
                self._grow(first.identity_key, length)
            self._total += length
            self._wait(first)

    def __len__(self) -> int:
        return self._total

    @property
    def is_full(self) -> bool:
        return len(self._lines) + self._nobodys >= LINES_MAX

    @property
    def trouble(self) -> str:
        """What its owner should know; "" when few events are parked."""
        if self.is_full:
            lines = len(self._lines) + self._nobodys
            return f"{self._total} events of {lines} visitors are parked: new events are held up"
        if self._crowds:
            return f"{self._total} events are parked: one that fails holds up many later ones of its visitor"
        return ""

    def holds(self, identity_key: int) -> bool:
        """Whether a later event of this identity must wait here too."""
        return identity_key in self._lines

    def has_crowd(self, identity_key: int) -> bool:
        """Whether more than a few wait in the line of this identity."""
        return identity_key in self._crowds

    def add(self, row: Parked) -> None:
        """Takes a row in. One that is the first of its line waits for `again`.

        A dead letter may be older than what is in its line: it is looked up when the rows in memory are gone.
        """
        self._total += 1
        if row.identity_key == NOBODY:
            self._nobodys += 1
            return
        line = self._lines.setdefault(row.identity_key, Line(deque(), 0))
        is_last = not line.rows or row.seq > line.rows[-1].seq
        if is_last and line.length == len(line.rows) < LINE_ROWS_MAX:
            line.rows.append(row)
        self._grow(row.identity_key, 1)

    def next_ms(self) -> int | None:
        """When the next row is due."""
        return self._due[0][0] if self._due else None

    def take(self, now_ms: int) -> Parked | None:
        """A row that is due."""
        return heappop(self._due)[2] if self._due and self._due[0][0] <= now_ms else None

    def take_any(self) -> Parked | None:
        """The row that is due first, be it early."""
        return heappop(self._due)[2] if self._due else None

    def again(self, row: Parked) -> None:
        """What was taken or just added waits until its `next_ms`, if it is the first of its line."""
        if row.identity_key == NOBODY or self._lines[row.identity_key].rows[0] is row:
            self._wait(row)

    def release(self, identity_key: int) -> None:
        """The first of a line that was held can be taken."""
        self._wait(self._lines[identity_key].rows[0])

    def done(self, row: Parked) -> bool:
        """What was taken has come to its end, and that is durable: the next of its identity can be taken.

        True when that is only in delivery.db, so that it must be looked up for `load`.
        """
        self._total -= 1
        if row.identity_key == NOBODY:
            self._nobodys -= 1
            return False
        line = self._lines[row.identity_key]
        assert line.rows[0] is row
        line.rows.popleft()
        self._grow(row.identity_key, -1)
        if line.rows:
            self._wait(line.rows[0])
        elif not line.length:
            del self._lines[row.identity_key]
        return not line.rows and line.length > 0

    def load(self, identity_key: int, rows: Iterable[Parked]) -> None:
        """The next of a line whose rows were at their end."""
        line = self._lines[identity_key]
        assert not line.rows
        line.rows.extend(rows)
        assert 0 < len(line.rows) <= line.length
        self._wait(line.rows[0])

    def hasten(self, now_ms: int) -> None:
        """Everything is due: the destination is back."""
        for _, _, row in self._due:
            row.next_ms = min(row.next_ms, now_ms)
        self._due = [(row.next_ms, row.seq, row) for _, _, row in self._due]
        heapify(self._due)

    def _grow(self, identity_key: int, rows: int) -> None:
        line = self._lines[identity_key]
        line.length += rows
        if line.length > CROWD_MIN:
            self._crowds.add(identity_key)
        else:
            self._crowds.discard(identity_key)

    def _wait(self, row: Parked) -> None:
        heappush(self._due, (row.next_ms, row.seq, row))
