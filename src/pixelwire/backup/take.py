"""Takes a backup while the server runs, or not. What is sealed is copied once.

The order makes the copies one store, whatever is recorded, sealed, folded or sent in between:

1. delivery.db: no cursor is beyond the events that are copied later; what is sent meanwhile is sent again
   after a restore.
2. totals.db, with the number of the newest segment in it.
3. The segments that are there now, oldest first. Each of them but the last takes no more events, so together
   they are every event up to some seq. Those after the totals bring the counts that are not in them: each
   count is in one place. When one of these was folded and removed in between, it is all taken again.
4. catalog.db: it knows every pixel and business of these events.
5. The manifest, which makes it the backup. Then what only the former one needed is removed.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire import __version__
from pixelwire.backup import manifest, origin
from pixelwire.backup.copying import copy_database, copy_file, snapshot
from pixelwire.backup.errors import BackupError
from pixelwire.backup.manifest import BackupFile, Manifest
from pixelwire.catalog.database import catalog_path
from pixelwire.clock import Clock
from pixelwire.deliver.database import delivery_path
from pixelwire.errors import DataDirectoryError
from pixelwire.home import RESTORING_NAME
from pixelwire.record.damage import SUFFIX, damaged_numbers
from pixelwire.record.reader import Reader
from pixelwire.record.removal import sync_directory
from pixelwire.record.segments import (
    SegmentInfo,
    events_dir,
    last_seq,
    read_info,
    segment_numbers,
    segment_path,
    totals_path,
)
from pixelwire.record.survey import CONFIRMED_FILE
from pixelwire.times import iso_s

SMALL_FILES: Final = ("quickstart.json", CONFIRMED_FILE, origin.FILE_NAME)
LOCK: Final = "lock"
OURS: Final = re.compile(r".+\.[0-9a-f]{12}\.(db|json)")
ROUNDS_MAX: Final = 5

Say = Callable[[str, str, int], None]  # what became of a file, its name, its bytes


class Report(NamedTuple):
    manifest: Manifest
    copied: list[BackupFile]
    kept: list[BackupFile]  # from the backup before
    problems: list[str]  # what could not be copied
    notes: list[str]  # what is not part of the store any more


class Vanished(Exception):
    """Retention removed a segment whose counts are not in the copied totals."""


def take(data_dir: Path, directory: Path, clock: Clock, *, keep_removed: bool, say: Say) -> Report:
    """BackupError or DataDirectoryError when there is nothing to copy or nowhere to copy to: then the backup
    before is as it was."""
    _check_places(data_dir, directory)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(directory):
        former = manifest.read(directory)
        _check_former(data_dir, directory, former)
        (directory / "events").mkdir(exist_ok=True, mode=0o700)
        _sweep(directory, former)
        for _ in range(ROUNDS_MAX):
            round_ = _Round(data_dir, directory, former, say)
            try:
                report = round_.run(clock, keep_removed=keep_removed)
                break
            except Vanished:
                _sweep(directory, former)
        else:
            raise BackupError("retention removes events faster than they are copied", hint="try again later")
        manifest.write(directory, report.manifest)
        _sweep(directory, report.manifest)
        return report


class _Round:
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
        self._store_id = ""

    def run(self, clock: Clock, *, keep_removed: bool) -> Report:
        self._database(delivery_path(self._data_dir))
        folded_to = self._totals()
        numbers, aside = segment_numbers(self._data_dir), damaged_numbers(self._data_dir)
        newest = max(numbers, default=0)
        if not {*numbers, *aside}.issuperset(range(folded_to + 1, newest + 1)):
            raise Vanished
        self._notes = [f"events/{number:06d}.db{SUFFIX} was set aside and is not copied" for number in aside]
        for number in numbers:
            self._segment(number, is_needed=number > folded_to)
        self._database(catalog_path(self._data_dir))
        for name in SMALL_FILES:
            self._small(name)
        if keep_removed and self._former is not None:
            known = set(numbers)
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
            folded_to, self._store_id = source.execute("SELECT folded_to, store_id FROM meta").get
            self._copy(source, path)
        return int(folded_to)

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
        except (apsw.CorruptError, apsw.NotADBError) as error:
            self._problems.append(f"events/{path.name} is damaged and is not copied: {error}")
            if self._former is not None and number in self._former.segments():
                self._keep(self._former.segments()[number])

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
        file = BackupFile(target, name, copied.size, copied.sha256, number, sealed_as)
        self._copied.append(file)
        self._say("copied", name, file.size)
        damage = _damage(self._directory / target)
        if damage:
            self._problems.append(f"{name} is damaged: {damage}")

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
    connection = apsw.Connection(
        f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        found = connection.execute("PRAGMA quick_check(1)").get
        return "" if found == "ok" else str(found)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return str(error)
    finally:
        connection.close()


def _check_places(data_dir: Path, directory: Path) -> None:
    if not events_dir(data_dir).is_dir() and not catalog_path(data_dir).exists():
        hint = "name it with --data-dir"
        raise DataDirectoryError(f"{data_dir} is no data directory of Pixelwire", hint=hint)
    if (data_dir / RESTORING_NAME).exists():
        raise DataDirectoryError(f"the restore into {data_dir} was cut short", hint="run it again first")
    inner, outer = directory.resolve(), data_dir.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        hint = "choose a directory outside of it, best on another disk"
        raise BackupError(f"{directory} and the data directory {data_dir} lie in one another", hint=hint)


def _check_former(data_dir: Path, directory: Path, former: Manifest | None) -> None:
    """Another store's backup, or somebody's files, are not written over."""
    if former is None:
        foreign = [path.name for path in directory.iterdir() if not _is_ours(path)]
        if foreign:
            hint = "choose an empty directory"
            raise BackupError(f"{directory} holds no backup, but other files ({foreign[0]})", hint=hint)
        return
    reader = Reader(data_dir)
    try:
        store_id = reader.store_id()
    finally:
        reader.close()
    if former.store_id not in ("", store_id, *origin.former_stores(data_dir)):
        raise BackupError(
            f"{directory} holds the backup of another store", hint="choose another directory for this one"
        )


def _is_ours(path: Path) -> bool:
    return path.name in (LOCK, "events", f"{manifest.FILE_NAME}.new") or bool(OURS.fullmatch(path.name))


def _sweep(directory: Path, current: Manifest | None) -> None:
    """Removes copies that no manifest names: of a backup that was cut short, or only of the one before."""
    named = {file.path for file in current.files} if current is not None else set()
    for path in (*directory.iterdir(), *(directory / "events").iterdir()):
        if OURS.fullmatch(path.name) and str(path.relative_to(directory)) not in named:
            path.unlink()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One backup at a time into one directory."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BackupError(f"another backup into {directory} is under way") from error
    finally:
        os.close(descriptor)
