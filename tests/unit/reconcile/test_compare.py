"""Logs against a store on disk, event by event."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from pixelwire.clock import HOUR_MS
from pixelwire.errors import DataDirectoryError, NotFound
from pixelwire.event import RECEIVED, Event, Tally
from pixelwire.limits import DUPLICATE_WINDOW_MS
from pixelwire.reconcile import journal
from pixelwire.reconcile.compare import NothingToCompare, reconcile
from pixelwire.reconcile.lines import LogUnreadable
from pixelwire.reconcile.report import Report
from pixelwire.reconcile.store import DataDirectory
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.writer import Writer
from pixelwire.testing.manual_clock import ManualClock
from support.catalogs import Shop, make_shop
from support.events import make_batch, make_event

HOUR = 491_000
START_MS = HOUR * HOUR_MS
AT_MS = START_MS + HOUR_MS // 2
PIXEL = 1


class Store:
    """A data directory with events, and a log beside it."""

    def __init__(self, data_dir: Path, shop: Shop) -> None:
        self.shop = shop
        self.data_dir = data_dir
        self.log = data_dir / "access.log"
        self._lines: list[str] = []
        self._batch = 0

    def record(
        self, events: Sequence[Event] = (), tallies: Sequence[Tally] = (), *, now_ms: int = AT_MS
    ) -> None:
        self._batch += 1
        limits = SegmentLimits(events_max=3)
        clock = ManualClock(now_ms)
        writer = Writer.open(self.data_dir, clock=clock, is_inline=True, segment_limits=limits)
        writer.commit([(7, make_batch(self._batch, events, tallies))])
        writer.close()

    def store(self, *ids: str, at_ms: int = AT_MS, pixel: int = PIXEL) -> None:
        """Each as a request of its own, at the time it was received."""
        for id_ in ids:
            event = make_event(pixel, message_id=id_, received_ms=at_ms)
            self.record([event], [Tally(at_ms // HOUR_MS, 0, RECEIVED, "", 1)], now_ms=at_ms)

    def answer(
        self,
        message_id: str,
        outcome: str = "stored",
        *,
        at_ms: int = AT_MS,
        key: str = "",
        status: int = 200,
        reason: str = "-",
        tries: str = "200",
    ) -> None:
        self.line(
            f'- - - [01/Jan/2026:00:00:00 +0000] "GET /pixel/v1/page HTTP/1.1" {status} 43 "-" "-"'
            f' msec={at_ms / 1000:.3f} request_time=0.005 upstream_status="{tries}" outcome="{outcome}"'
            f' reason="{reason}" message_id="{message_id}"' + (f' write_key="{key}"' if key else "")
        )

    def line(self, text: str) -> None:
        self._lines.append(text + "\n")
        self.log.write_text("".join(self._lines))

    def compared(
        self,
        from_ms: int | None = START_MS,
        to_ms: int | None = START_MS + HOUR_MS,
        *,
        pixel_id: str | None = None,
        list_max: int = 20,
    ) -> Report:
        with closing(DataDirectory(self.data_dir, pixel_id)) as store:
            return reconcile([self.log], store, from_ms=from_ms, to_ms=to_ms, list_max=list_max)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    shop = make_shop(tmp_path)
    yield Store(tmp_path, shop)
    shop.catalog.close()


def test_what_was_answered_and_is_stored_agrees(store: Store) -> None:
    """Over several segments, ids of all sorts."""
    for id_, encoded in (("m1", "m1"), ("a/b ü", "a/b%20%C3%BC"), ("m3", "m3"), ("100%", "100%25")):
        store.store(id_)
        store.answer(encoded)
    report = store.compared()
    assert report.agrees, report
    assert report.as_json()["hours"][0]["logged"] == {"stored": 4}


def test_an_answer_without_event_is_missing(store: Store) -> None:
    """Stored or duplicate, with the line that says so."""
    store.store("m1")
    for id_, outcome in (("m1", "stored"), ("m2", "stored"), ("m3", "duplicate")):
        store.answer(id_, outcome)
    report = store.compared()
    assert report.has_faults
    assert [(found.message_id, found.note) for found in report.missing.first] == [
        ("m2", f"{store.log}:2"),
        ("m3", f"{store.log}:3"),
    ]


def test_a_duplicate_may_be_of_an_event_of_two_days_ago(store: Store) -> None:
    """Which is before the time that is compared; older ones are no duplicates."""
    store.store("old", at_ms=AT_MS - DUPLICATE_WINDOW_MS + HOUR_MS)
    store.store("older", at_ms=AT_MS - DUPLICATE_WINDOW_MS - HOUR_MS)
    store.record(tallies=[Tally(HOUR, PIXEL, "duplicate", "", 2), Tally(HOUR, 0, RECEIVED, "", 2)])
    store.answer("old", "duplicate")
    store.answer("older", "duplicate")
    assert [found.message_id for found in store.compared().missing.first] == ["older"]


def test_one_id_stored_twice_within_the_window_is_double(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pixels may have the same id, and so may one after 48 hours."""
    monkeypatch.setattr("pixelwire.record.chain.Chain.is_stored", lambda *_: False)  # the fault itself
    store.store("twice", at_ms=AT_MS - HOUR_MS)
    store.store("twice", "other")
    store.store("other", pixel=2)
    store.store("late", at_ms=AT_MS - DUPLICATE_WINDOW_MS - 1)
    store.store("late")
    for id_ in ("twice", "other", "other", "late"):
        store.answer(id_)
    report = store.compared()
    assert [(found.message_id, found.note) for found in report.double.first] == [("twice", "stored 2 times")]
    assert (report.missing.count, report.unlogged.count) == (0, 0)


