"""One pass over a store: copies what is new, in an order that makes the copies one store, whatever is
recorded, sealed, folded or sent in between. Knows nothing of who else uses the backup's directory.

1. delivery.db: no cursor is beyond the events that are copied later; what is sent meanwhile is sent again
   after a restore.
2. totals.db, with the number of the newest segment in it.
3. The segments that are there now, oldest first. Each of them but the last takes no more events, so together
   they are every event up to some seq. Those after the totals bring the counts that are not in them: each
   count is in one place. When one of these was folded and removed in between, it is all taken again.
4. catalog.db: it knows every pixel and business of these events.
"""

import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire import __version__
from pixelwire.backup import manifest, origin
from pixelwire.backup.copying import copy_database, copy_file, open_still, snapshot
from pixelwire.backup.errors import BackupError
from pixelwire.backup.manifest import BackupFile, Manifest
from pixelwire.catalog.database import catalog_path
from pixelwire.clock import Clock
from pixelwire.deliver.database import delivery_path
from pixelwire.record.damage import DAMAGED, SUFFIX, damaged_numbers
from pixelwire.record.removal import sync_directory
from pixelwire.record.segments import (
    TOTALS_VERSION,
    SegmentInfo,
    last_seq,
    read_info,
    schema_version,
    segment_numbers,
    segment_path,
    totals_path,
)
from pixelwire.record.survey import CONFIRMED_FILE
from pixelwire.times import iso_s

SMALL_FILES: Final = ("quickstart.json", CONFIRMED_FILE, origin.FILE_NAME)

Say = Callable[[str, str, int], None]  # what became of a file, its name, its bytes


class Report(NamedTuple):
    manifest: Manifest
    copied: list[BackupFile]
    kept: list[BackupFile]  # from the backup before
    problems: list[str]  # what could not be copied
    notes: list[str]  # what is not part of the store any more


class Vanished(Exception):
    """Retention removed a segment whose counts are not in the copied totals."""


