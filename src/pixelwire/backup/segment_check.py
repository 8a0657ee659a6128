"""Whether one segment is whole: its events follow each other and are what its counts and ids say."""

from typing import Final, NamedTuple

import apsw

from pixelwire.deliver.statements import load
from pixelwire.record.segments import read_info

_SQL: Final = load("recount.sql", "pixelwire.backup")


class SegmentState(NamedTuple):
    """What a segment says of itself."""

    number: int
    store_id: str
    first_seq: int
    last_seq: int
    events: int
    pixels: frozenset[int]


def check_segment(
    connection: apsw.Connection, number: int, gathered: apsw.Connection | None
) -> tuple[SegmentState, list[str]] | None:
    """None for one that is being made. With `gathered` its counts are added there."""
    info = read_info(connection)
    if info is None:
        return None
    problems = []
    events, first, last = connection.execute(_SQL["events"]).get
    first, last = (first, last) if events else (info.first_seq, info.first_seq - 1)
    if info.number != number:
        problems.append(f"it is the segment of number {info.number}")
    if first != info.first_seq or events != last - first + 1:
        problems.append(
            f"its {events} events lie between {first} and {last}, and it begins at {info.first_seq}"
        )
    for pixel, hour, signal, counted, there in connection.execute(_SQL["not_as_counted"]):
        problems.append(
            f"pixel {pixel}, hour {hour}, signal {signal}: {counted} are counted, {there} are there"
        )
    keys = connection.execute(_SQL["keys"]).get
    if keys != events:
        problems.append(f"it has the ids of {keys} events, and {events} events")
    if gathered is not None:
        rows = connection.execute("SELECT pixel, hour, signal, amount FROM signal_count")
        gathered.executemany(_SQL["gather"], rows)
    pixels = frozenset(pixel for (pixel,) in connection.execute(_SQL["pixels"]))
    return SegmentState(number, info.store_id, info.first_seq, last, events, pixels), problems
