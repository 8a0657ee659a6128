"""The disk under the data directory: how long a sync takes, and how much room is left."""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pixelwire.doctor.finding import Finding, fail, left_out, ok, warn
from pixelwire.limits import DISK_FREE_LOW_BYTES, DISK_FREE_MIN_BYTES

SYNC: Final = "sync"
ROOM: Final = "disk room"
SYNCS: Final = 48
WRITE_BYTES: Final = 4_096
QUICK_S: Final = 0.010  # up to here nobody notices
SLOW_S: Final = 0.100  # a visitor waits for two of them
TOO_QUICK_S: Final = 0.000_010  # no device answers that soon: it was never asked
FILES_MIN: Final = 1_000
DAYS_MIN: Final = 14
MIB: Final = 1_048_576


def check_sync(data_dir: Path, sync: Callable[[int], object] = os.fdatasync) -> Finding:
    """Some small appends with a sync each, in a file without a name."""
    try:
        times = _measure(data_dir, sync)
    except OSError as error:
        return fail(
            SYNC, f"the disk took no write: {error.strerror}", "see that the directory can be written to"
        )
    median, longest = statistics.median(times), max(times)
    said = f"{_ms(median)} in the middle of {SYNCS}, {_ms(longest)} at most"
    if median < TOO_QUICK_S:
        found = f"{said}: nothing can have reached a disk, so a power cut can lose what was answered"
        return warn(SYNC, found, "see that the file system and the virtual disk pass syncs on")
    means = f"a pixel's answer waits for one or two; {1 / median:,.0f} commits a second, each of many pixels"
    if median > SLOW_S:
        return fail(
            SYNC, f"{said}: {means}; requests will pile up", "use a local SSD, with nothing else busy on it"
        )
    if median > QUICK_S or longest > 10 * SLOW_S:
        return warn(
            SYNC, f"{said}: {means}", "a local SSD takes 1 to 2 ms; see what else is busy on this disk"
        )
    return ok(SYNC, f"{said}: {means}")


def check_room(data_dir: Path, bytes_a_day: float) -> Finding:
    """Bytes and files that are left, and for how long at the pace of the last day."""
    try:
        free = shutil.disk_usage(data_dir).free
        files = os.statvfs(data_dir)
    except OSError as error:
        return left_out(ROOM, f"the disk can not be asked: {error.strerror}")
    said = f"{free // MIB:,} MiB are free"
    if bytes_a_day:
        said += f", enough for {free / bytes_a_day:,.0f} days like the last"
    do = "free some room, or set a limit of retention (docs/retention.md)"
    if free < DISK_FREE_MIN_BYTES:
        return fail(ROOM, f"{said}: events can not be stored", do)
    if files.f_files and files.f_favail < FILES_MIN:
        return warn(ROOM, f"{files.f_favail} files can still be made on this file system", do)
    if free < DISK_FREE_LOW_BYTES or (bytes_a_day and free / bytes_a_day < DAYS_MIN):
        return warn(ROOM, said, do)
    return ok(ROOM, said)


def _measure(data_dir: Path, sync: Callable[[int], object]) -> list[float]:
    times = []
    with tempfile.TemporaryFile(dir=data_dir, buffering=0) as file:
        for _ in range(SYNCS):
            file.write(b"\0" * WRITE_BYTES)
            started = time.perf_counter()
            sync(file.fileno())
            times.append(time.perf_counter() - started)
    return times


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.2f} ms"
