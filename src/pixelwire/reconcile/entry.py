"""One request to a pixel, as an access log tells it, and what can be concluded from that. Knows no format of
a log, no ledger and no store.

Three kinds of entries: the log names the outcome; it has only a status, so that the outcome is one of a class
of outcomes; there was no answer of ours, so that nobody can tell whether the event is stored.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import unquote

from pixelwire.event import Failure, Outcome
from pixelwire.limits import HOLD_S

PATHS: Final = ("/pixel/v1/page", "/pixel/v1/track")

# A log that says nothing of how long a request took: it was held, at most, and came over a slow line.
TOOK_AT_MOST_MS: Final = int(HOLD_S * 1_000) + 7_000


class Group(StrEnum):
    """What a status alone tells."""

    DONE = "done"  # 200
    REFUSED = "refused"  # 400, 429
    FAILED = "failed"  # 503


GROUP_OF: Final[Mapping[str, Group]] = {
    Outcome.STORED: Group.DONE,
    Outcome.DUPLICATE: Group.DONE,
    Outcome.FILTERED: Group.DONE,
    Outcome.REFUSED: Group.REFUSED,
    Outcome.FAILED: Group.FAILED,
}
_GROUP_OF_STATUS: Final = {200: Group.DONE, 400: Group.REFUSED, 429: Group.REFUSED, 503: Group.FAILED}

# The client went (499, 0), or the proxy had no answer: the request may have reached us all the same.
_UNANSWERED: Final = frozenset({0, 408, 444, 499, 500, 502, 504})
_NO_UPSTREAM: Final = ("", "-")


class Logged(NamedTuple):
    """What a format reads from a line. None where the log does not tell."""

    ended_ms: int
    ended_exact_ms: int  # the line was written at most this much later
    took_ms: int | None
    method: str
    target: str  # path and query, as the client sent them
    status: int
    outcome: str | None = None  # the header of ours; empty when there was none
    reason: str = ""
    message_id: str = ""  # as in the header, percent-encoded
    write_key: str | None = None
    tries: tuple[str, ...] | None = None  # the status of each try to reach us


class Entry(NamedTuple):
    """One request that was, or may have been, received on a pixel's route."""

    begun_ms: int  # it was received between these two
    ended_ms: int
    outcome: str  # an Outcome; empty when the log does not name it
    reason: str
    group: Group | None  # when only the status is known
    message_id: str
    write_key: str | None
    retries: int  # tries before the one that was answered: each may be stored

    @property
    def is_unanswered(self) -> bool:
        return not self.outcome and self.group is None

    @property
    def is_unconfirmed(self) -> bool:
        return self.reason == Failure.UNCONFIRMED


def entry_of(logged: Logged) -> Entry | None:
    """None for what is none of ours: other paths and methods, and what the proxy answered by itself."""
    if logged.outcome and logged.outcome in GROUP_OF:  # of whatever path: a proxy may have rewritten it
        return _entry(logged, logged.outcome, None)
    if logged.method not in ("GET", "HEAD") or not _is_pixel(logged.target):
        return None
    if logged.status in _UNANSWERED:
        return _entry(logged, "", None)
    group = _GROUP_OF_STATUS.get(logged.status)
    if logged.outcome is None:
        return _entry(logged, "", group) if group else None
    if logged.tries is not None and all(status in _NO_UPSTREAM for status in logged.tries):
        return None  # a limit of the proxy, or a page of its own
    if group is Group.DONE:
        return _entry(logged, "", group)  # somebody took our headers off
    return _entry(logged, "", None) if group is Group.FAILED else None


def _entry(logged: Logged, outcome: str, group: Group | None) -> Entry:
    took_ms = TOOK_AT_MOST_MS if logged.took_ms is None else logged.took_ms
    has_id = outcome in (Outcome.STORED, Outcome.DUPLICATE)
    key = logged.write_key if logged.write_key is not None else _write_key(logged.target)
    return Entry(
        begun_ms=logged.ended_ms - took_ms,
        ended_ms=logged.ended_ms + logged.ended_exact_ms,
        outcome=outcome,
        reason=logged.reason if outcome else "",
        group=group,
        message_id=unquote(logged.message_id) if has_id else "",
        write_key=key,
        retries=max(len(logged.tries) - 1, 0) if logged.tries else 0,
    )


def _is_pixel(target: str) -> bool:
    path = target.partition("?")[0]
    return (unquote(path) if "%" in path else path).endswith(PATHS)


def _write_key(target: str) -> str | None:
    """None where the log leaves the query out."""
    if "?" not in target:
        return None
    for piece in target.partition("?")[2].split("&"):
        name, _, value = piece.partition("=")
        if name == "writeKey":
            return unquote(value.replace("+", " ")) if "%" in value or "+" in value else value
    return ""
