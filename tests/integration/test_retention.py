"""Retention over real segments: what goes, what stays, what is said of it, and who may read meanwhile."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.reader import Reader
from pixelwire.record.removal import Retention
from pixelwire.record.retention import RetentionLimits, jumps
from pixelwire.record.segments import (
    Storage,
    files_of,
    open_for_writing,
    segment_numbers,
    segment_path,
    totals_path,
)
from pixelwire.record.survey import Survey, confirm, size_of
from pixelwire.record.writer import Writer
from support.catalogs import make_shop
from support.events import make_batch, make_event
from support.keeping import PER_SEGMENT, START_MS, deliver_to, fill, fill_days, retention, run
from support.waiting import wait_until

FOUR_DAYS = RetentionLimits(age_ms=4 * DAY_MS)
NOTHING_LARGE = RetentionLimits(bytes_max=1)
HARD = RetentionLimits(hard_bytes_max=1)
LAST_HOUR = 1 << 40


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def counted(reader: Reader) -> int:
    return sum(reader.signal_counts(1, 0, LAST_HOUR).values())


def events_of(reader: Reader) -> list[int]:
    return [event.seq for event in reader.read(0, limit=10_000).events]


def said(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


def test_old_segments_go_and_the_counts_stay(tmp_path: Path) -> None:
    """Ten days of events and four to keep: an open reader goes on reading, and every count is as before."""
    fill_days(tmp_path, 10)
    reader = Reader(tmp_path)
    assert len(events_of(reader)) == 30
    before = reader.signal_counts(1, 0, LAST_HOUR)
    assert run(retention(tmp_path, FOUR_DAYS)) == 5
    assert segment_numbers(tmp_path) == [6, 7, 8, 9, 10]
    assert events_of(reader) == list(range(16, 31))
    assert reader.signal_counts(1, 0, LAST_HOUR) == before
    assert (reader.oldest(), reader.head(), reader.stored_total()) == (16, 30, 30)
    assert reader.find(1, "e15") is None
    assert reader.find(1, "e16") is not None
    state = reader.retention()
    assert (state.removed_segments, state.removed_events, state.expired_events) == (5, 15, 0)


def test_who_reads_below_the_oldest_is_told(tmp_path: Path) -> None:
    """A page says up to where events are gone; a reader in the middle of it all is not led astray."""
    fill_days(tmp_path, 10)
    run(retention(tmp_path, FOUR_DAYS))
    page = Reader(tmp_path).read(4, limit=5)
    assert ([event.seq for event in page.events], page.missed_to) == ([16, 17, 18, 19, 20], 15)
    assert Reader(tmp_path).read(15, limit=5).missed_to == 0
    assert Reader(tmp_path).get(15) is None


def test_the_newest_segment_always_stays(tmp_path: Path) -> None:
    """However small the limit."""
    fill_days(tmp_path, 5)
    assert run(retention(tmp_path, HARD)) == 4
    assert segment_numbers(tmp_path) == [5]


def test_a_store_goes_on_after_retention(tmp_path: Path) -> None:
    """Seqs are not used again, the ids that are left are known, and the next segments are folded as ever."""
    fill_days(tmp_path, 5)
    run(retention(tmp_path, HARD))
    fill(tmp_path, [START_MS + 5 * DAY_MS] * 6)
    reader = Reader(tmp_path)
    assert (reader.head(), counted(reader)) == (21, 21)
    writer = Writer.open(tmp_path, is_inline=True)
    ack = writer.commit(
        [(9, make_batch(1, [make_event(message_id="e21", received_ms=START_MS + 5 * DAY_MS)]))]
    )
    assert ack[0].duplicates == [0]
    writer.close()


def test_nothing_beside_a_removed_segment_stays(tmp_path: Path) -> None:
    """Neither of its own files nor what a kill or a late reader left."""
    fill_days(tmp_path, 6)
    for path in files_of(tmp_path, 1)[1:]:
        path.touch()
    keeper = retention(tmp_path, FOUR_DAYS)
    run(keeper)
    for path in files_of(tmp_path, 1)[1:]:
        path.touch()
    run(keeper)
    left = {path.name for path in (tmp_path / "events").iterdir()}
    assert {name.split(".")[0] for name in left} == {"000002", "000003", "000004", "000005", "000006"}


def test_events_that_wait_for_a_destination_stay(tmp_path: Path, logs: list[dict[str, Any]]) -> None:
    """Until its cursor has passed them; that it waits, and for whom, is said once."""
    fill_days(tmp_path, 10)
    deliver_to(tmp_path, 4)
    keeper = retention(tmp_path, FOUR_DAYS)
    assert run(keeper) == 1
    assert run(keeper) == 0
    state = Reader(tmp_path).retention()
    assert (state.why, state.held_by) == ("age", "destination")
    assert len(said(logs, "retention_waits")) == 1
    deliver_to(tmp_path, 30)
    assert run(keeper) == 4
    assert Reader(tmp_path).retention().held_by == ""


def test_a_destination_that_the_courier_has_not_met_holds_too(tmp_path: Path) -> None:
    """It is in the catalog only; what its owner wants it to get must still be there when it begins."""
    fill_days(tmp_path, 10)
    shop = make_shop(tmp_path)
    shop.catalog.create_destination(shop.business.id, "webhook", "hook", {}, start_after=6)
    shop.catalog.close()
    assert run(retention(tmp_path, FOUR_DAYS)) == 2


def test_what_can_not_be_asked_holds_everything(tmp_path: Path) -> None:
    """A damaged delivery.db stops the soft limits."""
    fill_days(tmp_path, 10)
    (tmp_path / "delivery.db").write_bytes(b"no database" * 1_000)
    assert run(retention(tmp_path, FOUR_DAYS)) == 0


def test_a_hard_limit_passes_a_destination_loudly(tmp_path: Path, logs: list[dict[str, Any]]) -> None:
    """An error with the number of events that are lost, and a receipt that is left of each."""
    fill_days(tmp_path, 4)
    deliver_to(tmp_path, 2)
    run(retention(tmp_path, HARD))
    lines = said(logs, "events_expired")
    assert [(line["segment"], line["undelivered"]) for line in lines] == [(1, 1), (2, 3), (3, 3)]
    assert {line["log_level"] for line in lines} == {"error"}
    reader = Reader(tmp_path)
    assert reader.retention().expired_events == 7
    assert reader.find_expired(1, "e2") is None, "it was sent"
    lost = reader.find_expired(1, "e3")
    assert lost is not None
    assert (lost.seq, lost.received_ms) == (3, START_MS + 2 * DAY_MS // PER_SEGMENT)
    assert reader.find_expired(2, "e3") is None, "of another pixel"
    assert counted(reader) == 12


def test_a_hard_limit_without_need_is_quiet(tmp_path: Path, logs: list[dict[str, Any]]) -> None:
    """Where every destination is done and no duplicate is awaited, nothing is lost."""
    fill_days(tmp_path, 10)
    deliver_to(tmp_path, 30)
    enough = sum(size_of(tmp_path, number) for number in range(5, 11))
    assert run(retention(tmp_path, RetentionLimits(hard_bytes_max=enough))) == 4
    assert not said(logs, "events_expired")
    assert not said(logs, "segment_removed_early")
    assert len(said(logs, "segment_removed")) == 4


def test_own_ids_are_found_among_the_expired(tmp_path: Path) -> None:
    """Not only those that clients gave."""
    writer = Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=1), is_inline=True)
    event = make_event()
    writer.commit([(1, make_batch(1, [event]))])
    writer.commit([(1, make_batch(2, [make_event()]))])
    writer.close()
    deliver_to(tmp_path, 0)
    run(retention(tmp_path, HARD))
    found = Reader(tmp_path).find_expired(1, json.loads(event.payload)["messageId"])
    assert found is not None
    assert found.seq == 1


def test_receipts_of_the_expired_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept."""
    monkeypatch.setattr("pixelwire.record.removal.EXPIRED_EVENTS_MAX", 6)
    fill_days(tmp_path, 5)
    deliver_to(tmp_path, 0)
    run(retention(tmp_path, HARD))
    reader = Reader(tmp_path)
    kept = [number for number in range(1, 16) if reader.find_expired(1, f"e{number}")]
    assert kept == [7, 8, 9, 10, 11, 12]
    assert reader.retention().expired_events == 12


