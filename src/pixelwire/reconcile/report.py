"""What a comparison found, and what it means. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pixelwire.reconcile.hours import HourResult
from pixelwire.reconcile.period import Period
from pixelwire.times import hour_iso, iso_ms


class Found(NamedTuple):
    """One thing to look at: an event by its id, and where it was seen."""

    message_id: str
    at_ms: int
    note: str


@dataclass
class Listed:
    """How many, and the first of them."""

    count: int = 0
    first: list[Found] = field(default_factory=list)


@dataclass
class LogCounts:
    """What the logs held."""

    lines: int = 0
    requests: int = 0  # of pixels, within the period
    with_outcome: int = 0  # of these: the log names the outcome
    other: int = 0  # requests of something else, or at another time
    unattributed: int = 0  # of a pixel that the log does not name, while one pixel was asked for
    unreadable: int = 0
    unreadable_first: list[str] = field(default_factory=list)


@dataclass
class Report:
    """Faults: `missing`, `double`, and what hours lack. All else may be harmless: `advice` tells how."""

    period: Period
    logs: LogCounts
    missing: Listed
    double: Listed
    unlogged: Listed  # stored, and in no log; what doubt explains is taken off the count
    hours: Sequence[HourResult]
    unconfirmed: int
    unanswered: int
    retries: int
    stored_after_all: int  # of those in doubt, at most
    expired: int  # answers whose event may be past retention

    @property
    def in_doubt(self) -> int:
        """Requests of which nobody could know whether they are stored."""
        return self.unconfirmed + self.unanswered + self.retries

    @property
    def missing_by_count(self) -> int:
        return sum(hour.missing for hour in self.hours)

    @property
    def surplus(self) -> int:
        return sum(hour.surplus for hour in self.hours)

    @property
    def uncounted(self) -> int:
        return sum(hour.uncounted for hour in self.hours)

    @property
    def unlogged_by_count(self) -> int:
        return sum(hour.unlogged for hour in self.hours)

    @property
    def has_faults(self) -> bool:
        """Whether the promise was broken: something is missing, or there twice."""
        return bool(self.missing.count or self.double.count or self.missing_by_count or self.surplus)

    @property
    def agrees(self) -> bool:
        """Whether both sides say the same in everything that can be compared."""
        return not self.has_faults and not (
            self.uncounted
            or self.unlogged.count
            or self.unlogged_by_count
            or self.logs.unreadable
            or self.logs.unattributed
        )

    def advice(self) -> list[str]:
        """What to do, a line for each thing that does not agree."""
        return [text.format(amount=amount) for amount, text in self._advices() if amount]

    def as_json(self) -> dict[str, Any]:
        period = self.period
        return {
            "from": iso_ms(period.from_ms),
            "to": iso_ms(period.to_ms),
            "agrees": self.agrees,
            "has_faults": self.has_faults,
            "missing": {**_listed(self.missing), "by_count": self.missing_by_count},
            "double": {**_listed(self.double), "by_count": self.surplus},
            "in_doubt": {
                "count": self.in_doubt,
                "unconfirmed": self.unconfirmed,
                "unanswered": self.unanswered,
                "retries": self.retries,
                "stored_after_all": self.stored_after_all,
            },
            "uncounted": self.uncounted,
            "unlogged": {**_listed(self.unlogged), "by_count": self.unlogged_by_count},
            "expired": self.expired,
            "logs": vars(self.logs),
            "hours": [_hour(hour) for hour in self.hours],
            "advice": self.advice(),
        }

    def _advices(self) -> list[tuple[int, str]]:
        return [
            (max(self.missing.count, self.missing_by_count), MISSING),
            (max(self.double.count, self.surplus), DOUBLE),
            (self.uncounted, UNCOUNTED),
            (max(self.unlogged.count, self.unlogged_by_count), UNLOGGED),
            (self.expired, EXPIRED),
            (self.logs.unreadable, UNREADABLE),
            (self.logs.unattributed, UNATTRIBUTED),
        ]


MISSING: Final = (
    "{amount} missing: answered or counted as stored, and not on disk. Look for a file below events/ that is"
    " damaged or gone, for a backup that was restored, and at the server's log; keep the access log, it may"
    " have what was sent. If it is nearly all of them: is this the log of this server?"
)
DOUBLE: Final = (
    "{amount} double: stored more often than sent, or answered `stored` more often than it is there. A proxy"
    " that answers from a cache does the second; else it is a fault of Pixelwire: please report it."
)
UNCOUNTED: Final = (
    "{amount} answered and not counted: refusals and the like of the last second before a kill are lost to"
    " the ledger, no event is. If nothing was killed: is a log of another server among these?"
)
UNLOGGED: Final = (
    "{amount} that no log tells of: sent past the proxy (`pixelwire send`, a health check, another proxy), or"
    " lines are in a log that was not given."
)
EXPIRED: Final = "{amount} can not be looked for: retention removed the events of their time."
UNREADABLE: Final = (
    "{amount} lines could not be read: give logs in nginx's combined format, or Caddy's JSON (see"
    " docs/operations.md), and leave other formats out."
)
UNATTRIBUTED: Final = (
    "{amount} requests name no pixel in the log: log the query, or the write key as docs/operations.md shows,"
    " or leave --pixel out."
)


def _listed(listed: Listed) -> dict[str, Any]:
    return {
        "count": listed.count,
        "first": [
            {"message_id": found.message_id, "at": iso_ms(found.at_ms), "note": found.note}
            for found in listed.first
        ],
    }


def _hour(hour: HourResult) -> dict[str, Any]:
    return {**hour._asdict(), "hour": hour_iso(hour.hour)}
