"""Damaged segments: set aside, the rest goes on, nothing is numbered or counted twice."""

import os
from pathlib import Path

import apsw
import pytest

from pixelwire.event import Event
from pixelwire.frames import COMMITTED, STORED, UNKNOWN, Ack
from pixelwire.limits import COMMIT_EVENTS_MAX, SEGMENT_EVENTS_MAX
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.damage import damaged_numbers
from pixelwire.record.reader import Reader
from pixelwire.record.segments import segment_numbers, segment_path
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event
from support.keeping import deliver_to

PAGE_BYTES = 4_096
WORKER = 5
SKIPPED = SEGMENT_EVENTS_MAX + COMMIT_EVENTS_MAX  # seqs for a segment whose last one nobody can tell


class Store:
    """One event a segment, each with an id of its own."""

    def __init__(self, path: Path, segments: int = 3) -> None:
        self.path = path
        self.number = 0
        self.writer = self.open()
        for n in range(1, segments + 1):
            self.commit(make_event(message_id=f"m{n}", payload={"x": "y" * 9_000}))

    def open(self) -> Writer:
        return Writer.open(self.path, segment_limits=SegmentLimits(events_max=1), is_inline=True)

    def commit(self, *events: Event) -> Ack:
        self.number += 1
        (ack,) = self.writer.commit([(WORKER, make_batch(self.number, events))])
        return ack

    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.open()

    def damage(self, number: int, first_page: int = 0) -> None:
        """Behind the writer's back; nothing in the log can mend it."""
        self.writer.close()
        path = segment_path(self.path, number)
        connection = apsw.Connection(str(path))
        connection.pragma("journal_mode", "WAL")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.close()
        with path.open("r+b") as file:
            file.seek(first_page * PAGE_BYTES)
            file.write(os.urandom(path.stat().st_size - first_page * PAGE_BYTES))

    def ids(self) -> list[str]:
        reader = Reader(self.path)
        found = [event.payload.partition(b'"messageId": "')[2][:2].decode() for event in events_of(reader)]
        reader.close()
        return found


def events_of(reader: Reader) -> list:  # type: ignore[type-arg] # StoredEvent
    events, after = [], 0
    while True:
        page = reader.read(after, limit=100)
        events += page.events
        if page.at_head:
            return events
        after = max(page.scanned_to, page.missed_to)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_damaged_segment_is_set_aside_at_the_start(store: Store) -> None:
    """The others are read; the number is not used again."""
    store.damage(2)
    store.writer = store.open()
    store.commit(make_event(message_id="m9"))
    assert damaged_numbers(store.path) == [2]
    assert store.ids() == ["m1", "m3", "m9"]
    assert store.writer.head == 4


def test_a_reader_leaves_a_damaged_segment_out_and_tells(store: Store) -> None:
    """Before anybody has set it aside: no read fails, whatever is read."""
    store.damage(2)
    told: list[int] = []
    reader = Reader(store.path, told.append)
    assert reader.find(1, "m2") is None
    assert reader.find(1, "m1") is not None
    assert reader.head() == 3
    assert [event.seq for event in events_of(reader)] == [1, 3]
    assert (told, reader.suspects(), reader.damaged()) == ([2], [2], [2])


def test_a_seq_is_never_used_again(store: Store) -> None:
    """After the newest segment is lost, events go on above all that it can have held."""
    store.damage(3)
    store.writer = store.open()
    store.commit(make_event(message_id="m9"))
    assert store.writer.head == 2 + SKIPPED + 1
    assert store.ids() == ["m1", "m2", "m9"]


def test_a_seq_is_never_used_again_when_all_are_lost(store: Store) -> None:
    """Even when no segment can tell a seq; and it is still the same store."""
    before = store.writer.store_id
    for number in (1, 2, 3):
        store.damage(number)
    store.writer = store.open()
    store.commit(make_event(message_id="m9"))
    assert store.writer.head == 3 * SKIPPED + 1
    assert store.writer.store_id == before
    assert segment_numbers(store.path) == [4]


def test_counts_of_what_was_sealed_stay(store: Store) -> None:
    """They are in the totals, whatever becomes of the file."""
    store.damage(1)
    store.writer = store.open()
    reader = Reader(store.path)
    assert sum(reader.signal_counts(1, 0, 10**7).values()) == 3