def test_more_answers_than_events_are_double(store: Store) -> None:
    """Somebody answered from a cache, or we lied."""
    store.store("m1")
    store.answer("m1")
    store.answer("m1")
    (double,) = store.compared().double.first
    assert double.note == "answered `stored` 2 times, 1 on disk"


def test_the_write_key_tells_pixels_apart(store: Store) -> None:
    """An event of another pixel does not answer for this one."""
    business = store.shop.business.id
    other = store.shop.catalog.create_pixel(business, "https://other.example", "Other")
    store.store("m1", pixel=2)
    store.answer("m1", key=store.shop.pixel.id)
    assert store.compared().missing.count == 1
    assert store.compared(pixel_id=other.id).unlogged_by_count == 1
    store.line("")
    store.answer("m1", key=other.id)
    assert store.compared(pixel_id=other.id).agrees


def test_one_pixel_needs_logs_that_name_it(store: Store) -> None:
    """A line without query and key could be anybody's."""
    store.answer("m1")
    report = store.compared(pixel_id=store.shop.pixel.id)
    assert (report.logs.unattributed, report.agrees, report.has_faults) == (1, False, False)
    assert "1 requests name no pixel" in report.advice()[0]


def test_doubt_explains_events_that_nobody_was_told_of(store: Store) -> None:
    """As many as there are doubtful requests, and no more."""
    store.store("m1", "m2", "m3", "m4")
    store.record(tallies=[Tally(HOUR, PIXEL, "failed", "unconfirmed", 1), Tally(HOUR, 0, RECEIVED, "", 1)])
    store.answer("-", "failed", status=503, reason="unconfirmed")
    store.answer("-", "-", status=499, tries="-")
    store.answer("m1", tries="502, 200")
    report = store.compared()
    assert (report.in_doubt, report.unconfirmed, report.unanswered, report.retries) == (3, 1, 1, 1)
    assert (report.stored_after_all, report.unlogged.count) == (3, 0)
    store.store("m5")
    report = store.compared()
    assert (report.unlogged.count, report.has_faults) == (1, False)
    assert "m5" in [found.message_id for found in report.unlogged.first]


def test_lines_that_can_not_be_read_are_counted_and_not_shown(store: Store) -> None:
    """They may hold anything about a visitor."""
    store.store("m1")
    store.answer("m1")
    for _ in range(10):
        store.line("203.0.113.7 said something secret")
    report = store.compared()
    assert (report.logs.unreadable, len(report.logs.unreadable_first)) == (10, 5)
    assert report.logs.unreadable_first[0] == f"{store.log}:2: 34 bytes in no format that is known"
    assert "secret" not in str(report.as_json())
    assert (report.agrees, report.has_faults) == (False, False)


def test_a_line_in_the_making_is_left_alone(store: Store) -> None:
    """The proxy is writing it just now."""
    store.store("m1")
    store.answer("m1")
    with store.log.open("a") as log:
        log.write('203.0.113.7 - - [23/Jan/2026:04:56:07 +0000] "GET /pix')
    assert store.compared().agrees


def remove_segment(data_dir: Path) -> None:
    """The first, as retention does."""
    totals = apsw.Connection(str(data_dir / "totals.db"))
    totals.execute("UPDATE retention SET removed_to = 1, removed_segments = 1")
    totals.close()
    for path in (data_dir / "events").glob("000001.db*"):
        path.unlink()


