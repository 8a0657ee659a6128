"""Who owns the data directory, and the short private directory for sockets. One server each: two recorders
over the same files would be two writers.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from pixelwire import telemetry
from pixelwire.errors import DataDirectoryError
from pixelwire.home import LOCK_NAME, RESTORING_NAME, Identity, identity_of
from pixelwire.limits import PORT_WAIT_S, SOCKET_PATH_BYTES_MAX

RUNTIME_NOTE: Final = "runtime"
RUNTIME_PREFIX: Final = "pixelwire-"
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 the directory in it is our own, with a name that nobody knows before
ROOM_BYTES: Final = 16_384  # what the supervisor writes there
RETRY_S: Final = 0.05
NOTE_REMEDY: Final = (
    "free room on the disk of the data directory; until then nobody can take this server over"
)

log = telemetry.logger("supervise")


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

    def unlock(self) -> None:
        """Lets the next one in, once those children have ended that hold the lock too."""
        if self.lock_fd >= 0:
            os.close(self.lock_fd)
            self.lock_fd = -1

    def release(self) -> None:
        """Unlocks, and removes the sockets' directory."""
        self.unlock()
        shutil.rmtree(self.runtime, ignore_errors=True)

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
                        f"the data directory {self.path} is in use by another Pixelwire"
                        f" (process {owner or 'unknown'})",
                        hint="stop that one first, or choose another directory with --data-dir",
                    ) from None
                time.sleep(RETRY_S)
        _note(self.lock_fd, str(os.getpid()))

    def _make_runtime(self) -> Path:
        """Socket paths end at 107 bytes, so they are not put below the data directory, which may be deep."""
        former = noted_runtime(self.path)
        if former is not None:
            shutil.rmtree(former, ignore_errors=True)  # left behind by a server that was killed
        runtime = _private_directory()
        longest = len(os.fsencode(runtime / "recorder.sock"))
        if longest > SOCKET_PATH_BYTES_MAX:
            raise DataDirectoryError(
                f"the runtime directory {runtime} has too long a path for a unix socket",
                hint="set XDG_RUNTIME_DIR or TMPDIR to a short path",
            )
        try:
            note = os.open(self.path / RUNTIME_NOTE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("note_not_written", error=str(error), remedy=NOTE_REMEDY)
        else:
            _note(note, str(runtime))
            os.close(note)
        return runtime


def _note(descriptor: int, text: str) -> None:
    """Over what stands there, which needs no room where there is none. Others read it; we do not need it: a
    full disk keeps no server from answering."""
    try:
        line = text.encode() + b"\n"
        os.pwrite(descriptor, line, 0)
        os.ftruncate(descriptor, len(line))
    except OSError as error:
        log.warning("note_not_written", error=str(error), remedy=NOTE_REMEDY)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)  # better no word than one that is not true


def _private_directory() -> Path:
    """A new one, where there is room for what will lie in it."""
    failure: OSError | None = None
    for parent in _runtime_parents():
        try:
            made = Path(tempfile.mkdtemp(prefix=RUNTIME_PREFIX, dir=parent))
        except OSError as error:
            failure = error
            continue
        try:
            (made / "room").write_bytes(bytes(ROOM_BYTES))
            (made / "room").unlink()
            return made
        except OSError as error:
            failure = error
            shutil.rmtree(made, ignore_errors=True)
    raise DataDirectoryError(
        f"no directory can be made for the server's sockets: {failure}",
        hint="free room in the directory for temporary files, or set XDG_RUNTIME_DIR to another",
    )


def noted_runtime(data_dir: Path, *, is_anywhere: bool = False) -> Path | None:
    """The sockets' directory of the server that has, or last had, this data.

    `is_anywhere` takes it also where this process would not have made it (another XDG_RUNTIME_DIR): good
    enough to ask, when it is this user's own, and not to remove.
    """
    try:
        noted = Path((data_dir / RUNTIME_NOTE).read_text().strip())
    except OSError:
        return None
    if not noted.name.startswith(RUNTIME_PREFIX):
        return None
    if is_anywhere:
        return noted if noted.is_dir() and noted.stat().st_uid == os.geteuid() else None
    return noted if noted.parent in _runtime_parents() else None


def _runtime_parents() -> list[Path]:
    """Where the sockets' directory may be made, the best first."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    parents = [Path(given)] if given and os.access(given, os.W_OK) else []
    with contextlib.suppress(FileNotFoundError):  # none of the usual places has room
        parents.append(Path(tempfile.gettempdir()))
    return [*parents, IN_MEMORY]
