"""Numbers of an hour: what the ledger must have, and what it may have."""

from collections.abc import Mapping

import pytest

from pixelwire.clock import HOUR_MS
from pixelwire.event import RECEIVED
from pixelwire.reconcile.entry import Entry, Group
from pixelwire.reconcile.hours import Books, HourResult, Sheets, compare
from pixelwire.reconcile.period import SLACK_MS, Period

HOUR = 491_000
MIDDLE_MS = HOUR * HOUR_MS + HOUR_MS // 2
WHOLE = Period(HOUR * HOUR_MS, (HOUR + 1) * HOUR_MS)

STORED = ("stored", "")
REFUSED = ("refused", "identity_missing")
UNCONFIRMED = ("failed", "unconfirmed")


def entry(
    outcome: str = "stored",
    reason: str = "",
    *,
    group: Group | None = None,
    at_ms: int = MIDDLE_MS,
    took_ms: int = 5,
    retries: int = 0,
) -> Entry:
    return Entry(at_ms - took_ms, at_ms, "" if group else outcome, reason, group, "", None, retries)


UNANSWERED = entry("")


def judged(
    entries: list[Entry],
    ledger: Mapping[tuple[str, str], int],
    *,
    events: int | None = None,
    period: Period = WHOLE,
    received: int | None = None,
    kept_from_ms: int = 0,
) -> HourResult:
    """One hour; on disk is what the ledger counts as stored, unless told otherwise."""
    sheets = Sheets()
    for each in entries:
        sheets.add(each)
    rows = {(HOUR, *key): amount for key, amount in ledger.items()}
    if received is not None:
        rows[HOUR, RECEIVED, ""] = received
    stored = ledger.get(STORED, 0) if events is None else events
    books = Books(rows, rows, {HOUR: stored}, kept_from_ms, has_received=received is not None)
    (result,) = [hour for hour in compare(sheets, books, period) if hour.hour == HOUR]
    return result


def findings(result: HourResult) -> tuple[int, int, int, int]:
    """missing, uncounted, unlogged, surplus"""
    return result.missing, result.uncounted, result.unlogged, result.surplus


@pytest.mark.parametrize(
    ("entries", "ledger", "found"),
    [
        ([entry()] * 3, {STORED: 3}, (0, 0, 0, 0)),
        ([entry()] * 3, {STORED: 2}, (1, 0, 0, 0)),
        ([entry("duplicate")] * 3, {("duplicate", ""): 1}, (2, 0, 0, 0)),
        ([entry()] * 3, {STORED: 5}, (0, 0, 2, 0)),
        ([entry(*REFUSED)] * 3, {REFUSED: 3}, (0, 0, 0, 0)),
        ([entry(*REFUSED)] * 3, {REFUSED: 1}, (0, 2, 0, 0)),
        ([entry(*REFUSED)] * 3, {("refused", "event_missing"): 3}, (0, 3, 3, 0)),
        ([entry("filtered", "head")], {}, (0, 1, 0, 0)),
        ([], {STORED: 1}, (0, 0, 1, 0)),
        ([entry(group=Group.DONE)] * 3, {STORED: 2, ("filtered", "gpc"): 1}, (0, 0, 0, 0)),
        ([entry(group=Group.DONE)] * 3, {STORED: 1, ("filtered", "gpc"): 1}, (1, 0, 0, 0)),
        ([entry(group=Group.DONE)] * 3, {STORED: 4}, (0, 0, 1, 0)),
        ([entry(group=Group.REFUSED)] * 3, {REFUSED: 2}, (0, 1, 0, 0)),
        ([entry(group=Group.FAILED)], {("failed", "disk_full"): 1}, (0, 0, 0, 0)),
        ([entry(), entry(group=Group.DONE)], {STORED: 2}, (0, 0, 0, 0)),
        ([entry(), entry(group=Group.DONE)], {STORED: 1}, (1, 0, 0, 0)),
    ],
)
def test_the_ledger_has_what_was_answered(
    entries: list[Entry], ledger: Mapping[tuple[str, str], int], found: tuple[int, ...]
) -> None:
    """Less of what is stored is missing, less of all else uncounted, more is unlogged."""
    assert findings(judged(entries, ledger)) == found


