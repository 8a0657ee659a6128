"""Where on disk the events of a stretch of time are. Knows segments, and no event."""

from pathlib import Path
from typing import NamedTuple

import apsw

from pixelwire.record.damage import DAMAGED
from pixelwire.record.segments import last_seq, open_for_reading, read_info, segment_numbers, segment_path


class Span(NamedTuple):
    """The seqs of one segment, both ends included."""

    first: int
    last: int


def spans(data_dir: Path, from_ms: int, to_ms: int) -> list[Span]:
    """The segments with events that were received between two times, oldest first.

    Each says itself when its first and its newest event were received, whatever the clock did meanwhile. A
    damaged one is left out, as its events are.
    """
    found = (_span(segment_path(data_dir, number), from_ms, to_ms) for number in segment_numbers(data_dir))
    return [span for span in found if span is not None]


def _span(path: Path, from_ms: int, to_ms: int) -> Span | None:
    try:
        connection = open_for_reading(path)
    except (apsw.CantOpenError, *DAMAGED):
        return None  # removed by retention just now, or nothing that can be read
    try:
        info = read_info(connection)
        if info is None:
            return None  # being made just now
        first_ms, last_ms = connection.execute("SELECT min(first_ms), max(last_ms) FROM activity").get
        if first_ms is None or first_ms > to_ms or last_ms < from_ms:
            return None
        return Span(info.first_seq, last_seq(connection, info))
    except DAMAGED:
        return None
    finally:
        connection.close()
