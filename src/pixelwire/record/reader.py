"""The door for everybody who reads: events, receipts and counts, over all segments and the totals.
Writes nothing; knows no HTTP and no catalog.

A read sees every event that was acknowledged before it began: the totals are read first, with the number
of the newest segment in them, and then every later segment found on disk.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import apsw

from pixelwire.event import StoredEvent, client_id_key, is_own_id_shape, own_id_key
from pixelwire.limits import EVENTS_PAGE_BYTES_MAX
from pixelwire.record.ids import key_bytes, message_id_of, positions_in
from pixelwire.record.segments import (
    SegmentInfo,
    last_seq,
    open_for_reading,
    read_info,
    schema_version,
    segment_numbers,
    segment_path,
    totals_path,
)

CONNECTIONS_MAX = 64
SCAN_SEQS_MAX = 20_000  # looked at in one read of some pixels' events, so that a read stays short
COLUMNS = "seq, pixel, received_ms, call, signal, payload, extra"


class Page(NamedTuple):
    """A stretch of stored events."""

    events: list[StoredEvent]
    scanned_to: int  # every event up to this seq was looked at: the `after` of the next read
    at_head: bool


class Segment(NamedTuple):
    info: SegmentInfo
    connection: apsw.Connection


class Reader:
    """Belongs to one thread. Works on a directory where nothing was recorded yet."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._segments: dict[int, Segment] = {}
        self._totals: apsw.Connection | None = None

    def close(self) -> None:
        for segment in self._segments.values():
            segment.connection.close()
        self._segments.clear()
        if self._totals is not None:
            self._totals.close()
            self._totals = None

    # -- Events ------------------------------------------------------------------------------------

    def store_id(self) -> str:
        """The store that the events are of; empty while nothing was recorded."""
        newest = next(self._newest_first(), None)
        return newest.info.store_id if newest else ""

    def head(self) -> int:
        """The newest seq, 0 when there is none."""
        newest = next(self._newest_first(), None)
        return last_seq(newest.connection, newest.info) if newest else 0

    def oldest(self) -> int:
        """The first seq that is still on disk (or will be, when it is empty)."""
        for number in segment_numbers(self._data_dir):
            segment = self._segment(number)
            if segment is not None:
                return segment.info.first_seq
        return 1

    def stored_total(self) -> int:
        """All events ever stored: seqs have no gaps and are never used again."""
        return self.head()

    def read(
        self,
        after: int,
        *,
        limit: int,
        pixels: frozenset[int] | None = None,
        bytes_max: int = EVENTS_PAGE_BYTES_MAX,
    ) -> Page:
        """Events after a seq in order, at most `limit` and about `bytes_max` of payload."""
        events: list[StoredEvent] = []
        size = 0
        position = after
        for segment in self._from(after):
            segment_last = last_seq(segment.connection, segment.info)
            if segment_last <= position:
                continue
            position = max(position, segment.info.first_seq - 1)
            while position < segment_last:
                scan_to = min(segment_last, position + SCAN_SEQS_MAX)
                for event in _scan(segment.connection, position, scan_to, pixels, limit - len(events)):
                    events.append(event)
                    size += len(event.payload) + len(event.extra)
                    if len(events) >= limit or size >= bytes_max:
                        return Page(events, event.seq, at_head=False)
                position = scan_to
                if pixels is not None:
                    return Page(events, position, at_head=position >= self.head())
        return Page(events, position, at_head=True)

    def get(self, seq: int) -> StoredEvent | None:
        """The event of a seq; None when it is not stored or past retention."""
        page = self.read(seq - 1, limit=1)
        return page.events[0] if page.events and page.events[0].seq == seq else None

    def find(self, pixel: int, message_id: str) -> StoredEvent | None:
        """A pixel's newest event of a message id; None when there is none."""
        keys = [key_bytes(client_id_key(pixel, message_id))]
        if is_own_id_shape(message_id):
            keys.append(key_bytes(own_id_key(message_id)))
        for segment in self._newest_first():
            candidates = sorted({seq for key in keys for seq in _seqs(segment, key)}, reverse=True)
            for seq in candidates:
                event = _get(segment.connection, seq)
                if event is not None and event.pixel == pixel and message_id_of(event.payload) == message_id:
                    return event
        return None

    # -- Counts ------------------------------------------------------------------------------------

    def signal_counts(self, pixel: int, from_hour: int, to_hour: int) -> dict[tuple[int, int], int]:
        """(hour, signal) -> events; hours inclusive; events without a signal under 0."""
        return self._sum(
            "SELECT hour, signal, amount FROM signal_count WHERE pixel = ? AND hour BETWEEN ? AND ?",
            (pixel, from_hour, to_hour),
        )

    def name_counts(self, pixel: int, from_hour: int, to_hour: int) -> dict[tuple[int, str], int]:
        """(hour, name) -> track events; hours inclusive."""
        return self._sum(
            "SELECT hour, name, amount FROM name_count WHERE pixel = ? AND hour BETWEEN ? AND ?",
            (pixel, from_hour, to_hour),
        )

    def outcomes(self, pixel: int | None, from_hour: int, to_hour: int) -> dict[tuple[int, str, str], int]:
        """(hour, outcome, reason) -> requests of a pixel, of none (0), or of the whole server (None)."""
        if pixel is None:
            return self._sum(
                "SELECT hour, outcome, reason, amount FROM outcome_count WHERE hour BETWEEN ? AND ?",
                (from_hour, to_hour),
            )
        return self._sum(
            "SELECT hour, outcome, reason, amount FROM outcome_count"
            " WHERE pixel = ? AND hour BETWEEN ? AND ?",
            (pixel, from_hour, to_hour),
        )

    def activity(self, pixel: int) -> dict[int, tuple[int, int]]:
        """signal -> when its first and its newest event were received, in milliseconds."""
        found: dict[int, tuple[int, int]] = {}
        query = "SELECT signal, first_ms, last_ms FROM activity WHERE pixel = ?"
        for signal, first_ms, last_ms in self._rows(query, (pixel,)):
            first, last = found.get(signal, (first_ms, last_ms))
            found[signal] = (min(first, first_ms), max(last, last_ms))
        return found

    # -- Private -----------------------------------------------------------------------------------

    def _sum(self, query: str, bindings: Sequence[int]) -> dict[tuple, int]:  # type: ignore[type-arg] # keys as the query's columns
        sums: dict[tuple, int] = {}  # type: ignore[type-arg] # see above
        for *key, amount in self._rows(query, bindings):
            sums[tuple(key)] = sums.get(tuple(key), 0) + amount
        return {key: amount for key, amount in sums.items() if amount}

    def _rows(self, query: str, bindings: Sequence[int]) -> Iterator[tuple]:  # type: ignore[type-arg] # as the query
        folded_to = 0
        totals = self._open_totals()
        if totals is not None:
            totals.execute("BEGIN")
            try:
                folded_to = totals.execute("SELECT folded_to FROM meta").get
                yield from totals.execute(query, bindings).fetchall()
            finally:
                totals.execute("COMMIT")
        for number in segment_numbers(self._data_dir):
            if number > folded_to and (segment := self._segment(number)) is not None:
                yield from segment.connection.execute(query, bindings).fetchall()

    def _open_totals(self) -> apsw.Connection | None:
        if self._totals is None and totals_path(self._data_dir).exists():
            connection = open_for_reading(totals_path(self._data_dir))
            if schema_version(connection, totals_path(self._data_dir)) == 0:
                connection.close()  # being made just now: nothing is folded yet
                return None
            self._totals = connection
        return self._totals

    def _newest_first(self) -> Iterator[Segment]:
        for number in reversed(segment_numbers(self._data_dir)):
            if (segment := self._segment(number)) is not None:
                yield segment

    def _from(self, after: int) -> list[Segment]:
        """The segments that can hold events after a seq, oldest first."""
        found: list[Segment] = []
        for segment in self._newest_first():
            found.append(segment)
            if segment.info.first_seq <= after + 1:
                break
        return found[::-1]

    def _segment(self, number: int) -> Segment | None:
        """A segment by its number; None while its file is being made."""
        segment = self._segments.get(number)
        if segment is None:
            path = segment_path(self._data_dir, number)
            connection = open_for_reading(path)
            schema_version(connection, path)
            info = read_info(connection)
            if info is None:
                connection.close()
                return None
            while len(self._segments) >= CONNECTIONS_MAX:
                self._segments.pop(next(iter(self._segments))).connection.close()
            segment = self._segments[number] = Segment(info, connection)
        return segment


