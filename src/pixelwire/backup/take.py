"""Takes a backup while the server runs, or not. What is sealed is copied once.

The manifest makes the copies the backup; only then what the former one alone needed is removed.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pixelwire.backup import manifest, origin
from pixelwire.backup.errors import BackupError
from pixelwire.backup.manifest import Manifest
from pixelwire.backup.round import Report, Round, Say, Vanished
from pixelwire.catalog.database import catalog_path
from pixelwire.clock import Clock
from pixelwire.errors import DataDirectoryError
from pixelwire.home import RESTORING_NAME
from pixelwire.record.reader import Reader
from pixelwire.record.segments import events_dir

LOCK: Final = "lock"
OURS: Final = re.compile(r".+\.[0-9a-f]{12}\.(db|json)")
ROUNDS_MAX: Final = 5


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
            round_ = Round(data_dir, directory, former, say)
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
