"""Whether a store is whole, in a data directory (also while the server runs) or in a backup: every file can
be read, the counts are those of the events, the totals those of the segments, no cursor is out of place.

Reads only. Looks in the order in which a backup is taken, so that a running server is found whole.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from pixelwire.backup import manifest
from pixelwire.backup.copying import fingerprint
from pixelwire.backup.manifest import Manifest
from pixelwire.backup.segment_check import SegmentState, check_segment
from pixelwire.backup.store_files import StoreFiles, of_backup, of_data_dir
from pixelwire.backup.totals_check import check_totals, gathering
from pixelwire.errors import DataDirectoryError
from pixelwire.record.damage import damaged_numbers
from pixelwire.record.segments import events_dir

INTEGRITY_ROWS: Final = 3
ROUNDS_MAX: Final = 5
Say = Callable[[str], None]  # what is being looked at


class Cursor(NamedTuple):
    destination: str
    state: str
    store: str
    cursor: int
    farthest: int  # the newest event that a row is about


class Vanished(Exception):
    """Retention removed a segment whose counts are not in the totals as they were seen."""


class Report(NamedTuple):
    problems: list[str]
    segments: int
    events: int
    head: int
    store_id: str


def verify(place: Path, *, say: Say) -> Report:
    """Of a backup where there is a manifest, else of a data directory; DataDirectoryError for neither."""
    found = manifest.read(place)
    if found is not None:
        problems = _checksums(place, found, say)
        report = _Check(of_backup(place, found), say).run()
        if (report.store_id, report.head) != (found.store_id, found.head):
            problems.append(
                f"the manifest speaks of store {found.store_id} up to event {found.head},"
                f" the files of {report.store_id} up to {report.head}"
            )
        return report._replace(problems=problems + report.problems)
    if not events_dir(place).is_dir():
        hint = "name one or the other"
        raise DataDirectoryError(f"{place} is neither a data directory nor a backup", hint=hint)
    for _ in range(ROUNDS_MAX):
        try:
            report = _Check(of_data_dir(place), say).run()
            aside = [f"events/{number:06d}.db is damaged and set aside" for number in damaged_numbers(place)]
            return report._replace(problems=aside + report.problems)
        except Vanished:
            say("again: retention has removed events meanwhile")
    raise DataDirectoryError(f"{place} changes faster than it can be looked at", hint="try again later")


def _checksums(directory: Path, found: Manifest, say: Say) -> list[str]:
    problems = []
    for file in found.files:
        say(f"checksum of {file.name}")
        try:
            same = fingerprint(directory / file.path)
        except OSError as error:
            problems.append(f"{file.path} can not be read: {error.strerror}")
            continue
        if (same.size, same.sha256) != (file.size, file.sha256):
            problems.append(f"{file.path} is not what was written: its checksum differs")
    return problems


class _Check:
    """One look at everything."""

    def __init__(self, files: StoreFiles, say: Say) -> None:
        self._files = files
        self._say = say
        self._problems: list[str] = []

    def run(self) -> Report:
        cursors = self._read(self._files.delivery, "delivery.db", _cursors, [])
        with gathering() as gathered:
            look = partial(self._counts, gathered=gathered)
            # The totals stay as they were seen now, whatever is folded while the segments are looked at.
            if self._files.totals is None:
                states = self._segments(0, gathered)
            else:
                states = self._read(self._files.totals, "totals.db", look, None)
                if states is None:
                    states = self._segments(0, gathered)
        head = states[-1].last_seq if states else 0
        store_id = states[-1].store_id if states else ""
        self._cursors(cursors, head, store_id)
        known = self._read(self._files.catalog, "catalog.db", _pixels, None)
        self._pixels(states, known)
        return Report(
            list(dict.fromkeys(self._problems)),
            len(states),
            sum(state.events for state in states),
            head,
            store_id,
        )

    def _counts(self, totals: apsw.Connection, gathered: apsw.Connection) -> list[SegmentState]:
        folded_to = int(totals.execute("SELECT folded_to FROM meta").get)
        states = self._segments(folded_to, gathered)
        if states and states[0].number > folded_to + 1:
            name = f"events/{folded_to + 1:06d}.db"
            self._problems.append(f"{name} is missing, and its counts are not in totals.db")
        self._problems += check_totals(totals, gathered, states)
        return states

    def _segments(self, folded_to: int, gathered: apsw.Connection) -> list[SegmentState]:
        states: list[SegmentState] = []
        for number, path in self._files.segments().items():
            name = f"events/{number:06d}.db"
            look = partial(check_segment, number=number, gathered=gathered if number <= folded_to else None)
            found = self._read(path, name, look, None)
            if found is None:
                if number > folded_to and not path.exists():
                    raise Vanished
                continue
            state, problems = found
            self._problems += [f"{name}: {problem}" for problem in problems]
            if states and (states[-1].number, states[-1].last_seq) != (number - 1, state.first_seq - 1):
                before = states[-1]
                self._problems.append(
                    f"{name} begins with event {state.first_seq}, but what is before it"
                    f" (events/{before.number:06d}.db) ends with {before.last_seq}"
                )
            states.append(state)
        return states

    def _cursors(self, cursors: list[Cursor], head: int, store_id: str) -> None:
        for one in cursors:
            name = f"delivery.db: destination {one.destination}"
            if one.cursor > head:
                self._problems.append(f"{name} is at event {one.cursor}, the newest is {head}")
            elif one.farthest > head:
                self._problems.append(f"{name} speaks of event {one.farthest}, the newest is {head}")
            if one.store not in ("", store_id) and one.state != "removed":
                self._problems.append(
                    f"{name} has a cursor of another store; after a restore: `pixelwire destination resume`"
                )

    def _pixels(self, states: list[SegmentState], known: set[int] | None) -> None:
        used = frozenset().union(*(state.pixels for state in states))
        if known is not None and used - known:
            self._problems.append(f"catalog.db does not know the pixels numbered {sorted(used - known)}")

    def _read(
        self, path: Path | None, name: str, look: Callable[[apsw.Connection], Any], nothing: Any
    ) -> Any:
        """What `look` finds in a database that is whole; what can not be read is a problem and no end."""
        if path is None:
            return nothing
        self._say(name)
        try:
            connection = self._files.open(path)
            try:
                rows = connection.execute(f"PRAGMA integrity_check({INTEGRITY_ROWS})").fetchall()
                if rows != [("ok",)]:
                    self._problems += [f"{name}: {row[0]}" for row in rows]
                return look(connection)
            finally:
                connection.close()
        except apsw.CantOpenError:
            if path.exists() or self._files.is_still:
                self._problems.append(f"{name} can not be opened")
            return nothing
        except apsw.Error as error:
            self._problems.append(f"{name} can not be read: {error}")
            return nothing


def _pixels(connection: apsw.Connection) -> set[int]:
    return {number for (number,) in connection.execute("SELECT number FROM pixel")}


def _cursors(connection: apsw.Connection) -> list[Cursor]:
    query = (
        "SELECT d.id, d.state, d.store, d.cursor, max("
        " coalesce((SELECT max(seq) FROM sent AS s WHERE s.destination = d.number), 0),"
        " coalesce((SELECT max(seq) FROM parked AS p WHERE p.destination = d.number), 0),"
        " coalesce((SELECT max(seq) FROM dead_letter AS x WHERE x.destination = d.number), 0))"
        " FROM destination AS d WHERE d.state <> 'removed'"
    )
    if connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'replay')").get:
        query += " AND d.number NOT IN (SELECT number FROM replay WHERE outcome IS NOT NULL)"
    return [Cursor(*row) for row in connection.execute(query)]
