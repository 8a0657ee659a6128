"""SQLite on a disk whose power can be cut: an apsw VFS that tells `support.disk` of each change.

Files of this VFS are ordinary files of the default one underneath, so shared memory (WAL without an
exclusive lock) and locks work; only syncs stay away from the real disk, which makes thousands of them
cheap.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from support.disk import Change, Disk, PowerIsOff

_numbers = count(1)
# SQLite's own VFS syncs the directory together with the first sync of a file of these kinds, whenever it
# was opened with leave to create it.
_SYNC_THEIR_DIRECTORY = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL


class PowerCut(apsw.IOError):
    """An operation on a disk without power, in the form in which SQLite hears of it."""


class SyncError(apsw.IOError):
    """A sync that failed, once."""


class PowerCutVfs(apsw.VFS):
    """Register it by making one; open databases below `disk.root` with `vfs=vfs.name`."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.name = f"powercut-{next(_numbers)}"
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None:
            return apsw.VFSFile("", name, flags)
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        with _operation(self.disk):
            self.disk.check()
            is_new = bool(flags[0] & apsw.SQLITE_OPEN_CREATE) and not path.exists()
            if is_new and self.disk.operate():
                raise PowerIsOff
            return PowerCutFile(self.disk, path, name, flags, is_new=is_new)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        path = Path(filename)
        with _operation(self.disk):
            if self.disk.operate():
                raise PowerIsOff
            super().xDelete(filename, False)
            self.disk.deleted(path)
            if syncdir:
                self.disk.directory_synced(path.parent)


class PowerCutFile(apsw.VFSFile):
    def __init__(self, disk: Disk, path: Path, name: Any, flags: list[int], *, is_new: bool) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = path
        self._node = disk.node(path, is_new=is_new)
        may_create = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        self._is_read_only = bool(flags[1] & apsw.SQLITE_OPEN_READONLY)
        self._owes_directory_sync = may_create and bool(flags[0] & _SYNC_THEIR_DIRECTORY)

    def xLock(self, level: int) -> None:  # noqa: N802
        """A reader that is the last to close a WAL database tries to checkpoint it. SQLite forgives the
        write that fails; apsw, with a VFS in Python, does not."""
        if self._is_read_only and level == apsw.SQLITE_LOCK_EXCLUSIVE:
            raise apsw.BusyError("opened for reading only")
        super().xLock(level)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        with _operation(self._disk):
            self._disk.check()
            return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        with _operation(self._disk):
            self._change(Change(offset, bytes(data)))
            super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with _operation(self._disk):
            self._change(Change(newsize, None))
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        with _operation(self._disk):
            if self._disk.operate(is_sync=True):
                raise PowerIsOff
            if self._disk.is_sync_failing:
                self._node.fail_sync()
                raise SyncError("the disk did not take it")
            self._node.sync()
            if self._owes_directory_sync:
                self._disk.directory_synced(self._path.parent)
                self._owes_directory_sync = False

    def _change(self, change: Change) -> None:
        """The change that the cut interrupts is on its way: it may survive as well."""
        is_cut = self._disk.operate()
        self._node.pending.append(change)
        if is_cut:
            raise PowerIsOff


@contextmanager
def silent_power_cuts() -> Iterator[None]:
    """Connections that were open at the cut can not be closed well; that is no news."""
    report = sys.unraisablehook

    def report_others(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, PowerCut | SyncError):
            report(unraisable)

    sys.unraisablehook = report_others
    try:
        yield
    finally:
        gc.collect()
        sys.unraisablehook = report


@contextmanager
def _operation(disk: Disk) -> Iterator[None]:
    """One at a time; that the power is off is told as SQLite hears it."""
    try:
        with disk.lock:
            yield
    except PowerIsOff as off:
        error = PowerCut("the power was cut")
        error.extendedresult = apsw.SQLITE_IOERR
        raise error from off
