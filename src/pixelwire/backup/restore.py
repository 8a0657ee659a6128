"""Brings a backup back into an empty directory, as another store: it has the same events, and will give the
seqs after them to other events than the store it was taken from did.

Cursors from outside (`after` of the events list with its store, and each destination's) are told so: they are
refused until their owner accepts the restored place.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from pixelwire.backup import manifest, origin
from pixelwire.backup.copying import copy_file
from pixelwire.backup.errors import BackupDamaged, BackupError
from pixelwire.backup.manifest import BackupFile, Manifest
from pixelwire.catalog.database import catalog_path
from pixelwire.catalog.database import open_to_write as open_catalog
from pixelwire.catalog.orders import forget_sending
from pixelwire.catalog.schema import migrate
from pixelwire.clock import Clock
from pixelwire.deliver import restored
from pixelwire.deliver.database import delivery_path
from pixelwire.deliver.database import open_to_write as open_delivery
from pixelwire.errors import DataDirectoryError
from pixelwire.home import LOCK_NAME, RESTORING_NAME
from pixelwire.record.begin import begin_empty, seqs_of_lost
from pixelwire.record.removal import sync_directory
from pixelwire.record.resume import spans_of
from pixelwire.record.segments import Storage, events_dir, open_for_writing, segment_path, totals_path
from pixelwire.times import iso_s

Say = Callable[[str, int], None]  # a file's name, its bytes


class Report(NamedTuple):
    manifest: Manifest
    store_id: str  # the new one


def restore(directory: Path, data_dir: Path, clock: Clock, *, accept_cursors: bool, say: Say) -> Report:
    """BackupError or BackupDamaged when there is no whole backup, DataDirectoryError when the place is taken.

    One that is cut short leaves a directory that no server starts on; the next restore begins anew there.
    """
    found = manifest.read(directory)
    if found is None:
        raise BackupError(f"{directory} holds no backup", hint="name the directory of `pixelwire backup`")
    _check_files(directory, found)
    with _empty(data_dir):
        for file in found.files:
            _bring(directory, file, data_dir)
            say(file.name, file.size)
        store_id = _rename(data_dir, found, clock)
        _settle(data_dir, found, store_id if accept_cursors else None)
        note = origin.Restored(found.store_id, found.head, found.taken_at, iso_s(clock.now_ms()))
        origin.add(data_dir, note)
    return Report(found, store_id)


def _check_files(directory: Path, found: Manifest) -> None:
    """Before anything is written: all files are there, in their size, and none would land elsewhere."""
    for file in found.files:
        inner = Path(file.name)
        if inner.is_absolute() or ".." in inner.parts or ".." in Path(file.path).parts:
            raise BackupDamaged(f"{directory}: {file.name} would lie outside of the data directory")
        try:
            size = (directory / file.path).stat().st_size
        except OSError as error:
            raise BackupDamaged(f"{directory / file.path} can not be read: {error.strerror}") from error
        if size != file.size:
            raise BackupDamaged(f"{directory / file.path} has {size} bytes, its manifest says {file.size}")


def _bring(directory: Path, file: BackupFile, data_dir: Path) -> None:
    target = data_dir / file.name
    target.parent.mkdir(exist_ok=True, mode=0o700)
    copied = copy_file(directory / file.path, target)
    if copied.sha256 != file.sha256:
        raise BackupDamaged(
            f"{directory / file.path} is not what was written: its checksum differs",
            hint="use another copy of this backup, or an older one",
        )


def _rename(data_dir: Path, found: Manifest, clock: Clock) -> str:
    """Gives the store its new id: the newest segment says which store this is, older ones keep theirs."""
    store_id = secrets.token_hex(16)
    has_totals = found.named("totals.db") is not None
    if has_totals:
        _call(totals_path(data_dir), store_id)
    newest = max(found.segments(), default=0)
    if newest > found.folded_to:
        _call(segment_path(data_dir, newest), store_id)
    elif found.folded_to:
        _begin(data_dir, found, newest, store_id, clock)
    return store_id if has_totals or newest else ""


def _call(path: Path, store_id: str) -> None:
    connection = open_for_writing(path, Storage())
    try:
        connection.execute("UPDATE meta SET store_id = ?", (store_id,))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def _begin(data_dir: Path, found: Manifest, newest: int, store_id: str, clock: Clock) -> None:
    """The segment that was written to is not in the backup, it was damaged: a recorder that finds nothing
    beyond the totals would not start. Events go on in an empty one, above all seqs that these can know of."""
    events_dir(data_dir).mkdir(exist_ok=True, mode=0o700)
    begin_empty(
        data_dir,
        found.folded_to + 1,
        store_id=store_id,
        first_seq=found.head + 1 + seqs_of_lost(found.folded_to - newest),
        spans=spans_of(data_dir, newest, Storage()),
        clock=clock,
    )


def _settle(data_dir: Path, found: Manifest, accepted: str | None) -> None:
    """No cursor and no beginning of a destination is beyond the events that there are."""
    if delivery_path(data_dir).exists():
        connection = open_delivery(data_dir)
        try:
            connection.execute("BEGIN IMMEDIATE")
            restored.cut(connection, found.head)
            if accepted is not None:
                restored.accept(connection, accepted)
            connection.execute("COMMIT")
        finally:
            connection.close()
    if catalog_path(data_dir).exists():
        connection = open_catalog(catalog_path(data_dir))
        try:
            migrate(connection)  # the backup may be of an older version
            connection.execute(
                "UPDATE destination SET start_after = ?1 WHERE start_after > ?1", (found.head,)
            )
            forget_sending(connection)
        finally:
            connection.close()


@contextmanager
def _empty(data_dir: Path) -> Iterator[None]:
    """The directory, empty and for us alone; what could not be finished is marked, or removed again."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirectoryError(f"{data_dir} can not be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        marker = data_dir / RESTORING_NAME
        if not marker.exists():
            others = sorted(path.name for path in data_dir.iterdir() if path.name != LOCK_NAME)
            if others:
                hint = "restore into an empty directory, and let the server use that one"
                raise DataDirectoryError(f"{data_dir} is not empty: {others[0]} is in it", hint=hint)
            marker.touch(0o600)
            sync_directory(data_dir)
        _clear(data_dir)
        try:
            yield
        except BaseException:
            _clear(data_dir)
            marker.unlink()
            raise
        for directory in (data_dir / "events", data_dir):
            if directory.is_dir():
                sync_directory(directory)
        marker.unlink()
        sync_directory(data_dir)
    except BlockingIOError as error:
        raise DataDirectoryError(f"{data_dir} is in use", hint="stop the server or restore there") from error
    finally:
        os.close(lock)


def _clear(data_dir: Path) -> None:
    """What a restore that was cut short has left: the marker says that nothing else is in there."""
    for path in data_dir.iterdir():
        if path.name in (LOCK_NAME, RESTORING_NAME):
            continue
        if path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                inner.unlink()
            path.rmdir()
        else:
            path.unlink()
