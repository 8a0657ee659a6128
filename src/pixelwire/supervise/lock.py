"""Who owns the data directory, and the short private directory for sockets. One server each: two recorders
over the same files would be two writers.
"""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from pixelwire.errors import DataDirectoryError
from pixelwire.home import LOCK_NAME, RESTORING_NAME, Identity, identity_of
from pixelwire.limits import PORT_WAIT_S, SOCKET_PATH_BYTES_MAX

RUNTIME_NOTE: Final = "runtime"
RETRY_S: Final = 0.05


class DataDirectory:
    """The directory, locked. The lock is inherited by the children, so that after a `kill -9` the next
    server begins only when the last process of the former one has ended."""

    def __init__(self, path: Path, wait_s: float = PORT_WAIT_S) -> None:
        """DataDirectoryError when it can not be made, or is in use for longer than `wait_s`."""
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock_fd = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"the data directory {path} can not be used: {error.strerror}",
                hint="choose another with --data-dir, or give this user the right to write there",
            ) from error
        self.path = path
        owner = os.fstat(self.lock_fd).st_uid
        if owner != os.geteuid():
            os.close(self.lock_fd)
            raise DataDirectoryError(
                f"the data directory {path} belongs to another user (uid {owner})",
                hint="run as that user, or give all of it to this one with chown",
            )
        self._lock(wait_s)
        if (path / RESTORING_NAME).exists():
            os.close(self.lock_fd)
            raise DataDirectoryError(
                f"the restore into {path} was cut short", hint="run `pixelwire restore` again"
            )
        self.runtime = self._make_runtime()

    @property
    def identity(self) -> Identity:
        """What tells this directory from another at the same path."""
        return identity_of(self.lock_fd)

    def release(self) -> None:
        """Removes the sockets' directory. The lock ends with the process."""
        shutil.rmtree(self.runtime, ignore_errors=True)
        os.close(self.lock_fd)

    def _lock(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    owner = os.pread(self.lock_fd, 20, 0).decode("ascii", "replace").strip()
                    os.close(self.lock_fd)
                    raise DataDirectoryError(
                        f"the data directory {self.path} is in use by another Pixelwire (process {owner})",
                        hint="stop that one first, or choose another directory with --data-dir",
                    ) from None
                time.sleep(RETRY_S)
        os.ftruncate(self.lock_fd, 0)
        os.pwrite(self.lock_fd, b"%d\n" % os.getpid(), 0)

    def _make_runtime(self) -> Path:
        """Socket paths end at 107 bytes, so they are not put below the data directory, which may be deep."""
        note = self.path / RUNTIME_NOTE
        former = noted_runtime(self.path)
        if former is not None:
            shutil.rmtree(former, ignore_errors=True)  # left behind by a server that was killed
        runtime = Path(tempfile.mkdtemp(prefix="pixelwire-", dir=_runtime_parent()))
        longest = len(os.fsencode(runtime / "recorder.sock"))
        if longest > SOCKET_PATH_BYTES_MAX:
            raise DataDirectoryError(
                f"the runtime directory {runtime} has too long a path for a unix socket",
                hint="set XDG_RUNTIME_DIR or TMPDIR to a short path",
            )
        note.write_text(f"{runtime}\n")
        return runtime


def noted_runtime(data_dir: Path, *, is_anywhere: bool = False) -> Path | None:
    """The sockets' directory of the server that has, or last had, this data.

    `is_anywhere` takes it also where this process would not have made it (another XDG_RUNTIME_DIR): good
    enough to ask, when it is this user's own, and not to remove.
    """
    try:
        noted = Path((data_dir / RUNTIME_NOTE).read_text().strip())
    except OSError:
        return None
    if not noted.name.startswith("pixelwire-"):
        return None
    if is_anywhere:
        return noted if noted.is_dir() and noted.stat().st_uid == os.geteuid() else None
    return noted if noted.parent == _runtime_parent() else None


def _runtime_parent() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(given) if given and os.access(given, os.W_OK) else Path(tempfile.gettempdir())
