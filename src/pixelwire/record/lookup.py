"""What a reader asks of one segment. Knows nothing of the others."""

from collections.abc import Iterator
from typing import Final, NamedTuple, cast

import apsw

from pixelwire.event import StoredEvent
from pixelwire.record.ids import positions_in
from pixelwire.record.segments import SegmentInfo

COLUMNS: Final = "seq, pixel, received_ms, call, signal, payload, extra"


class Segment(NamedTuple):
    info: SegmentInfo
    connection: apsw.Connection


def scan(
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


def event_at(connection: apsw.Connection, seq: int) -> StoredEvent | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM event WHERE seq = ?", (seq,)).get  # noqa: S608 our own constant
    return StoredEvent(*row) if row else None


def seqs_of(segment: Segment, key: bytes) -> Iterator[int]:
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
