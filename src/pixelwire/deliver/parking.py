"""Events that wait for another attempt, and behind each the later ones of its identity: its line. Pure.

All their rows are durable in delivery.db and their payloads stay in the segments. Here are only numbers, and
of each line only the first rows, so that a visitor who fails and comes again and again costs no memory.

Invariants:
- The rows of a line that are in memory are its first ones, and those under way are the first of these.
- A line can be taken when nothing of it is under way or on its way to the disk, and no earlier event of its
  identity is in the window or may still be read into it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
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
    under_way: int = 0  # rows that were taken, or are on their way to the disk
    is_behind: bool = False  # the window has earlier events of the identity
    is_ahead: bool = False  # events between its rows, or before them, may still be read
    due: Parked | None = None  # its first row, while that can be taken


class Parking:
    def __init__(self, lines: Iterable[tuple[Parked, int, int | None]] = ()) -> None:
        """Takes up what was parked when the courier ended: the first row of each line, its length, and its
        first seq after the cursor, if there is one. Earlier events may be read until that is `reached`.
        """
        self._lines: dict[int, Line] = {}
        self._crowds: set[int] = set()
        self._nobodys = 0
        self._total = 0
        # Heap by time, then seq, then as they came: rows that can be taken, and some that could be once.
        self._due: list[tuple[int, int, int, Parked]] = []
        self._waits = count()
        self._ahead: list[tuple[int, int]] = []  # heap of (seq, identity)
        for first, length, ahead in lines:
            self._total += length
            if first.identity_key == NOBODY:
                self._nobodys += 1
                self._wait(first)
                continue
            line = self._lines[first.identity_key] = Line(deque([first]), 0, is_ahead=ahead is not None)
            self._grow(first.identity_key, length)
            if ahead is not None:
                heappush(self._ahead, (ahead, first.identity_key))
            self._let_go(line)

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
        if any(self._has_failed(identity_key) for identity_key in self._crowds):
            return f"{self._total} events are parked: one that fails holds up many later ones of its visitor"
        return ""

    def holds(self, identity_key: int, seq: int) -> bool:
        """Whether an event of this identity must wait here too: behind earlier ones."""
        line = self._lines.get(identity_key)
        return line is not None and not (line.rows and seq < line.rows[0].seq)

    def has_crowd(self, identity_key: int) -> bool:
        """Whether more than a few wait in the line of this identity."""
        return identity_key in self._crowds

    def reached(self, scanned_to: int) -> None:
        """No event up to here will be read any more."""
        while self._ahead and self._ahead[0][0] <= scanned_to:
            line = self._lines[heappop(self._ahead)[1]]
            line.is_ahead = False
            self._let_go(line)

    # -- In ----------------------------------------------------------------------------------------

    def add(self, row: Parked, *, is_under_way: bool = False) -> None:
        """Takes a row in, to its place by seq. One on its way to the disk holds its line until `again`.

        Else it must be the last of its line, or its line be held already.
        """
        self._total += 1
        if row.identity_key == NOBODY:
            self._nobodys += 1
            return
        line = self._lines.get(row.identity_key)
        if line is None:
            line = self._lines[row.identity_key] = Line(deque(), 0)
        if is_under_way:
            line.under_way += 1
            line.due = None
        self._insert(line, row)
        self._grow(row.identity_key, 1)

    def stand_behind(self, identity_key: int) -> None:
        """A line, if there is one, waits for earlier events of its identity that are in the window."""
        if line := self._lines.get(identity_key):
            line.is_behind = True

    def step_up(self, identity_key: int) -> bool:
        """There are no earlier events of an identity in the window any more.

        True when the next row of its line must be looked up for `load`.
        """
        line = self._lines.get(identity_key)
        if line is None or not line.is_behind:
            return False
        line.is_behind = False
        return self._let_go(line)

    def is_starved(self, identity_key: int) -> bool:
        """Whether a line has rows, and none of them in memory."""
        line = self._lines.get(identity_key)
        return line is not None and not line.rows

    def load(self, identity_key: int, rows: Iterable[Parked]) -> None:
        """The next of a line whose rows were at their end."""
        line = self._lines[identity_key]
        assert not line.rows
        line.rows.extend(rows)
        assert 0 < len(line.rows) <= line.length
        self._let_go(line)

    # -- Out ---------------------------------------------------------------------------------------

    def next_ms(self) -> int | None:
        """When the next row is due."""
        self._forget_stale()
        return self._due[0][0] if self._due else None

    def take(self, now_ms: int) -> Parked | None:
        """The first row of a line, when it is due."""
        next_ms = self.next_ms()
        return self._take() if next_ms is not None and next_ms <= now_ms else None

    def take_any(self) -> Parked | None:
        """The row that is due first, be it early."""
        return self._take() if self.next_ms() is not None else None

    def take_more(self, identity_key: int, rows_max: int) -> list[Parked]:
        """Further rows of a line whose first one was taken just now, as far as they are in memory."""
        line = self._lines[identity_key]
        rows = list(line.rows)[line.under_way : line.under_way + rows_max]
        line.under_way += len(rows)
        return rows

    def lacks(self, identity_key: int) -> bool:
        """Whether all rows of a line in memory are taken, and more are only in delivery.db."""
        line = self._lines[identity_key]
        return line.under_way == len(line.rows) < line.length

    def take_loaded(self, identity_key: int, rows: Sequence[Parked]) -> None:
        """The rows that were lacking are taken too."""
        line = self._lines[identity_key]
        line.rows.extend(rows)
        line.under_way += len(rows)

    def again(self, row: Parked) -> bool:
        """What was taken waits until its `next_ms`; what was on its way to the disk is there.

        True when the next row of its line must be looked up for `load`.
        """
        if row.identity_key == NOBODY:
            self._wait(row)
            return False
        line = self._lines[row.identity_key]
        line.under_way -= 1
        return self._let_go(line)

    def done(self, row: Parked) -> bool:
        """What was taken has come to its end, and that is durable.

        True when the next row of its line must be looked up for `load`.
        """
        self._total -= 1
        if row.identity_key == NOBODY:
            self._nobodys -= 1
            return False
        line = self._lines[row.identity_key]
        line.rows.remove(row)
        line.under_way -= 1
        self._grow(row.identity_key, -1)
        if not line.length:
            del self._lines[row.identity_key]
            return False
        return self._let_go(line)

    def hasten(self, now_ms: int) -> None:
        """Everything is due: the destination is back."""
        for _, _, _, row in self._due:
            row.next_ms = min(row.next_ms, now_ms)
        self._due = [(row.next_ms, row.seq, place, row) for _, _, place, row in self._due]
        heapify(self._due)

    # -- Private -----------------------------------------------------------------------------------

    def _take(self) -> Parked:
        row = heappop(self._due)[-1]
        if row.identity_key != NOBODY:
            line = self._lines[row.identity_key]
            line.due, line.under_way = None, 1
        return row

    def _forget_stale(self) -> None:
        """Rows that came in before one that was due: it is due again after them."""
        while self._due and (row := self._due[0][-1]).identity_key != NOBODY:
            line = self._lines.get(row.identity_key)
            if line is not None and line.due is row:
                return
            heappop(self._due)

    def _let_go(self, line: Line) -> bool:
        """Its first row can be taken if nothing holds it. True when that is only in delivery.db."""
        if line.under_way or line.is_behind or line.is_ahead:
            return False
        while len(line.rows) > LINE_ROWS_MAX:
            line.rows.pop()
        if line.rows and line.due is None:
            line.due = line.rows[0]
            self._wait(line.due)
        return not line.rows

    def _insert(self, line: Line, row: Parked) -> None:
        rows = line.rows
        if not rows or row.seq > rows[-1].seq:
            if len(rows) == line.length and len(rows) < LINE_ROWS_MAX:
                rows.append(row)
            return
        place = len(rows)
        while place and row.seq < rows[place - 1].seq:
            place -= 1
        rows.insert(place, row)

    def _has_failed(self, identity_key: int) -> bool:
        rows = self._lines[identity_key].rows
        return bool(rows and rows[0].attempts)

    def _grow(self, identity_key: int, rows: int) -> None:
        line = self._lines[identity_key]
        line.length += rows
        if line.length > CROWD_MIN:
            self._crowds.add(identity_key)
        else:
            self._crowds.discard(identity_key)

    def _wait(self, row: Parked) -> None:
        heappush(self._due, (row.next_ms, row.seq, next(self._waits), row))
