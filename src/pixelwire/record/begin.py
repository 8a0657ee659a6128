"""How a segment begins: what it says of itself, and with which seq. For the recorder, and for a restore whose
backup lacks its newest segment. Knows no event.
"""

from pathlib import Path

import apsw

from pixelwire import limits
from pixelwire.clock import Clock
from pixelwire.record.segments import (
    SegmentInfo,
    Storage,
    create_tables,
    open_for_writing,
    segment_path,
)
from pixelwire.record.timeline import Span, Timeline, write_spans


def set_up(connection: apsw.Connection, info: SegmentInfo, span: Span) -> None:
    """Makes the tables of an empty file, in one transaction: a segment is begun whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    create_tables(connection, "segment.sql", "counts.sql")
    connection.execute("INSERT INTO meta VALUES (1, ?, ?, ?, ?, ?)", info)
    write_spans(connection, [span])
    connection.execute("COMMIT")


def seqs_of_lost(segments: int, events_max: int = limits.SEGMENT_EVENTS_MAX) -> int:
    """How many seqs are passed over for segments whose last one nobody can tell, so that none is used again.
    Each is taken for as full as can be: nothing says more than that, no cursor and no count is beyond."""
    return segments * (max(events_max, limits.SEGMENT_EVENTS_MAX) + limits.COMMIT_EVENTS_MAX)


def begin_empty(
    data_dir: Path, number: int, *, store_id: str, first_seq: int, spans: list[Span], clock: Clock
) -> None:
    """A segment without events, on disk when this returns, for the recorder to go on with. `spans` are the
    stretches of time of the segment before it."""
    timeline = Timeline(clock)
    timeline.load(spans)
    path = segment_path(data_dir, number)
    connection = open_for_writing(path, Storage())
    try:
        info = SegmentInfo(store_id, number, first_seq, clock.now_ms(), None)
        set_up(connection, info, timeline.begin(first_seq))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()
