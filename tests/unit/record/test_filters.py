"""What is remembered of sealed segments to know a client-given id."""

from pathlib import Path

import pytest

from pixelwire.event import client_id_key
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.filters import BITS_MIN, BITS_PER_ID, CONNECTIONS_MAX, SealedFilters, shrunk
from pixelwire.record.ids import OpenIds
from pixelwire.record.segments import Storage
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event


def ids_of(count: int) -> tuple[OpenIds, list[int]]:
    keys = [client_id_key(1, f"id-{n}") for n in range(count)]
    ids = OpenIds()
    ids.add((key, n) for n, key in enumerate(keys))
    return ids, keys


@pytest.mark.parametrize("count", [1, 100, 3_000, 20_000])
def test_a_shrunk_filter_still_knows_every_id(count: int, tmp_path: Path) -> None:
    """Laying its halves over each other takes no id away, and leaves as much room as ids need."""
    ids, keys = ids_of(count)
    bits = shrunk(ids.bits, count)
    assert len(bits) * 8 == max(BITS_MIN, 1 << (count * BITS_PER_ID - 1).bit_length())
    asked: list[int] = []
    filters = SealedFilters(tmp_path, Storage())
    filters._look = lambda number, key: asked.append(key) or []  # type: ignore[method-assign,func-returns-value]
    filters.add(1, bits, 0)
    for key in keys:
        list(filters.find(key))
    assert asked == keys
    asked.clear()
    for n in range(5_000):
        list(filters.find(client_id_key(1, f"other-{n}")))
    assert len(asked) < 100


def test_a_segment_without_client_ids_costs_nothing(tmp_path: Path) -> None:
    """Most pixels give no id: their segments are not remembered."""
    ids, _ = ids_of(0)
    assert shrunk(ids.bits, 0) == b""
    filters = SealedFilters(tmp_path, Storage())
    filters.add(1, b"", 0)
    assert list(filters.find(client_id_key(1, "x"))) == []


def test_ids_are_found_over_more_segments_than_are_kept_open(tmp_path: Path) -> None:
    """Few files are open at a time, whatever the duplicates."""
    writer = Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=1), is_inline=True)
    count = CONNECTIONS_MAX * 2
    for number in range(1, count + 1):
        writer.commit([(1, make_batch(number, [make_event(message_id=f"m{number}")]))])
    again = [make_event(message_id=f"m{number}") for number in range(1, count + 1)]
    (ack,) = writer.commit([(1, make_batch(count + 1, again))])
    assert ack.duplicates == list(range(count))
    assert len(writer._chain._sealed._connections) <= CONNECTIONS_MAX
    writer.close()
