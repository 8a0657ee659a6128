"""A local folder as a store: a file appears under its name when all of it is on disk, and is never replaced.

Every call runs in threads of its own: a disk that hangs holds up nothing else.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.object_store.store import TooLarge

# For the server's user and its group: who analyses events need not be the one who collects them.
FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
SET_GROUP: Final = 0o2000  # new files belong to the folder's group

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_OWNERS: Final = {
    errno.EACCES, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip

T = TypeVar("T")


class Folder:
    def __init__(self, root: Path, timeout_s: float, threads_max: int) -> None:
        self._root = root
        self._timeout_s = timeout_s
        self._executor = ThreadPoolExecutor(threads_max, "folder")

    async def create(self, key: str, content: bytes) -> bool:
        return await self._run(lambda: create(self._root, key, content))

    async def read(self, key: str, bytes_max: int) -> bytes:
        return await self._run(lambda: _read(self._root / key, bytes_max))

    async def delete(self, key: str) -> None:
        await self._run(lambda: (self._root / key).unlink(missing_ok=True))

    async def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        event_loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await event_loop.run_in_executor(self._executor, work)
        except OSError as exc:  # a TimeoutError is one
            raise translate(exc, self._root) from exc


def create(root: Path, key: str, content: bytes) -> bool:
    """Whether the file was made; False when there is one. It and its name are synced before it is said."""
    path = root / key
    _make_folders(root, path.parent)
    # Hidden, and of a name that is not used twice: what a kill leaves is in nobody's way.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("xb") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link and not a rename: a rename would replace what is there.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)
    return True


def translate(exc: OSError, root: Path) -> Unreachable | Misconfigured:
    """The system's errors as ours."""
    if isinstance(exc, TimeoutError):
        return Unreachable(f"folder {root}: the disk does not answer")
    if exc.errno in _FULL:
        return Unreachable(f"folder {root}: the disk is full", hint="make room; it goes on by itself")
    if exc.errno == errno.ENOENT:
        return Unreachable(f"folder {root} is not there", hint="make it, or mount it; it goes on by itself")
    reason = exc.strerror or type(exc).__name__
    if exc.errno in _OWNERS:
        hint = "let the server's user write there, then resume the destination"
        return Misconfigured(f"folder {root} can not be written: {reason}", hint=hint)
    return Unreachable(f"folder {root} can not be written: {reason}")


def _make_folders(root: Path, folder: Path) -> None:
    """Those below the root. The root is not made: on a disk that is not mounted it would be the wrong one."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        one.chmod(FOLDER_MODE | one.stat().st_mode & SET_GROUP)
        _sync(one.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, bytes_max: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise TooLarge
    return content