def test_the_window_of_duplicates_is_kept(tmp_path: Path) -> None:
    """A soft limit of size leaves what is younger than 48 hours; the hard one does not."""
    fill(tmp_path, [START_MS] * 12)
    assert run(retention(tmp_path, NOTHING_LARGE)) == 0
    assert run(retention(tmp_path, HARD)) == 3


def test_a_writer_lives_on_when_its_segments_go(tmp_path: Path) -> None:
    """It has their ids open: a duplicate of what is gone is stored anew, and nothing fails."""
    limits = SegmentLimits(events_max=2)
    writer = Writer.open(tmp_path, segment_limits=limits, retention=HARD, is_inline=True)
    for number in range(1, 9):
        writer.commit([(1, make_batch(number, [make_event(message_id=f"m{number % 2}-{number // 4}")]))])
        writer.tidy()
    assert len(segment_numbers(tmp_path)) <= 2
    assert writer.commit([(1, make_batch(9, [make_event(message_id="m1-0")]))])[0].duplicates == []
    writer.close()


def test_the_housekeeper_removes_while_the_recorder_runs(tmp_path: Path) -> None:
    """In its own thread, without being asked."""
    fill_days(tmp_path, 10)
    writer = Writer.open(tmp_path, retention=FOUR_DAYS)
    wait_until(lambda: segment_numbers(tmp_path) == [6, 7, 8, 9, 10], 10, "old segments are removed")
    writer.tidy()
    writer.close()


