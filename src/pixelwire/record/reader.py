"""The door for everybody who reads: events, receipts and counts, over all segments and the totals.
Writes nothing; knows no HTTP and no catalog.

A read sees every event that was acknowledged before it began: the totals are read first, with the number
of the newest segment in them, and then every later segment found on disk.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import apsw

from pixelwire.event import StoredEvent, client_id_key, is_own_id_shape, own_id_key
from pixelwire.limits import EVENTS_PAGE_BYTES_MAX
from pixelwire.record.damage import DAMAGED, damaged_numbers, is_empty
from pixelwire.record.ids import key_bytes, message_id_of
from pixelwire.record.lookup import Segment, event_at, scan, seqs_of
from pixelwire.record.segments import (
    TOTALS_VERSION,
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
Method = TypeVar("Method", bound=Callable[..., object])


class Page(NamedTuple):
    """A stretch of stored events."""

    events: list[StoredEvent]
    scanned_to: int  # every event up to this seq was looked at: the `after` of the next read
    at_head: bool
    missed_to: int = 0  # when above the `after` of the read: those in between are no longer on disk


class ExpiredEvent(NamedTuple):
    """What is left of an event that a hard limit of retention took before every destination had it."""

    seq: int
    pixel: int
    received_ms: int
    call: int
    signal: int


class RetentionState(NamedTuple):
    """Where retention stands, and what it did so far."""

    why: str = ""  # the limit that is passed; empty for none
    held_by: str = ""  # what it waits for; empty for nothing
    since_ms: int = 0
    removed_segments: int = 0
    removed_events: int = 0
    removed_bytes: int = 0
    expired_events: int = 0


def past_damage(method: Method) -> Method:
    """A damaged segment does not keep the others from being read: it is left out from then on."""

    @wraps(method)
    def read(self: "Reader", *args: object, **kwargs: object) -> object:
        while True:
            try:
                return method(self, *args, **kwargs)
            except DAMAGED:
                if not self.leave_out():
                    raise

    return cast("Method", read)


class Reader:
    """Belongs to one thread. Works on a directory where nothing was recorded yet.

    `on_damage` is told the number of each segment that can not be read: the recorder is to set it aside.
    """

    def __init__(self, data_dir: Path, on_damage: Callable[[int], None] = lambda number: None) -> None:
        self._data_dir = data_dir
        self._on_damage = on_damage
        self._damaged: dict[int, int] = {}  # number -> inode of a file that can not be read
        self._in_use = 0  # the number of the segment that is read just now; 0: none
        self._connections: dict[int, apsw.Connection] = {}  # the one used last stands last
        self._infos: dict[int, SegmentInfo] = {}
        self._totals: apsw.Connection | None = None

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        if self._totals is not None:
            self._totals.close()
            self._totals = None

    # -- Events ------------------------------------------------------------------------------------

    @past_damage
    def store_id(self) -> str:
        """The store that the events are of; empty while nothing was recorded."""
        newest = next(self.newest_first(), None)
        return newest.info.store_id if newest else ""

    @past_damage
    def head(self) -> int:
        """The newest seq, 0 when there is none."""
        newest = next(self.newest_first(), None)
        return last_seq(newest.connection, newest.info) if newest else 0

    @past_damage
    def oldest(self) -> int:
        """The first seq that is still on disk (or will be, when it is empty)."""
        for number in self._numbers():
            segment = self._segment(number)
            if segment is not None:
                return segment.info.first_seq
        return 1

    def stored_total(self) -> int:
        """All events ever stored: seqs have no gaps and are never used again."""
        return self.head()

    @past_damage
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
        position, missed_to = after, 0
        for segment in self._from(after):
            segment_last = last_seq(segment.connection, segment.info)
            if segment_last <= position:
                continue
            if segment.info.first_seq - 1 > position:
                if events or position > after:
                    return Page(events, position, at_head=False, missed_to=missed_to)
                position = missed_to = segment.info.first_seq - 1
            while position < segment_last:
                scan_to = min(segment_last, position + SCAN_SEQS_MAX)
                for event in scan(segment.connection, position, scan_to, pixels, limit - len(events)):
                    events.append(event)
                    size += len(event.payload) + len(event.extra)
                    if len(events) >= limit or size >= bytes_max:
                        return Page(events, event.seq, at_head=False, missed_to=missed_to)
                position = scan_to
                if pixels is not None:
                    return Page(events, position, position >= self.head(), missed_to)
        return Page(events, position, at_head=True, missed_to=missed_to)

    def leave_out(self) -> bool:
        """Reads no more of the segment in use, which is damaged; False when it is none."""
        number, self._in_use = self._in_use, 0
        if not number:
            return False
        if number in self._connections:
            self._connections.pop(number).close()
        self._infos.pop(number, None)
        try:
            self._damaged[number] = segment_path(self._data_dir, number).stat().st_ino
        except OSError:
            return True  # set aside meanwhile
        self._on_damage(number)
        return True

    def damaged(self) -> list[int]:
        """The segments that are damaged: set aside, or found by this reader."""
        self._numbers()
        return sorted({*damaged_numbers(self._data_dir), *self._damaged})

    def suspects(self) -> list[int]:
        """Those that this reader found and nobody has set aside yet."""
        self._numbers()
        return sorted(self._damaged)

    def forget_removed(self) -> None:
        """Lets go of segments that retention removed: until then they keep their room on the disk."""
        self._numbers()

    def get(self, seq: int) -> StoredEvent | None:
        """The event of a seq; None when it is not stored or past retention."""
        page = self.read(seq - 1, limit=1)
        return page.events[0] if page.events and page.events[0].seq == seq else None

    @past_damage
    def find(self, pixel: int, message_id: str) -> StoredEvent | None:
        """A pixel's newest event of a message id; None when there is none."""
        keys = [key_bytes(client_id_key(pixel, message_id))]
        if is_own_id_shape(message_id):
            keys.append(key_bytes(own_id_key(message_id)))
        for segment in self.newest_first():
            candidates = sorted({seq for key in keys for seq in seqs_of(segment, key)}, reverse=True)
            for seq in candidates:
                event = event_at(segment.connection, seq)
                if event is not None and event.pixel == pixel and message_id_of(event.payload) == message_id:
                    return event
        return None

    def find_expired(self, pixel: int, message_id: str) -> ExpiredEvent | None:
        """What is left of an event that retention took too early; None when it took none of this id."""
        totals = self._open_totals()
        if totals is None or totals.pragma("user_version") < TOTALS_VERSION:
            return None
        keys = [key_bytes(client_id_key(pixel, message_id))]
        if is_own_id_shape(message_id):
            keys.append(key_bytes(own_id_key(message_id)))
        query = (
            "SELECT seq, pixel, received_ms, call, signal FROM expired_event"
            " WHERE key = ? AND pixel = ? ORDER BY seq DESC LIMIT 1"
        )
        rows = [row for key in keys for row in totals.execute(query, (key, pixel))]
        return max((ExpiredEvent(*row) for row in rows), default=None)

    def retention(self) -> RetentionState:
        """Where retention stands."""
        totals = self._open_totals()
        if totals is None or totals.pragma("user_version") < TOTALS_VERSION:
            return RetentionState()
        row = totals.execute(
            "SELECT why, held_by, since_ms, removed_segments, removed_events, removed_bytes,"
            " (SELECT coalesce(sum(last_seq - after_seq), 0) FROM expired) FROM retention"
        ).get
        return RetentionState(*row)

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

    @past_damage
    def _rows(self, query: str, bindings: Sequence[int]) -> list[tuple]:  # type: ignore[type-arg] # as the query
        while True:
            rows, folded_to = self._ask_totals(query, bindings)
            read = set()
            for number in self._numbers():
                if number > folded_to and (segment := self._segment(number)) is not None:
                    rows += segment.connection.execute(query, bindings).fetchall()
                    read.add(number)
            # A segment may be folded and removed between the looks: then its counts are in the totals now.
            _, folded_now = self._ask_totals("SELECT 1", ())
            if read.issuperset(range(folded_to + 1, folded_now + 1)):
                return rows

    def _ask_totals(self, query: str, bindings: Sequence[int]) -> tuple[list[tuple], int]:  # type: ignore[type-arg] # as the query
        """The rows, and the number of the newest segment that is in them."""
        totals = self._open_totals()
        if totals is None:
            return [], 0
        totals.execute("BEGIN")
        try:
            folded_to = totals.execute("SELECT folded_to FROM meta").get
            return totals.execute(query, bindings).fetchall(), folded_to
        finally:
            totals.execute("COMMIT")

    def _open_totals(self) -> apsw.Connection | None:
        self._in_use = 0
        path = totals_path(self._data_dir)
        if self._totals is None and path.exists():
            connection = open_for_reading(path)
            if schema_version(connection, path, TOTALS_VERSION) == 0:
                connection.close()  # being made just now: nothing is folded yet
                return None
            self._totals = connection
        return self._totals

    def _numbers(self) -> list[int]:
        """The numbers of the segments, oldest first. Those that were removed are let go of."""
        numbers = segment_numbers(self._data_dir)
        if self._damaged:
            numbers = self._without_damaged(numbers)
        if len(self._infos) > len(numbers) or (numbers and min(self._infos, default=numbers[0]) < numbers[0]):
            for number in self._infos.keys() - set(numbers):
                del self._infos[number]
                if number in self._connections:
                    self._connections.pop(number).close()
        return numbers

    def _without_damaged(self, numbers: list[int]) -> list[int]:
        """A file that was put in the place of a damaged one is read again."""
        for number, inode in list(self._damaged.items()):
            try:
                is_same = segment_path(self._data_dir, number).stat().st_ino == inode
            except OSError:
                is_same = False
            if not is_same:
                del self._damaged[number]
        return [number for number in numbers if number not in self._damaged]

    def oldest_first(self) -> Iterator[Segment]:
        """Every segment. For the other parts of this room."""
        return self._from(0)

    def newest_first(self) -> Iterator[Segment]:
        for number in reversed(self._numbers()):
            if (segment := self._segment(number)) is not None:
                yield segment

    def _from(self, after: int) -> Iterator[Segment]:
        """The segments that can hold events after a seq, oldest first."""
        wanted: list[int] = []
        for number in reversed(self._numbers()):
            info = self._infos.get(number)
            if info is None:
                segment = self._segment(number)
                if segment is None:
                    continue
                info = segment.info
            wanted.append(number)
            if info.first_seq <= after + 1:
                break
        for number in reversed(wanted):
            if (segment := self._segment(number)) is not None:
                yield segment

    def _segment(self, number: int) -> Segment | None:
        """A segment by its number; None while its file is being made, and when it was removed."""
        self._in_use = number
        connection = self._connections.pop(number, None)
        if connection is None:
            path = segment_path(self._data_dir, number)
            try:
                if is_empty(path):
                    return None
                connection = open_for_reading(path)
                schema_version(connection, path)
                info = read_info(connection)
            except FileNotFoundError:
                return None
            except apsw.CantOpenError:
                if path.exists():
                    raise
                return None
            if info is None:
                connection.close()
                return None
            self._infos[number] = info
            while len(self._connections) >= CONNECTIONS_MAX:
                self._connections.pop(next(iter(self._connections))).close()
        self._connections[number] = connection  # the last one to be closed
        return Segment(self._infos[number], connection)
