"""The recorder's second thread: what fails in it is told, tried again, and keeps nothing else waiting."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelwire import limits
from pixelwire.errors import SegmentDamaged
from pixelwire.record import housekeeper
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.damage import SUFFIX, damaged_numbers
from pixelwire.record.segments import Storage, open_for_writing, segment_path, totals_path
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event
from support.waiting import wait_until

EVENTS_MAX = 20
LOG_BYTES = 64 * 1_024
DEADLINE_S = 20.0


class Store:
    """A writer with its housekeeper's thread beside it; an event of 9 KB a commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.writer = self.open()

    def open(self) -> Writer:
        return Writer.open(self.path, segment_limits=SegmentLimits(events_max=EVENTS_MAX))

    def commit(self, times: int = 1) -> None:
        for _ in range(times):
            self.number += 1
            event = make_event(payload={"x": "y" * 9_000})
            self.writer.commit([(5, make_batch(self.number, [event]))])

    def is_well(self) -> bool:
        self.writer.tidy()
        return not self.writer.housekeeping_failure


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(limits, "WAL_CHECKPOINT_BYTES", LOG_BYTES)
    monkeypatch.setattr(housekeeper, "RETRY_S", 0.01)
    store = Store(tmp_path)
    yield store
    store.writer.close()


def test_a_segment_that_can_not_be_folded_does_not_keep_the_log_from_being_copied(store: Store) -> None:
    """Its counts stay where they are until the totals take them; the open log stays short meanwhile."""
    change_totals(store, "CREATE TRIGGER no BEFORE INSERT ON activity BEGIN SELECT RAISE(ABORT, 'no'); END")
    store.commit(EVENTS_MAX + 1)
    wait_until(lambda: not store.is_well(), DEADLINE_S, "folding to fail")
    newest = segment_path(store.path, 2)
    size = newest.stat().st_size
    store.commit(EVENTS_MAX - 1)
    wait_until(lambda: newest.stat().st_size > size + LOG_BYTES, DEADLINE_S, "the log to be copied")
    assert store.writer.head == 2 * EVENTS_MAX
    change_totals(store, "DROP TRIGGER no")
    wait_until(store.is_well, DEADLINE_S, "folding to go on")


def change_totals(store: Store, statement: str) -> None:
    """From outside, as a person with a shell could."""
    connection = open_for_writing(totals_path(store.path), Storage())
    connection.execute(statement)
    connection.close()


def test_an_error_of_the_file_system_is_not_the_end_of_the_thread(store: Store) -> None:
    """A damaged segment whose new name is taken is set aside as soon as the name is free."""
    store.commit(EVENTS_MAX + 1)
    store.writer.close()
    first = segment_path(store.path, 1)
    first.write_bytes(b"not a database " * 100)
    obstacle = first.with_name(first.name + SUFFIX)
    obstacle.mkdir()
    (obstacle / "file").touch()
    store.writer = store.open()
    wait_until(lambda: not store.is_well(), DEADLINE_S, "the renaming to fail")
    assert first.exists()
    store.commit(EVENTS_MAX)
    (obstacle / "file").unlink()
    obstacle.rmdir()
    wait_until(store.is_well, DEADLINE_S, "the segment to be set aside")
    assert damaged_numbers(store.path) == [1]
    assert store.writer.head > EVENTS_MAX


def test_a_failed_start_leaves_no_thread_behind(store: Store) -> None:
    """Who tries again in the same process must not find it at work on the same files."""
    store.commit(EVENTS_MAX + 1)
    wait_until(store.is_well, DEADLINE_S, "sealing")
    store.writer.close()
    kept = {path: path.read_bytes() for path in (store.path / "events").iterdir()}
    for path in kept:
        path.unlink()
    before = threading.active_count()
    with pytest.raises(SegmentDamaged):
        store.open()
    assert threading.active_count() == before
    for path, content in kept.items():
        path.write_bytes(content)
    store.writer = store.open()


def test_the_thread_ends_with_its_writer(store: Store) -> None:
    """And takes no longer than what it has under way."""
    store.commit(EVENTS_MAX * 3)
    store.writer.close()
    assert "housekeeper" not in {thread.name for thread in threading.enumerate()}
    store.writer = store.open()