def test_a_jump_of_the_clock_stops_age_until_it_is_confirmed(
    tmp_path: Path, logs: list[dict[str, Any]]
) -> None:
    """Ten years forward: nothing goes, and the log says what to do. Confirmed, ten years are ten years."""
    fill_days(tmp_path, 3)
    fill_days(tmp_path, 1, first_ms=START_MS + 3_650 * DAY_MS)
    keeper = retention(tmp_path, FOUR_DAYS)
    assert run(keeper) == 0
    assert Reader(tmp_path).retention().held_by == "clock"
    (line,) = said(logs, "retention_waits")
    assert "pixelwire retention confirm" in line["remedy"]
    confirm(tmp_path, [jump.to_hour for jump in jumps(Survey(tmp_path).look())])
    assert run(keeper) == 3


def test_a_quiet_week_that_the_recorder_lived_through_is_no_jump(tmp_path: Path) -> None:
    """The wall clock and the time since the machine started agree: the hole in the events is a quiet time."""
    now = [START_MS]
    fill(tmp_path, [START_MS] * 3)
    keeper = retention(tmp_path, FOUR_DAYS, now_ms=lambda: now[0], uptime_ms=lambda: now[0] - START_MS)
    for _ in range(8 * 24):
        now[0] += HOUR_MS
        keeper.step()
    fill(tmp_path, [now[0]] * 3)
    assert run(keeper) == 1


def test_a_clock_that_is_set_while_the_recorder_runs_is_a_jump(tmp_path: Path) -> None:
    """The wall clock moved and the machine's own time did not."""
    now = [START_MS]
    fill(tmp_path, [START_MS] * 3)
    keeper = retention(tmp_path, FOUR_DAYS, now_ms=lambda: now[0], uptime_ms=lambda: 0)
    keeper.step()
    now[0] += 8 * DAY_MS
    fill(tmp_path, [now[0]] * 3)
    assert run(keeper) == 0
    assert Reader(tmp_path).retention().held_by == "clock"


def test_room_that_readers_still_keep_is_not_asked_for_twice(tmp_path: Path) -> None:
    """Free disk does not grow at once: what was removed a moment ago counts as free."""
    fill_days(tmp_path, 10)
    sizes = size_of(tmp_path, 1) + size_of(tmp_path, 2)
    limits = RetentionLimits(free_bytes_min=1_000_000_000)
    assert run(retention(tmp_path, limits, free_bytes=1_000_000_000 - sizes)) == 2


def test_a_damaged_segment_goes_with_its_neighbour(tmp_path: Path) -> None:
    """It tells nothing of itself, and must not keep the others from going."""
    fill_days(tmp_path, 10)
    segment_path(tmp_path, 2).write_bytes(b"no database" * 10_000)
    enough = sum(size_of(tmp_path, number) for number in range(6, 11))
    assert run(retention(tmp_path, RetentionLimits(bytes_max=enough))) == 5


def test_a_read_that_meets_a_removal_sees_every_count(tmp_path: Path) -> None:
    """A thread folds and removes segments as fast as it can; a reader always sees what was stored before."""
    limits = SegmentLimits(events_max=1)
    stored = [0]
    stop = threading.Event()

    def write() -> None:
        writer = Writer.open(tmp_path, segment_limits=limits, retention=HARD, is_inline=True)
        for number in range(1, 60):
            writer.commit([(1, make_batch(number, [make_event(received_ms=START_MS)]))])
            stored[0] = number
        writer.close()
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    reader = Reader(tmp_path)
    while not stop.is_set():
        before = stored[0]
        assert before <= counted(reader) <= stored[0] + 1
        assert reader.head() >= before
        reader.find(1, "nothing")
    thread.join()
    assert len(segment_numbers(tmp_path)) <= 2


def test_totals_of_an_older_pixelwire_are_brought_up(tmp_path: Path) -> None:
    """The first shape of totals.db had no word of retention."""
    fill_days(tmp_path, 3)
    connection = open_for_writing(totals_path(tmp_path), Storage())
    for table in ("retention", "expired", "expired_event", "quiet"):
        connection.execute(f"DROP TABLE {table}")
    connection.pragma("user_version", 1)
    connection.close()
    assert Reader(tmp_path).retention().removed_events == 0
    assert Reader(tmp_path).find_expired(1, "e1") is None
    assert counted(Reader(tmp_path)) == 9
    fill_days(tmp_path, 1, first_ms=START_MS + 3 * DAY_MS)
    assert run(retention(tmp_path, HARD)) == 3
    assert counted(Reader(tmp_path)) == 12


def test_a_failure_is_told_once_and_tried_again(
    tmp_path: Path, logs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention that can not work ends nothing else."""
    fill_days(tmp_path, 3)
    keeper: Retention = retention(tmp_path, FOUR_DAYS)
    totals = tmp_path / "totals.db"
    kept = totals.rename(tmp_path / "kept.db")
    totals.mkdir()
    for _ in range(3):
        keeper.turn()
    assert len(said(logs, "retention_failed")) == 1
    totals.rmdir()
    kept.rename(totals)
    fill_days(tmp_path, 10, first_ms=START_MS + 3 * DAY_MS)
    keeper.turn()
    assert not keeper.removed.empty()
