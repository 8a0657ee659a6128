"""Where in the store the events of a time are. A part of the read door, for those who read by seq."""

from typing import NamedTuple

import apsw

from pixelwire.record.reader import Reader, past_damage
from pixelwire.times import hour_of


class Stretch(NamedTuple):
    """From one event to another; between them may be some of other times, as a clock can be set."""

    first_seq: int
    last_seq: int


@past_damage
def received(reader: Reader, from_ms: int, to_ms: int) -> Stretch | None:
    """From the first to the last event on disk that was received in [from_ms, to_ms). None: there is none.

    Every event of that time up to the newest one is in it. Looks through the segments that have events of its
    first and last hour: some tenths of a second each, at most.
    """
    for segment in reader.oldest_first():
        if first := _ends(segment.connection, from_ms, to_ms):
            break
    else:
        return None
    for segment in reader.newest_first():
        if last := _ends(segment.connection, from_ms, to_ms):
            return Stretch(first.first_seq, max(last.last_seq, first.last_seq))
    return first  # retention has just removed what there was


def _ends(connection: apsw.Connection, from_ms: int, to_ms: int) -> Stretch | None:
    hours = (hour_of(from_ms), hour_of(to_ms - 1))
    if not connection.execute(
        "SELECT EXISTS (SELECT 1 FROM signal_count WHERE hour BETWEEN ? AND ?)", hours
    ).get:
        return None
    query = "SELECT min(seq), max(seq) FROM event WHERE received_ms >= ? AND received_ms < ?"
    first, last = connection.execute(query, (from_ms, to_ms)).get
    return None if first is None else Stretch(first, last)
