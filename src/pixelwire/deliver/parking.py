"""Events that wait for another attempt, and behind each the later ones of its identity. Pure.

Their rows are durable in delivery.db and their payloads stay in the segments: here are only numbers.

Invariant: of one identity only the first can be taken; the others follow when it is gone.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

import msgspec

from pixelwire.deliver.envelope import NOBODY

PARKED_MAX: Final = 10_000  # of one destination; beyond it, its loop reads nothing new


class Parked(msgspec.Struct, eq=False):
    """One row; `attempts` is 0 for one that only waits for its identity."""

    seq: int
    identity_key: int
    attempts: int
    failing_ms: int  # how long it has failed while others passed
    next_ms: int  # wall clock
    trial: "Trial | None" = None  # its last attempt, if this process made it


class Trial(msgspec.Struct, frozen=True):
    """A failed attempt: what is needed to tell at the next one whether others passed in between."""

    at_s: float  # monotonic
    delay_s: float  # the wait that followed
    answers: int  # what the destination had taken by then


class Parking:
    def __init__(self, rows: Iterable[Parked] = ()) -> None:
        """Takes up what was parked when the courier ended."""
        self._lines: dict[int, deque[Parked]] = {}
        self._due: list[tuple[int, int, Parked]] = []  # heap by time, then seq: rows that can be taken
        self._total = 0
        for row in sorted(rows, key=lambda row: row.seq):
            if not self.add(row):
                self._wait(row)

    def __len__(self) -> int:
        return self._total

    @property
    def is_full(self) -> bool:
        return self._total >= PARKED_MAX

    def holds(self, identity_key: int) -> bool:
        """Whether a later event of this identity must wait here too."""
        return identity_key in self._lines

    def add(self, row: Parked) -> bool:
        """Takes a row in; True when it stands behind another. One that does not waits for `again`."""
        self._total += 1
        if row.identity_key == NOBODY:
            return False
        line = self._lines.setdefault(row.identity_key, deque())
        line.append(row)
        return len(line) > 1

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
        """What was taken or just added waits until its `next_ms`."""
        self._wait(row)

    def done(self, row: Parked) -> None:
        """What was taken has come to its end, and that is durable: the next of its identity can be taken."""
        self._total -= 1
        if row.identity_key == NOBODY:
            return
        line = self._lines[row.identity_key]
        assert line[0] is row
        line.popleft()
        if line:
            self._wait(line[0])
        else:
            del self._lines[row.identity_key]

    def hasten(self, now_ms: int) -> None:
        """Everything is due: the destination is back."""
        for _, _, row in self._due:
            row.next_ms = min(row.next_ms, now_ms)
        self._due = [(row.next_ms, row.seq, row) for _, _, row in self._due]
        heapify(self._due)

    def _wait(self, row: Parked) -> None:
        heappush(self._due, (row.next_ms, row.seq, row))