def test_what_is_damaged_is_missing(store: Store) -> None:
    """It is not retention that took it; the counts may be whole all the same."""
    store.store("m1", "m2", "m3", "m4")
    for id_ in ("m1", "m2", "m3", "m4"):
        store.answer(id_)
    (store.data_dir / "events" / "000001.db").write_bytes(b"not a database" * 1_000)
    report = store.compared()
    assert (report.missing.count, report.missing_by_count, report.expired) == (3, 3, 0)


def test_what_retention_removed_can_not_be_looked_for(store: Store) -> None:
    """It is said, and is not missing; what the ledger kept is still compared."""
    store.store("m1", "m2", "m3", at_ms=AT_MS - 3 * HOUR_MS)
    store.store("m4", at_ms=AT_MS - HOUR_MS)
    store.store("m5")
    for id_ in ("m1", "m2", "m3"):
        store.answer(id_, at_ms=AT_MS - 3 * HOUR_MS)
    store.answer("m4", at_ms=AT_MS - HOUR_MS)
    store.answer("m5")
    remove_segment(store.data_dir)
    report = store.compared(START_MS - 5 * HOUR_MS)
    assert (report.expired, report.missing.count, report.has_faults) == (3, 0, False)
    assert [hour.events for hour in report.hours] == [None, None, 1]
    store.record(tallies=[Tally(HOUR - 3, PIXEL, "stored", "", -1)])
    assert store.compared(START_MS - 5 * HOUR_MS).missing_by_count == 1


def test_without_a_time_that_of_the_lines_is_compared(store: Store) -> None:
    """What is stored near its ends may be in another log."""
    store.store("before", at_ms=AT_MS - 30_000)
    store.store("m1", "m2")
    store.store("between", at_ms=AT_MS + 600_000)
    store.store("m3", at_ms=AT_MS + 1_200_000)
    for id_, at_ms in (("m1", AT_MS), ("m2", AT_MS), ("m3", AT_MS + 1_200_000)):
        store.answer(id_, at_ms=at_ms + 20)
    report = store.compared(None, None)
    assert (report.period.from_ms, report.period.to_ms) == (AT_MS + 15, AT_MS + 1_200_020)
    assert [found.message_id for found in report.unlogged.first] == ["between"]
    assert not report.hours[0].is_whole


def test_requests_at_other_times_are_left_out(store: Store) -> None:
    """They are others."""
    store.answer("m1", at_ms=START_MS - 10 * HOUR_MS)
    store.answer("m2", at_ms=START_MS - 600_000)
    report = store.compared()
    assert (report.logs.requests, report.logs.other, report.agrees) == (0, 2, True)


def test_lists_are_bounded(store: Store) -> None:
    """Numbers are not."""
    for number in range(30):
        store.answer(f"m{number}")
    report = store.compared(list_max=3)
    assert (report.missing.count, len(report.missing.first)) == (30, 3)
    assert "30 missing: " in report.advice()[0]


def test_long_logs_go_to_disk_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And find their events all the same."""
    monkeypatch.setattr(journal, "CHUNK", 4)
    ids = [f"m{number}" for number in range(11)]
    store.store(*ids)
    for id_ in ids:
        store.answer(id_)
    assert store.compared().agrees


def test_nothing_of_a_comparison_stays(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file goes, also after an error."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    store.answer("m1")
    store.compared()
    store.log.unlink()
    with pytest.raises(LogUnreadable):
        store.compared()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_log_with_nothing_in_it_is_an_error(store: Store) -> None:
    """Unless somebody said that nothing happened then."""
    store.line("nonsense")
    with pytest.raises(NothingToCompare, match="in 1 lines, 1 of which could not be read"):
        store.compared(None)
    assert store.compared().logs.requests == 0


def test_the_ledger_is_given_the_time_to_follow(store: Store) -> None:
    """What was refused a moment ago is counted within a second."""
    store.answer("-", "refused", status=400, reason="event_missing")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        store.record(
            tallies=[Tally(HOUR, PIXEL, "refused", "event_missing", 1), Tally(HOUR, 0, RECEIVED, "", 1)]
        )

    def compare(now_ms: int) -> Report:
        with closing(DataDirectory(store.data_dir)) as data:
            ends = {"from_ms": START_MS, "to_ms": START_MS + HOUR_MS}
            return reconcile([store.log], data, **ends, now_ms=lambda: now_ms, wait=wait)

    assert compare(AT_MS + 500).agrees
    assert waited == [1.5]
    compare(AT_MS + 5_000)
    assert waited == [1.5]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A directory, a pixel."""
    with pytest.raises(DataDirectoryError, match="there is no data directory"):
        DataDirectory(tmp_path / "none")
    make_shop(tmp_path).catalog.close()
    with pytest.raises(NotFound, match="there is no pixel"):
        DataDirectory(tmp_path, "0" * 32)
