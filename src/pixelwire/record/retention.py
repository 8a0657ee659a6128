"""Which segment retention removes next, if any. Pure: what is on disk, time and cursors are handed in.

Two kinds of limits. The soft ones (age, size, free disk) wait for the slowest destination, for the window in
which a message id counts as a duplicate, and, those of age, for an owner's word after a jump of the clock.
The hard ones (size, free disk) wait for nothing: what they take too early is lost, and said loudly.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.limits import (
    DUPLICATE_WINDOW_MS,
    RETENTION_SEGMENT_BYTES_MIN,
    RETENTION_SEGMENTS,
    SEGMENT_BYTES_MAX,
)

JUMP_HOURS: Final = DAY_MS // HOUR_MS

Why = Literal["age", "size", "free_disk"]
Holder = Literal["sealing", "destination", "duplicates", "clock"]


class RetentionLimits(NamedTuple):
    """What the owner chose; None: no such limit."""

    age_ms: int | None = None
    bytes_max: int | None = None
    free_bytes_min: int | None = None
    hard_bytes_max: int | None = None
    hard_free_bytes_min: int | None = None

    @property
    def is_off(self) -> bool:
        return all(limit is None for limit in self)

    @property
    def segment_bytes(self) -> int:
        """When a segment is sealed: whole ones are removed, so under a limit of size they are small."""
        sizes = [size for size in (self.bytes_max, self.hard_bytes_max) if size is not None]
        share = min(sizes, default=SEGMENT_BYTES_MAX * RETENTION_SEGMENTS) // RETENTION_SEGMENTS
        return max(RETENTION_SEGMENT_BYTES_MIN, min(share, SEGMENT_BYTES_MAX))


class SegmentFacts(NamedTuple):
    """What retention needs to know of one segment."""

    number: int
    first_seq: int
    last_seq: int
    size_bytes: int
    newest_ms: int  # the end of the last hour of its events
    steady_ms: int  # of its last event, on the steady line (timeline.py): no clock that is set moves it
    hours: frozenset[int]  # in which its events were received
    is_folded: bool  # sealed, and its counts are in the totals

    @property
    def events(self) -> int:
        return self.last_seq - self.first_seq + 1


class Jump(NamedTuple):
    """No event was received between these hours: a quiet time, or a clock that was set."""

    from_hour: int
    to_hour: int


class Situation(NamedTuple):
    """Everything at one moment."""

    segments: Sequence[SegmentFacts]  # oldest first; the last one is open and stays
    newest_ms: int  # when the newest event was received
    steady_ms: int  # the same on the steady line
    free_bytes: int
    cursor: int | None  # of the slowest destination; None: nothing is delivered
    confirmed: Collection[int] = frozenset()  # hours after which a jump is no reason to wait


class Removal(NamedTuple):
    """A segment that may go now."""

    segment: SegmentFacts
    why: Why
    lost_after: int | None = None  # events after this one had not reached every destination
    is_early: bool = False  # by a hard limit, before the soft ones would let it go


class Verdict(NamedTuple):
    removal: Removal | None = None
    why: Why | None = None  # the limit that is passed, also while something holds
    held_by: Holder | None = None


def decide(limits: RetentionLimits, now: Situation) -> Verdict:
    """Looks at the oldest segment: it goes, it must wait and for what, or no limit is passed."""
    if len(now.segments) < 2 or limits.is_off:
        return Verdict()
    oldest = now.segments[0]
    hard, soft = _hard(limits, now), _soft(limits, now)
    why = hard or soft
    if why is None:
        return Verdict()
    if not oldest.is_folded:
        return Verdict(None, why, "sealing")
    holder = _holder(now, oldest, by_age=hard is None and soft == "age")
    if holder is None:
        return Verdict(Removal(oldest, why), why)
    if hard is None:
        return Verdict(None, why, holder)
    is_unsent = now.cursor is not None and now.cursor < oldest.last_seq
    return Verdict(Removal(oldest, why, now.cursor if is_unsent else None, is_early=True), why)


def jumps(now: Situation) -> list[Jump]:
    """Stretches of more than a day without an event, that nobody has confirmed, oldest first.

    Seen in the hours that have events and not event by event: a clock that goes forth or back by more than
    a day leaves such a hole, in whatever order the events came.
    """
    hours = sorted(frozenset().union(*(segment.hours for segment in now.segments)))
    return [jump for jump in _holes(hours) if jump.to_hour not in now.confirmed]


def _holes(hours: Sequence[int]) -> Iterator[Jump]:
    for before, after in pairwise(hours):
        if after - before > JUMP_HOURS:
            yield Jump(before, after)


def _hard(limits: RetentionLimits, now: Situation) -> Why | None:
    if limits.hard_bytes_max is not None and _size(now) > limits.hard_bytes_max:
        return "size"
    if limits.hard_free_bytes_min is not None and now.free_bytes < limits.hard_free_bytes_min:
        return "free_disk"
    return None


def _soft(limits: RetentionLimits, now: Situation) -> Why | None:
    if limits.bytes_max is not None and _size(now) > limits.bytes_max:
        return "size"
    if limits.free_bytes_min is not None and now.free_bytes < limits.free_bytes_min:
        return "free_disk"
    if limits.age_ms is not None and _age_ms(now) > limits.age_ms:
        return "age"
    return None


def _holder(now: Situation, oldest: SegmentFacts, *, by_age: bool) -> Holder | None:
    """What a soft limit waits for before it takes the oldest segment."""
    if now.cursor is not None and now.cursor < oldest.last_seq:
        return "destination"
    if now.steady_ms - oldest.steady_ms <= DUPLICATE_WINDOW_MS:
        return "duplicates"
    if by_age and jumps(now):
        return "clock"
    return None


def _size(now: Situation) -> int:
    return sum(segment.size_bytes for segment in now.segments)


def _age_ms(now: Situation) -> int:
    """Of the oldest segment, by the newest event.

    Events that seem to be from the future were received by a clock that was wrong: the first later segment
    whose time can be right stands for theirs.
    """
    newest_ms = next(
        (segment.newest_ms for segment in now.segments if segment.newest_ms < now.newest_ms + HOUR_MS),
        now.newest_ms,
    )
    return now.newest_ms - newest_ms
