"""Whether a database could not go on for want of room on its disk. Knows SQLite's errors, and no database."""

import os
from pathlib import Path
from typing import Final

import apsw

FREE: Final = "the disk is full: free some space"
FREE_OR_CHECK: Final = "the disk is full or fails: free some space, or check it"
CHECK: Final = "check the disk of the data directory"
SHARED_BYTES: Final = 32_768  # by which the file grows that the processes of a database share


def is_disk_full(error: BaseException | None, place: Path) -> bool:
    """Also for the shared file, whose error does not tell a disk that is full from one that fails."""
    if not _is_of_shared_file(error):
        return isinstance(error, apsw.FullError)
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize < SHARED_BYTES


def hint(error: apsw.Error) -> str:
    """What to do about an error of a disk."""
    if isinstance(error, apsw.FullError):
        return FREE
    return FREE_OR_CHECK if _is_of_shared_file(error) else CHECK


def _is_of_shared_file(error: BaseException | None) -> bool:
    return (
        isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
    )
