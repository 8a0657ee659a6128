"""The comparison: reads the logs once and the store once, and puts both side by side.

`reconcile` is the library call; the command `pixelwire reconcile` and our own tests are its users.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pixelwire.clock import HOUR_MS
from pixelwire.errors import PixelwireError
from pixelwire.event import Outcome
from pixelwire.limits import DUPLICATE_WINDOW_MS
from pixelwire.reconcile import formats
from pixelwire.reconcile.entry import Entry, entry_of
from pixelwire.reconcile.hours import Books, Sheets, compare
from pixelwire.reconcile.journal import Answer, Journal
from pixelwire.reconcile.lines import lines
from pixelwire.reconcile.period import SLACK_MS, Period
from pixelwire.reconcile.report import Found, Listed, LogCounts, Report
from pixelwire.reconcile.store import Store

LIST_MAX: Final = 20
UNREADABLE_LISTED_MAX: Final = 5
SETTLE_MS: Final = 2_000  # refusals are in the ledger a second after their answer, at the latest
NOWHERE_MS: Final = 1 << 62


class NothingToCompare(PixelwireError):
    """There is no request of a pixel in the logs at that time."""

    code = "nothing_to_compare"


def reconcile(
    logs: Iterable[str | Path],
    store: Store,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    list_max: int = LIST_MAX,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    wait: Callable[[float], object] = time.sleep,
) -> Report:
    """Compares the logs, read in their order, with a store.

    `from_ms` and `to_ms` say that the logs hold everything between them; without one, the time of the lines
    is taken. LogUnreadable for a log that can not be read, NothingToCompare when there is nothing in them and
    no time was given.
    """
    with Journal() as journal:
        reading = _Reading(journal, store, from_ms, to_ms)
        for source, name in enumerate(logs):
            reading.read(str(name), source)
        period = reading.period()
        _settle(reading.newest_ms, now_ms(), wait)
        books = _read_store(journal, store, period)
        return _report(reading, journal, books, period, list_max)


class _Reading:
    """The logs, on their way into the journal and the sheets."""

    def __init__(self, journal: Journal, store: Store, from_ms: int | None, to_ms: int | None) -> None:
        self._journal = journal
        self._keys: Mapping[str, int] = store.write_keys()
        self._pixel = store.pixel
        self._from_ms, self._to_ms = from_ms, to_ms
        self.sheets = Sheets()
        self.counts = LogCounts()
        self.unconfirmed = self.unanswered = self.retries = 0
        self.oldest_ms, self.newest_ms = NOWHERE_MS, 0
        self.names: list[str] = []

    def read(self, name: str, source: int) -> None:
        self.names.append(name)
        for number, entry in self._entries(name):
            pixel = None if entry.write_key is None else self._keys.get(entry.write_key, 0)
            if self._pixel is not None and pixel != self._pixel:
                self.counts.unattributed += pixel is None
                continue
            self.sheets.add(entry)
            if entry.message_id:
                is_stored = entry.outcome == Outcome.STORED
                # A key that is not known any more says nothing.
                row = Answer(entry.message_id, pixel or None, is_stored, entry.ended_ms, source, number)
                self._journal.add_answer(row)
            if self._is_within(entry.ended_ms):
                self._count(entry)
            else:
                self.counts.other += 1

    def period(self) -> Period:
        if not self.counts.requests and (self._from_ms is None or self._to_ms is None):
            raise NothingToCompare(
                f"no request of a pixel was found in {self.counts.lines} lines,"
                f" {self.counts.unreadable} of which could not be read",
                hint="is it the access log of the proxy before Pixelwire? If it is, say --from and --to",
            )
        return Period(
            self.oldest_ms if self._from_ms is None else self._from_ms,
            self.newest_ms if self._to_ms is None else self._to_ms,
            self._from_ms is not None,
            self._to_ms is not None,
        )

    def _entries(self, name: str) -> Iterator[tuple[int, Entry]]:
        """The requests of pixels at about the right time, with the number of their line."""
        counts = self.counts
        for number, text, is_whole in lines(name):
            if not text.strip():
                continue
            counts.lines += 1
            logged = formats.read(text)
            if logged is None:
                if is_whole or len(text) > 65_536:  # else the log is being written just now
                    self._note_unreadable(name, number, len(text))
                continue
            entry = entry_of(logged)
            if entry is None or not self._is_near(entry.ended_ms):
                counts.other += 1
            else:
                yield number, entry

    def _count(self, entry: Entry) -> None:
        self.counts.requests += 1
        self.counts.with_outcome += bool(entry.outcome)
        self.unconfirmed += entry.is_unconfirmed
        self.unanswered += entry.is_unanswered
        self.retries += entry.retries
        self.oldest_ms = min(self.oldest_ms, entry.begun_ms)
        self.newest_ms = max(self.newest_ms, entry.ended_ms)

    def _is_within(self, at_ms: int) -> bool:
        return (self._from_ms is None or at_ms >= self._from_ms) and (
            self._to_ms is None or at_ms <= self._to_ms
        )

    def _is_near(self, at_ms: int) -> bool:
        """Within, or so near that its event may be. Whole hours are needed where the ledger is compared."""
        near_ms = HOUR_MS + SLACK_MS
        return (self._from_ms is None or at_ms >= self._from_ms - near_ms) and (
            self._to_ms is None or at_ms <= self._to_ms + near_ms
        )

    def _note_unreadable(self, name: str, number: int, size: int) -> None:
        """Where it is, and nothing of it: it may hold anything about a visitor."""
        self.counts.unreadable += 1
        if len(self.counts.unreadable_first) < UNREADABLE_LISTED_MAX:
            self.counts.unreadable_first.append(f"{name}:{number}: {size} bytes in no format that is known")


def _settle(newest_ms: int, now_ms: int, wait: Callable[[float], object]) -> None:
    """Lets the ledger follow the newest line."""
    age_ms = now_ms - newest_ms
    if -SETTLE_MS < age_ms < SETTLE_MS:
        wait((SETTLE_MS - age_ms) / 1_000)


def _read_store(journal: Journal, store: Store, period: Period) -> Books:
    """The events of the hours that the period touches, and those before them that a duplicate may be of."""
    hours = period.hours
    before = store.outcomes(hours[0], hours[-1])
    events: Counter[int] = Counter()
    first_ms = hours[0] * HOUR_MS - SLACK_MS
    last_ms = max((hours[-1] + 1) * HOUR_MS, period.to_ms + SLACK_MS)
    for mark in store.events(first_ms, last_ms):
        journal.add_event(mark)
        events[mark.received_ms // HOUR_MS] += 1
    journal.index()
    for mark in store.events(first_ms - DUPLICATE_WINDOW_MS, first_ms - 1):
        journal.add_event(mark)
    after = store.outcomes(hours[0], hours[-1])
    return Books(before, after, events, store.kept_from_ms(), has_received=store.pixel is None)


def _report(reading: _Reading, journal: Journal, books: Books, period: Period, list_max: int) -> Report:
    journal.compare(period)
    doubt = reading.unconfirmed + reading.unanswered + reading.retries
    nameless = reading.counts.requests - reading.counts.with_outcome - reading.unanswered
    unlogged, stored_after_all = Listed(), 0
    if journal.answers:
        count, first = journal.unlogged(list_max)
        stored_after_all = min(count, doubt)
        unlogged.count = max(count - doubt - nameless, 0)
        if unlogged.count:
            unlogged.first = [Found(id_, at_ms, f"seq {seq}") for id_, at_ms, seq in first]
    return Report(
        period=period,
        logs=reading.counts,
        missing=_missing(journal, reading.names, books.kept_from_ms, list_max),
        double=_double(journal, list_max),
        unlogged=unlogged,
        hours=compare(reading.sheets, books, period),
        unconfirmed=reading.unconfirmed,
        unanswered=reading.unanswered,
        retries=reading.retries,
        stored_after_all=stored_after_all,
        expired=journal.expired(books.kept_from_ms),
    )


def _missing(journal: Journal, names: list[str], kept_from_ms: int, list_max: int) -> Listed:
    count, first = journal.missing(kept_from_ms, list_max)
    return Listed(count, [Found(id_, at_ms, f"{names[source]}:{line}") for id_, at_ms, source, line in first])


def _double(journal: Journal, list_max: int) -> Listed:
    stored, first_stored = journal.stored_twice(list_max)
    answered, first_answered = journal.answered_twice(list_max)
    found = [Found(id_, at_ms, f"stored {events} times") for id_, events, at_ms in first_stored]
    found += [
        Found(id_, at_ms, f"answered `stored` {answers} times, {events} on disk")
        for id_, answers, events, at_ms in first_answered
    ]
    return Listed(stored + answered, found[:list_max])
