"""Whether a database could not go on for want of room on its disk. Knows SQLite's errors, and no database."""

import apsw


def is_disk_full(error: BaseException | None) -> bool:
    """Also for the file that the processes of a database share, which is written when it is opened."""
    return isinstance(error, apsw.FullError) or (
        isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
    )