def _scan(
    connection: apsw.Connection, after: int, up_to: int, pixels: frozenset[int] | None, limit: int
) -> Iterator[StoredEvent]:
    query = f"SELECT {COLUMNS} FROM event WHERE seq > ? AND seq <= ? ORDER BY seq"  # noqa: S608 our own constant
    taken = 0
    for row in connection.execute(query, (after, up_to)):
        if taken >= limit:
            break
        if pixels is None or row[1] in pixels:
            taken += 1
            yield StoredEvent(*row)


def _get(connection: apsw.Connection, seq: int) -> StoredEvent | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM event WHERE seq = ?", (seq,)).get  # noqa: S608 our own constant
    return StoredEvent(*row) if row else None


def _seqs(segment: Segment, key: bytes) -> Iterator[int]:
    """Where events of a key are in a segment: by the index when it is sealed, else in the batches of keys."""
    connection = segment.connection
    if connection.execute("SELECT sealed_ms FROM meta").get is not None:
        for (seq,) in connection.execute("SELECT seq FROM id WHERE key = ?", (key,)):
            yield seq
        return
    query = "SELECT first_seq, keys FROM id_batch WHERE instr(keys, ?) ORDER BY first_seq DESC"
    batches = cast("list[tuple[int, bytes]]", connection.execute(query, (key,)).fetchall())
    for first_seq, keys in batches:
        for position in positions_in(keys, key):
            yield first_seq + position
