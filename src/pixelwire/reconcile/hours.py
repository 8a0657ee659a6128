"""What the logs tell of each hour, compared with the ledger and with the events on disk. Knows no ids.

The ledger counts an hour by the server's clock when a request was received, the log when it was answered:
near the border of two hours a request may be in either. So each number of the ledger lies between two of the
log: what was surely answered in the hour, and what may have been.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pixelwire.clock import HOUR_MS
from pixelwire.event import RECEIVED, Failure, Outcome
from pixelwire.reconcile.entry import GROUP_OF, Entry, Group
from pixelwire.reconcile.period import SKEW_MS, Period
from pixelwire.reconcile.store import Ledger
from pixelwire.times import hour_of

Key = tuple[str, str]  # outcome and reason

UNCONFIRMED: Final = (Outcome.FAILED, Failure.UNCONFIRMED)
# Counted in the transaction that stores the event: these can not be lost by a kill, all others of a worker's
# last second can.
SAFE: Final = frozenset({Outcome.STORED, Outcome.DUPLICATE})
UNANSWERED: Final = "unanswered"
_STATUSES: Final[Mapping[Group, str]] = {
    Group.DONE: "status 200",
    Group.REFUSED: "status 400 or 429",
    Group.FAILED: "status 503",
}


@dataclass
class Sheet:
    """One hour as the logs tell it. `loose` is what may have been received in the hour before or after; it is
    in the sheets of both."""

    exact: Counter[Key] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)  # Group -> answers
    loose: Counter[Key] = field(default_factory=Counter)
    loose_by_status: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0  # these two as well, near a border
    retries: int = 0
    written: Counter[str] = field(default_factory=Counter)  # for people: by word, in the hour of the line

    @property
    def doubtful(self) -> int:
        """Requests that may be anything in the ledger, or nothing."""
        return self.unanswered + self.retries

    def at_most(self, key: Key) -> int:
        """What the ledger can have of an outcome."""
        group = GROUP_OF[key[0]]
        amount = self.exact[key] + self.loose[key] + self.by_status[group] + self.loose_by_status[group]
        if key[0] in SAFE:
            # Answered `unconfirmed`, and stored; a worker that was killed then could not correct the ledger.
            amount += self.exact[UNCONFIRMED] + self.loose[UNCONFIRMED]
        return amount + self.doubtful

    def at_least(self, group: Group) -> int:
        """What the ledger must have of a group."""
        return self.by_status[group] + sum(
            n for (word, _), n in self.exact.items() if GROUP_OF[word] is group
        )


class Sheets:
    """All hours of the logs."""

    def __init__(self) -> None:
        self._sheets: dict[int, Sheet] = {}

    def add(self, entry: Entry) -> None:
        first = hour_of(entry.begun_ms - SKEW_MS)
        last = hour_of(entry.ended_ms + SKEW_MS)
        word = entry.outcome or (_STATUSES[entry.group] if entry.group else UNANSWERED)
        self._at(hour_of(entry.ended_ms)).written[word] += 1
        for hour in range(first, last + 1):
            sheet = self._at(hour)
            sheet.retries += entry.retries
            if entry.is_unanswered:
                sheet.unanswered += 1
            elif entry.group is not None:
                (sheet.by_status if first == last else sheet.loose_by_status)[entry.group] += 1
            else:
                (sheet.exact if first == last else sheet.loose)[entry.outcome, entry.reason] += 1

    def of(self, hour: int) -> Sheet:
        return self._sheets.get(hour) or Sheet()

    def hours(self) -> set[int]:
        return set(self._sheets)

    def _at(self, hour: int) -> Sheet:
        sheet = self._sheets.get(hour)
        if sheet is None:
            sheet = self._sheets[hour] = Sheet()
        return sheet


class HourResult(NamedTuple):
    """One hour, compared."""

    hour: int
    is_whole: bool  # the logs hold all of it
    logged: Mapping[str, int]  # outcome, status where that is all, or `unanswered` -> lines
    ledger: Mapping[str, int]  # outcome -> requests
    events: int | None  # on disk; None when they may be past retention
    missing: int  # stored or duplicate by the log, or stored by the ledger, and not there
    uncounted: int  # answered by the log, and not in the ledger
    unlogged: int  # in the ledger, and not in the logs
    surplus: int  # events on disk that the ledger does not know


class Books(NamedTuple):
    """The ledger before the events were read, and after."""

    before: Ledger
    after: Ledger
    events: Mapping[int, int]  # hour -> events on disk
    kept_from_ms: int
    has_received: bool  # the ledger is the whole server's


def compare(sheets: Sheets, books: Books, period: Period) -> list[HourResult]:
    """Every hour that the period touches and where there is something."""
    before, after = _by_hour(books.before), _by_hour(books.after)
    hours = (sheets.hours() | after.keys() | books.events.keys()) & set(period.hours)
    return [
        _compare_hour(hour, sheets.of(hour), before.get(hour, {}), after.get(hour, {}), books, period)
        for hour in sorted(hours)
    ]


def _compare_hour(
    hour: int, sheet: Sheet, before: Mapping[Key, int], after: Mapping[Key, int], books: Books, period: Period
) -> HourResult:
    is_whole = period.covers(hour)
    missing, uncounted = _short(sheet, after, has_received=books.has_received)
    unlogged = _unlogged(sheet, before) if is_whole else 0
    stored = before.get((Outcome.STORED, ""), 0)
    events, surplus = None, 0
    if hour * HOUR_MS >= books.kept_from_ms:
        events = books.events.get(hour, 0)
        missing += max(stored - events, 0)
        surplus = max(events - after.get((Outcome.STORED, ""), 0) - after.get(UNCONFIRMED, 0), 0)
    return HourResult(
        hour,
        is_whole,
        sheet.written,
        _words(after),
        events,
        missing,
        uncounted,
        unlogged,
        surplus,
    )


def _short(sheet: Sheet, ledger: Mapping[Key, int], *, has_received: bool) -> tuple[int, int]:
    """What the ledger lacks: of events, and of all else."""
    missing = uncounted = 0
    for group in Group:
        of_group = {key: n for key, n in sheet.exact.items() if GROUP_OF[key[0]] is group}
        lacking = {key: max(n - ledger.get(key, 0), 0) for key, n in of_group.items()}
        in_ledger = sum(n for key, n in ledger.items() if GROUP_OF.get(key[0]) is group)
        safe = sum(n for (word, _), n in lacking.items() if word in SAFE)
        others = sum(lacking.values()) - safe
        more = max(sheet.at_least(group) - in_ledger - safe - others, 0)
        missing += safe + (more if group is Group.DONE else 0)
        uncounted += others + (0 if group is Group.DONE else more)
    if has_received:
        answered = sum(sheet.at_least(group) for group in Group)
        uncounted = max(uncounted, answered - ledger.get((RECEIVED, ""), 0) - missing)
    return missing, uncounted


def _unlogged(sheet: Sheet, ledger: Mapping[Key, int]) -> int:
    """What the ledger has more than the logs can tell of."""
    more = sum(max(n - sheet.at_most(key), 0) for key, n in ledger.items() if key[0] in GROUP_OF)
    total = sum(n for key, n in ledger.items() if key[0] in GROUP_OF)
    logged = sum(
        sum(counter.values())
        for counter in (sheet.exact, sheet.loose, sheet.by_status, sheet.loose_by_status)
    )
    # Doubt can explain one outcome only, not each of them.
    doubt = sheet.doubtful + sheet.exact[UNCONFIRMED] + sheet.loose[UNCONFIRMED]
    return max(more, total - logged - doubt)


def _by_hour(ledger: Ledger) -> dict[int, dict[Key, int]]:
    found: dict[int, dict[Key, int]] = {}
    for (hour, outcome, reason), amount in ledger.items():
        found.setdefault(hour, {})[outcome, reason] = amount
    return found


def _words(ledger: Mapping[Key, int]) -> Counter[str]:
    words: Counter[str] = Counter()
    for (outcome, _), amount in ledger.items():
        if outcome in GROUP_OF or outcome == RECEIVED:
            words[outcome] += amount
    return words
