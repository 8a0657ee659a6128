"""Reading back over all segments and the totals."""

import json
from pathlib import Path

import pytest

from pixelwire.record.chain import SegmentLimits
from pixelwire.record.reader import SCAN_SEQS_MAX, Reader
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """Begins a new segment after every third event."""
    return Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=3), is_inline=True)


def test_an_empty_directory_reads_as_empty(tmp_path: Path) -> None:
    """Before the first start there is nothing, and no error."""
    reader = Reader(tmp_path)
    assert (reader.head(), reader.store_id(), reader.oldest()) == (0, "", 1)
    assert reader.read(0, limit=10) == ([], 0, True, 0)
    assert reader.find(1, "x") is None
    assert reader.signal_counts(1, 0, 10) == {}


def test_pages_follow_each_other_without_gap_or_overlap(writer: Writer, tmp_path: Path) -> None:
    """`scanned_to` of one page is the `after` of the next, over segments."""
    for number in range(1, 12):
        writer.commit([(1, make_batch(number, [make_event()]))])
    reader = Reader(tmp_path)
    seen: list[int] = []
    after = 0
    for _ in range(20):
        page = reader.read(after, limit=4)
        seen += [event.seq for event in page.events]
        after = page.scanned_to
        if page.at_head:
            break
    assert seen == list(range(1, 12))


def test_a_page_ends_at_its_size(writer: Writer, tmp_path: Path) -> None:
    """A page holds about as many bytes as asked, at least one event."""
    events = [make_event(payload={"x": "y" * 1_000}) for _ in range(10)]
    writer.commit([(1, make_batch(1, events))])
    assert len(Reader(tmp_path).read(0, limit=10, bytes_max=2_500).events) == 3
    assert len(Reader(tmp_path).read(0, limit=10, bytes_max=1).events) == 1


def test_events_of_some_pixels_are_found_among_many(tmp_path: Path) -> None:
    """A read looks at a bounded stretch; the pages together miss nothing."""
    writer = Writer.open(tmp_path, is_inline=True)
    total = SCAN_SEQS_MAX + 10
    writer.commit([(1, make_batch(1, [make_event(1 if n % 9_999 else 2) for n in range(total)]))])
    reader = Reader(tmp_path)
    found: list[int] = []
    page = reader.read(0, limit=10, pixels=frozenset({2}))
    while not page.at_head:
        found += [event.seq for event in page.events]
        page = reader.read(page.scanned_to, limit=10, pixels=frozenset({2}))
    found += [event.seq for event in page.events]
    assert found == [1, 10_000, 19_999]
    assert page.scanned_to == total


@pytest.mark.parametrize("later", [0, 10])
def test_an_event_is_found_by_its_id(writer: Writer, tmp_path: Path, later: int) -> None:
    """Client-given or of our own making, in the open segment or a sealed one; the newest of several."""
    own = make_event()
    own_id = json.loads(own.payload)["messageId"]
    old = make_event(message_id="m", received_ms=0)
    writer.commit([(1, make_batch(1, [own, old]))])
    writer.commit([(1, make_batch(2, [make_event(message_id="m")]))])
    for number in range(later):
        writer.commit([(1, make_batch(number + 3, [make_event()]))])
    reader = Reader(tmp_path)
    assert (reader.find(1, own_id) or own).payload == own.payload
    newest = reader.find(1, "m")
    assert newest is not None
    assert newest.seq == 3
    assert reader.find(2, "m") is None
    assert reader.find(1, "other") is None


def test_an_event_is_got_by_its_seq(writer: Writer, tmp_path: Path) -> None:
    """By number, or None when it is not there."""
    for number in range(1, 6):
        writer.commit([(1, make_batch(number, [make_event()]))])
    reader = Reader(tmp_path)
    assert [event.seq for n in range(1, 6) if (event := reader.get(n))] == [1, 2, 3, 4, 5]
    assert reader.get(6) is None
    assert reader.get(0) is None


def test_a_read_sees_what_was_acknowledged_before_it(writer: Writer, tmp_path: Path) -> None:
    """An open reader follows the writer over segments, event by event."""
    reader = Reader(tmp_path)
    for number in range(1, 15):
        writer.commit([(1, make_batch(number, [make_event(received_ms=number)]))])
        assert reader.head() == number
        assert sum(reader.signal_counts(1, 0, 1).values()) == number
        assert reader.activity(1)[1] == (1, number)
