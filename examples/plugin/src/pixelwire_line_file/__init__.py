"""A destination of Pixelwire that appends events to a file, a line of JSON each.

The file is opened for every send: whoever rotates it by renaming gets a new one with the next batch, and
nothing is left to mend after a failure.
"""

import asyncio
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from pixelwire.destinations.base import (
    OPERATOR_ONLY,
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    Item,
    Misconfigured,
    Options,
    Sent,
    Surroundings,
    Unreachable,
)

__all__ = ["SPEC", "LineFile", "LineFileOptions"]

_OWNERS: Final = {errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EPERM}
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LineFileOptions(Options, frozen=True, kw_only=True):
    path: Annotated[
        str,
        Meta(description="The file, from the root on. Its folder must be there.", extra=OPERATOR_ONLY),
    ]
    timeout_s: Annotated[
        float, Meta(ge=0.1, le=300, description="How long the disk may take for one batch.")
    ] = 30.0

    def problems(self) -> list[str]:
        return [] if Path(self.path).is_absolute() else ["path: must begin with /"]


class LineFile:
    def __init__(self, options: LineFileOptions, surroundings: Surroundings) -> None:
        self._path = Path(options.path)
        self._timeout_s = options.timeout_s

    async def open(self) -> None:
        """Nothing stays open between sends."""

    async def check(self) -> None:
        await self._append(b"")

    async def send(self, batch: Batch) -> BatchResult:
        await self._append(b"".join(line(item) for item in batch.items))
        return BatchResult([Sent()] * len(batch.items))

    async def close(self) -> None:
        """Nothing is open."""

    async def _append(self, lines: bytes) -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(_append, self._path, lines), self._timeout_s)
        except TimeoutError as exc:  # the thread goes on and holds the lock until it is done
            raise Unreachable(f"{self._path}: the disk does not answer in time") from exc


def line(item: Item) -> bytes:
    """What stands in the file for an event, its line break included."""
    content = {
        "message_id": item.message_id,
        "pixel_id": item.pixel_id,
        "payload": msgspec.Raw(item.payload),
    }
    return msgspec.json.encode(content) + b"\n"


def _append(path: Path, lines: bytes) -> None:
    """Returns when the lines are on disk. Unreachable or Misconfigured when they are not to be relied on."""
    try:
        file = os.open(path, _FLAGS, 0o640)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Misconfigured(f"{path} is not a file", hint="correct `path`")
            # Another process, or a send of our own that was given up: its thread can not be stopped.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _append_to(file, lines)
        finally:
            os.close(file)
        _sync_folder(path.parent)
    except BlockingIOError as exc:
        raise Unreachable(f"{path}: somebody else is writing to it") from exc
    except OSError as exc:
        if exc.errno in _OWNERS:
            raise Misconfigured(f"{path}: {exc.strerror}", hint="correct `path`, or its rights") from exc
        raise Unreachable(f"{path}: {exc.strerror}") from exc


def _append_to(file: int, lines: bytes) -> None:
    size = os.fstat(file).st_size
    if lines and size and os.pread(file, 1, size - 1) != b"\n":
        lines = b"\n" + lines  # a power cut left half a line: it was never confirmed and comes again
    try:
        written = 0
        while written < len(lines):
            written += os.write(file, lines[written:])
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)  # a full disk: all of the batch comes again
        raise


def _sync_folder(folder: Path) -> None:
    """A file made just now has its name on disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


SPEC: Final = DestinationSpec(
    kind="line_file",
    summary="Appends each event to a file of this machine, a line of JSON each.",
    options=LineFileOptions,
    build=LineFile,
    batch_limits=lambda options: BatchLimits(events_max=1_000, keeps_order=True),
)