@pytest.mark.parametrize("ledger", [{}, {STORED: 1}, {REFUSED: 1}, {("duplicate", ""): 1}])
def test_who_had_no_answer_may_be_anything(ledger: Mapping[tuple[str, str], int]) -> None:
    """Or nothing: one request, one outcome at most."""
    assert findings(judged([UNANSWERED], ledger)) == (0, 0, 0, 0)
    more = {key: amount + 1 for key, amount in ledger.items()} or {STORED: 2}
    assert judged([UNANSWERED], more).unlogged == 1


def test_a_try_before_the_last_may_be_stored() -> None:
    """The proxy sent it again."""
    assert findings(judged([entry(retries=1)], {STORED: 2})) == (0, 0, 0, 0)
    assert judged([entry(retries=1)], {STORED: 3}).unlogged == 1


def test_unconfirmed_may_be_counted_twice_after_a_kill() -> None:
    """Stored by the recorder, and failed by the worker that could not correct it any more."""
    assert findings(judged([entry(*UNCONFIRMED)], {UNCONFIRMED: 1, STORED: 1})) == (0, 0, 0, 0)
    assert judged([entry(*UNCONFIRMED)], {UNCONFIRMED: 1, STORED: 2}).unlogged == 1


def test_events_lie_between_stored_and_what_is_doubtful() -> None:
    """The promise, without a log."""
    for events, missing, surplus in ((9, 1, 0), (10, 0, 0), (12, 0, 0), (13, 0, 1)):
        result = judged(
            [entry()] * 10 + [entry(*UNCONFIRMED)] * 2, {STORED: 10, UNCONFIRMED: 2}, events=events
        )
        assert (result.events, result.missing, result.surplus) == (events, missing, surplus)


def test_past_retention_only_numbers_are_left() -> None:
    """The ledger outlives the events."""
    result = judged([entry()] * 3, {STORED: 3}, events=0, kept_from_ms=HOUR * HOUR_MS + 1)
    assert (result.events, findings(result)) == (None, (0, 0, 0, 0))


def test_near_a_border_a_request_may_be_of_either_hour() -> None:
    """Received before, answered after, or by clocks that differ a little."""
    for at_ms, took_ms in (
        (HOUR * HOUR_MS + 200, 5),
        (WHOLE.to_ms - 200, 5),
        (HOUR * HOUR_MS + 5_000, 9_000),
    ):
        late = entry(at_ms=at_ms, took_ms=took_ms)
        assert findings(judged([late], {STORED: 1})) == (0, 0, 0, 0)
        assert findings(judged([late], {})) == (0, 0, 0, 0)
        assert judged([late], {STORED: 2}).unlogged == 1


def test_received_is_counted_apart() -> None:
    """As many as there are answers, at least."""
    assert findings(judged([entry()], {STORED: 1}, received=1)) == (0, 0, 0, 0)
    assert findings(judged([entry()], {STORED: 1}, received=0)) == (0, 1, 0, 0)
    assert findings(judged([entry(*REFUSED)], {}, received=0)) == (0, 1, 0, 0)
    assert findings(judged([entry()], {}, received=0)) == (1, 0, 0, 0)


def test_an_hour_that_the_logs_hold_in_part_has_no_upper_end() -> None:
    """What the ledger has more may be in another log."""
    part = Period(HOUR * HOUR_MS, MIDDLE_MS)
    assert findings(judged([entry()], {STORED: 5}, period=part)) == (0, 0, 0, 0)
    assert judged([entry()], {}, period=part).missing == 1


def test_ends_are_sure_when_somebody_said_so() -> None:
    """Else a stretch at the end of the lines is not judged."""
    period = Period(0, 2 * HOUR_MS, is_from_sure=False, is_to_sure=True)
    assert (period.inner_from_ms, period.inner_to_ms) == (SLACK_MS, 2 * HOUR_MS)
    assert [period.covers(hour) for hour in period.hours] == [False, True]
    assert Period(5, 5).hours == range(1)


def test_people_see_lines_in_the_hour_in_which_they_were_written() -> None:
    """Each once, whatever it counts as."""
    lines = [entry(), UNANSWERED, entry(group=Group.DONE), entry(at_ms=HOUR * HOUR_MS + 1)]
    result = judged(lines, {STORED: 2}, received=2)
    assert result.logged == {"stored": 2, "unanswered": 1, "status 200": 1}
    assert result.ledger == {"stored": 2, "received": 2}
