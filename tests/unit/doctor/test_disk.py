"""How long a sync takes, and how much room there is."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixelwire.doctor import disk
from pixelwire.doctor.finding import Severity

GIB = 1 << 30


def ticking(steps: list[float]) -> Any:
    """A clock by which each sync takes the next of these times."""

    def times() -> Iterator[float]:
        now = 0.0
        for number in range(disk.SYNCS):
            yield now
            now += steps[number % len(steps)]
            yield now

    left = times()
    return lambda: next(left)


@pytest.mark.parametrize(
    ("steps", "severity", "words"),
    [
        ([0.001], Severity.OK, "1.00 ms in the middle of 48, 1.00 ms at most"),
        ([0.001], Severity.OK, "1,000 commits a second"),
        ([0.02], Severity.WARN, "50 commits a second"),
        ([0.001] * 47 + [1.5], Severity.WARN, "1500.00 ms at most"),
        ([0.2], Severity.FAIL, "200.00 ms in the middle"),
        ([0.000_002], Severity.WARN, "nothing can have reached a disk"),
    ],
)
def test_a_sync_has_a_meaning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[float],
    severity: Severity,
    words: str,
) -> None:
    """For the time of an answer, and for how many there can be."""
    monkeypatch.setattr(time, "perf_counter", ticking(steps))
    finding = disk.check_sync(tmp_path, lambda _: None)
    assert (finding.severity, words in finding.found) == (severity, True)


def test_the_real_disk_is_asked_and_nothing_stays_on_it(tmp_path: Path) -> None:
    """In a file without a name."""
    synced: list[int] = []
    finding = disk.check_sync(tmp_path, lambda number: synced.append(os.fstat(number).st_size))
    assert synced == [disk.WRITE_BYTES * number for number in range(1, disk.SYNCS + 1)]
    assert finding.check == "sync"
    assert disk.check_sync(tmp_path).found
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_write_fails(tmp_path: Path) -> None:
    """Whatever the reason."""

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    finding = disk.check_sync(tmp_path, refuse)
    assert (finding.severity, "Input/output error" in finding.found) == (Severity.FAIL, True)


@pytest.mark.parametrize(
    ("free", "files", "pace", "severity", "words"),
    [
        (50 * GIB, 10_000, 0, Severity.OK, "51,200 MiB are free"),
        (50 * GIB, 10_000, GIB, Severity.OK, "enough for 50 days like the last"),
        (50 * GIB, 0, 1, Severity.OK, "51,200 MiB are free"),
        (50 * GIB, 10_000, 5 * GIB, Severity.WARN, "enough for 10 days"),
        (GIB // 2, 10_000, 0, Severity.WARN, "512 MiB are free"),
        (50 * GIB, 7, 0, Severity.WARN, "7 files can still be made"),
        (1_000, 10_000, 0, Severity.FAIL, "events can not be stored"),
    ],
)
def test_room_is_bytes_files_and_days(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    files: int,
    pace: float,
    severity: Severity,
    words: str,
) -> None:
    """At the pace of the last day; a file system without a table of files has no end of them."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_files=files, f_favail=files))
    finding = disk.check_room(tmp_path, pace)
    assert (finding.severity, words in finding.found) == (severity, True)


def test_a_disk_that_can_not_be_asked_is_left_out(tmp_path: Path) -> None:
    """It is told why."""
    assert disk.check_room(tmp_path / "none", 0).severity is Severity.LEFT_OUT