def test_a_damaged_id_index_costs_no_commit(store: Store) -> None:
    """An id that can not be looked up is taken for new, and the segment is set aside."""
    store.damage(1, first_page=6)
    store.writer = store.open()
    assert store.commit(make_event(message_id="m1"), make_event(message_id="m3")) == Ack(4, STORED, [1])
    store.writer.tidy()
    assert damaged_numbers(store.path) == [1]


def test_what_a_lost_segment_knew_of_a_batch_is_unknown(store: Store) -> None:
    """Not absent: it would be sent again, and stored twice once the segment is put back."""
    assert store.writer.last_batch(WORKER, 3).state == COMMITTED
    store.damage(3)
    for _ in range(2):
        store.writer = store.open()
        assert store.writer.last_batch(WORKER, 3).state == UNKNOWN
        assert store.writer.last_batch(WORKER, 4).state == UNKNOWN
        store.writer.close()


def test_a_copy_that_is_put_back_is_served(store: Store) -> None:
    """By a reader that had left it out, without a restart."""
    path = segment_path(store.path, 2)
    copy = path.read_bytes()
    store.damage(2)
    reader = Reader(store.path)
    assert reader.find(1, "m2") is None
    path.with_suffix(".copy").write_bytes(copy)
    path.with_suffix(".copy").replace(path)
    assert reader.find(1, "m2") is not None
    assert reader.damaged() == []


def cut_off(path: Path, *, has_log: bool) -> None:
    """As a file system leaves it after a crash that it did not survive well."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "DELETE")
    connection.close()
    path.write_bytes(b"")
    if has_log:
        path.with_name(path.name + "-wal").write_bytes(bytes(5_000))


def test_a_newest_segment_that_was_cut_off_is_set_aside(store: Store) -> None:
    """The one before it is sealed, so it was more than begun: its seqs are not given again."""
    store.writer.close()
    cut_off(segment_path(store.path, 3), has_log=False)
    store.writer = store.open()
    store.commit(make_event(message_id="m9"))
    assert damaged_numbers(store.path) == [3]
    assert store.writer.head == 2 + SKIPPED + 1
    assert store.ids() == ["m1", "m2", "m9"]


def test_what_is_left_of_a_segment_that_was_cut_off_is_kept(tmp_path: Path) -> None:
    """SQLite would throw the log of an empty database away."""
    store = Store(tmp_path, segments=1)
    store.writer.close()
    cut_off(segment_path(tmp_path, 1), has_log=True)
    Reader(tmp_path).head()
    store.writer = store.open()
    assert damaged_numbers(tmp_path) == [1]
    assert (tmp_path / "events" / "000001.db.damaged-wal").stat().st_size == 5_000
    assert store.writer.head == SKIPPED


def test_a_cursor_tells_of_a_segment_that_was_cut_off(tmp_path: Path) -> None:
    """When nothing else does: what was sent on had been given a seq."""
    store = Store(tmp_path, segments=1)
    store.writer.close()
    deliver_to(tmp_path, 1)
    cut_off(segment_path(tmp_path, 1), has_log=False)
    store.writer = store.open()
    assert damaged_numbers(tmp_path) == [1]
    assert store.writer.head == SKIPPED


@pytest.mark.parametrize("segments", [0, 2])
def test_a_segment_that_was_only_begun_is_gone_on_with(segments: int, tmp_path: Path) -> None:
    """A kill at that moment leaves an empty file, while the segment before it is still unsealed."""
    writer = Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=1), is_inline=True)
    for number in range(1, segments + 1):
        writer.commit([(WORKER, make_batch(number, [make_event()]))])
    writer.close()
    newest = segment_path(tmp_path, segments + 1)
    newest.unlink(missing_ok=True)
    newest.touch()
    writer = Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=1), is_inline=True)
    assert (writer.head, damaged_numbers(tmp_path)) == (segments, [])
    assert segment_numbers(tmp_path)[-1] == segments + 1


def test_an_older_segment_that_was_cut_off_is_set_aside(store: Store) -> None:
    """It was full once: what has nothing to say is not taken for one that was just begun."""
    store.writer.close()
    cut_off(segment_path(store.path, 2), has_log=False)
    store.writer = store.open()
    assert damaged_numbers(store.path) == [2]
    assert (store.writer.head, store.ids()) == (3, ["m1", "m3"])