class Round:
    """One pass over the store."""

    def __init__(self, data_dir: Path, directory: Path, former: Manifest | None, say: Say) -> None:
        self._data_dir = data_dir
        self._directory = directory
        self._former = former
        self._say = say
        self._copied: list[BackupFile] = []
        self._kept: list[BackupFile] = []
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._head = 0
        self._is_growing = False  # events may have been added to the segment that was copied last
        self._store_id = ""  # of the segment that was looked at last
        self._own_id = ""

    def run(self, clock: Clock, *, keep_removed: bool) -> Report:
        self._database(delivery_path(self._data_dir))
        folded_to = self._totals()
        numbers, aside = segment_numbers(self._data_dir), damaged_numbers(self._data_dir)
        missing = self._missing(folded_to, {*numbers, *aside}, max(numbers, default=0))
        for number in sorted({*numbers, *aside, *missing}):
            if number in numbers:
                self._segment(number, is_needed=number > folded_to)
            if number in aside:
                self._left_out(f"events/{number:06d}.db{SUFFIX} was set aside and is not copied", number)
            if number in missing:
                self._left_out(f"events/{number:06d}.db is missing, and not by retention", number)
        self._database(catalog_path(self._data_dir))
        for name in SMALL_FILES:
            self._small(name)
        if keep_removed and self._former is not None:
            known = {file.number for file in (*self._copied, *self._kept)}
            self._kept += [file for number, file in self._former.segments().items() if number not in known]
        sync_directory(self._directory / "events")
        sync_directory(self._directory)
        files = sorted([*self._copied, *self._kept], key=lambda file: file.name)
        made = Manifest(
            format=manifest.FORMAT,
            pixelwire=__version__,
            taken_at=iso_s(clock.now_ms()),
            store_id=self._store_id,
            head=self._head,
            folded_to=folded_to,
            files=files,
        )
        return Report(made, self._copied, self._kept, self._problems, self._notes)

    def _totals(self) -> int:
        path = totals_path(self._data_dir)
        if not path.exists():
            return 0
        with snapshot(path) as source:
            folded_to, self._own_id = source.execute("SELECT folded_to, store_id FROM meta").get
            self._store_id = self._own_id
            self._copy(source, path)
        return int(folded_to)

    def _missing(self, folded_to: int, there: set[int], newest: int) -> list[int]:
        """The segments that are gone, and that retention did not remove. What it did remove must be in the
        totals that were copied."""
        gone = set(range(1, newest + 1)) - there
        removed_to = self._removed_to(folded_to)
        if any(folded_to < number <= removed_to for number in gone):
            raise Vanished
        return sorted(number for number in gone if number > removed_to)

    def _removed_to(self, folded_to: int) -> int:
        """The newest segment that retention has removed by now. Totals of before there was retention can not
        tell: then all that is in them may go."""
        path = totals_path(self._data_dir)
        if not path.exists():
            return 0
        with snapshot(path) as totals:
            if schema_version(totals, path, TOTALS_VERSION) < TOTALS_VERSION:
                return folded_to
            return int(totals.execute("SELECT removed_to FROM retention").get)

    def _segment(self, number: int, *, is_needed: bool) -> None:
        """Copies it, or keeps the copy there is; one that retention has just removed is left out."""
        path = segment_path(self._data_dir, number)
        try:
            with snapshot(path) as source:
                info = read_info(source)
                if info is None:
                    return  # being made just now: nothing is in it
                if self._is_growing and info.first_seq != self._head + 1:
                    raise Vanished  # events came between the two
                self._head, self._store_id = last_seq(source, info), info.store_id
                self._is_growing = info.sealed_ms is None
                known = self._known(number, _sealed_as(info))
                if known is not None:
                    self._keep(known)
                else:
                    self._copy(source, path, number, _sealed_as(info))
        except apsw.CantOpenError as error:
            if path.exists():
                raise BackupError(f"{path} can not be opened: {error}", hint="check who owns it") from error
            if is_needed:
                raise Vanished from error
        except DAMAGED as error:
            self._problems.append(f"events/{path.name} is damaged and is not copied: {error}")
            self._keep_former(number)

    def _left_out(self, what: str, number: int) -> None:
        """Of a segment that is not part of the store any more the copy of an earlier backup is worth most."""
        is_kept = any(file.number == number for file in self._copied) or self._keep_former(number)
        self._notes.append(f"{what}; {'its copy in the backup is kept' if is_kept else 'there is no copy'}")

    def _keep_former(self, number: int) -> bool:
        """Keeps the copy of an earlier backup, though it may end before the segment did; whether there is
        one, and it is of this history of the store."""
        file = self._former.segments().get(number) if self._former is not None else None
        if file is None:
            return False
        try:
            with closing(open_still(self._directory / file.path)) as copy:
                info = read_info(copy)
                last = last_seq(copy, info) if info is not None else 0
        except apsw.Error:
            return False
        if info is None or not self._is_of_this_history(info.store_id, last):
            return False
        self._head, self._store_id, self._is_growing = last, info.store_id, False
        self._keep(file)
        return True

    def _is_of_this_history(self, store_id: str, last: int) -> bool:
        """Another store's only up to where this one was restored from it."""
        return store_id == self._own_id or any(
            store_id == former.store_id and last <= former.head for former in origin.read(self._data_dir)
        )

    def _known(self, number: int, sealed_as: str) -> BackupFile | None:
        """The copy of a segment that does not change any more."""
        if self._former is None or not sealed_as:
            return None
        file = self._former.segments().get(number)
        if file is None or file.sealed_as != sealed_as:
            return None
        try:
            size = (self._directory / file.path).stat().st_size
        except FileNotFoundError:
            return None
        return file if size == file.size else None

    def _keep(self, file: BackupFile) -> None:
        self._kept.append(file)
        self._say("kept", file.name, file.size)

    def _database(self, path: Path) -> None:
        if path.exists():
            try:
                with snapshot(path) as source:
                    self._copy(source, path)
            except apsw.Error as error:
                raise BackupError(f"{path} can not be copied: {error}") from error

    def _copy(
        self, source: apsw.Connection, path: Path, number: int | None = None, sealed_as: str = ""
    ) -> None:
        name = str(path.relative_to(self._data_dir))
        target = self._target(name)
        copied = copy_database(source, self._directory / target)
        damage = _damage(self._directory / target)
        if damage:
            self._problems.append(f"{name} is damaged: {damage}")
            if number is not None and self._keep_former(number):
                (self._directory / target).unlink()
                return
        file = BackupFile(target, name, copied.size, copied.sha256, number, sealed_as)
        self._copied.append(file)
        self._say("copied", name, file.size)

    def _small(self, name: str) -> None:
        source, target = self._data_dir / name, self._target(name)
        try:
            copied = copy_file(source, self._directory / target)
        except FileNotFoundError:
            return
        self._copied.append(BackupFile(target, name, copied.size, copied.sha256))
        self._say("copied", name, copied.size)

    def _target(self, name: str) -> str:
        """A name that was never used before."""
        stem, _, kind = name.rpartition(".")
        return f"{stem}.{secrets.token_hex(6)}.{kind}"


def _sealed_as(info: SegmentInfo) -> str:
    """Tells a sealed segment from every other, also of another history of the same store."""
    if info.sealed_ms is None:
        return ""
    return f"{info.store_id}:{info.number}:{info.first_seq}:{info.opened_ms}:{info.sealed_ms}"


def _damage(path: Path) -> str:
    """What is wrong with a fresh copy; empty for nothing."""
    try:
        with closing(open_still(path)) as copy:
            found = copy.execute("PRAGMA quick_check(1)").get
            return "" if found == "ok" else str(found)
    except DAMAGED as error:
        return str(error)
