"""Whether the data directory is at its place: the one that this server locked, and not what is left where it
was mounted. Knows nothing of what lies in it but the lock.
"""

import os
from pathlib import Path
from typing import Final

from pixelwire.errors import DataDirectoryError

LOCK_NAME: Final = "lock"
RESTORING_NAME: Final = "restoring"  # there while `pixelwire restore` fills the directory

Identity = tuple[int, int]  # of the lock: device and inode


def identity_of(lock_fd: int) -> Identity:
    lock = os.fstat(lock_fd)
    return lock.st_dev, lock.st_ino


def check_home(data_dir: Path, lock: Identity | None) -> None:
    """DataDirectoryError when another directory is there, or none: nothing must be made in it. Without a
    lock to look for, any directory will do."""
    if lock is None:
        return
    try:
        found = (data_dir / LOCK_NAME).stat()
    except OSError:
        found = None
    if found is None or (found.st_dev, found.st_ino) != lock:
        raise DataDirectoryError(
            "the data directory is not at its place any more",
            hint="mount it again at the same place; the server goes on by itself",
        )
