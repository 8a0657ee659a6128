"""A steady line of time beside the wall clock, which people and machines set forward and back: by it the age
of a stored id is told. A jump is the wall clock leaving the monotonic one; its sum so far is the offset.

Events keep the time that the server saw. Which offset was theirs is known by their seq: few rows, one for
each segment and two for each jump. For a moment after a jump, events that were received before it are still
on their way: there both offsets are possible, and the one that keeps an id for longer counts.
"""

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire import telemetry
from pixelwire.clock import Clock
from pixelwire.limits import HOLD_S

TOLERANCE_MS: Final = 60_000  # less than this is a clock being disciplined
ON_THEIR_WAY_S: Final = HOLD_S + 2
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Span(NamedTuple):
    """From a seq on, the wall clock was `offset_ms` ahead of the steady line, or perhaps `other_ms`."""

    first_seq: int
    offset_ms: int
    other_ms: int
    base_ms: int  # wall clock less monotonic clock
    boot: str  # the boot whose monotonic clock that is


class Timeline:
    """Belongs to one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
        self._spans: list[Span] = []
        self._now = Span(0, 0, 0, self._base_ms(), self._boot)
        self._settles_s = 0.0
        self._unsaved: list[Span] = []

    def load(self, spans: Iterable[Span]) -> None:
        """What segments on disk remember, before anything is asked. A jump since then is seen at the next
        look when it was on this boot; before that the wall clock is all there is."""
        self._spans = sorted({span.first_seq: span for span in (*self._spans, *spans)}.values())
        if self._spans:
            last = self._spans[-1]
            base_ms = last.base_ms if last.boot == self._boot else self._base_ms()
            self._now = Span(last.first_seq, last.offset_ms, last.offset_ms, base_ms, self._boot)

    def begin(self, first_seq: int) -> Span:
        """The row with which a new segment begins."""
        return self._now._replace(first_seq=first_seq)

    def look(self, next_seq: int) -> list[Span]:
        """The rows to write with the events from `next_seq` on: none but after a jump."""
        jump_ms = self._base_ms() - self._now.base_ms
        if abs(jump_ms) > TOLERANCE_MS:
            before = self._now
            offset_ms = before.offset_ms + jump_ms
            self._note(Span(next_seq, offset_ms, before.offset_ms, before.base_ms + jump_ms, self._boot))
            self._settles_s = self._clock.monotonic_s() + ON_THEIR_WAY_S
            telemetry.logger("record").warning(
                "clock_jumped",
                seconds=round(jump_ms / 1_000),
                remedy="see why the clock was set; ids keep their 48 hours and events the hour that was seen",
            )
        elif self._now.other_ms != self._now.offset_ms and self._clock.monotonic_s() >= self._settles_s:
            self._note(self._now._replace(first_seq=next_seq, other_ms=self._now.offset_ms))
        return self._unsaved

    def saved(self) -> None:
        """What `look` gave is on disk."""
        self._unsaved = []

    def now_ms(self) -> int:
        """The steady line's time, whatever the wall clock says."""
        return round(self._clock.monotonic_s() * 1_000) + self._now.base_ms - self._now.offset_ms

    def now_of(self, received_ms: int) -> int:
        """The steady time of an event that has just come; the earlier one in doubt."""
        return received_ms - max(self._now.offset_ms, self._now.other_ms)

    def time_of(self, seq: int, received_ms: int) -> int:
        """The steady time of a stored event; in doubt the latest that is not in the future."""
        at = bisect_right(self._spans, seq, key=lambda span: span.first_seq)
        if not at:
            return received_ms
        span = self._spans[at - 1]
        times = (received_ms - span.offset_ms, received_ms - span.other_ms)
        past = [time for time in times if time <= self.now_ms() + TOLERANCE_MS]
        return max(past) if past else min(times)

    def _note(self, span: Span) -> None:
        self._now = span
        self._spans.append(span)
        self._unsaved = [*self._unsaved, span]

    def _base_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic_s() * 1_000)


def read_spans(connection: apsw.Connection) -> list[Span]:
    """The rows of one segment."""
    return [Span(*row) for row in connection.execute("SELECT * FROM clock ORDER BY first_seq")]


def write_spans(connection: apsw.Connection, spans: Iterable[Span]) -> None:
    connection.executemany("INSERT OR REPLACE INTO clock VALUES (?, ?, ?, ?, ?)", list(spans))
