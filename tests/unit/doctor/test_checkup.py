"""All checks together: which are made, and which are left out, and why."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from pixelwire.config import Settings
from pixelwire.doctor import proxies, trip
from pixelwire.doctor.checkup import NOTED_S, Subject, examine
from pixelwire.doctor.finding import Finding, Severity, worst
from pixelwire.errors import PixelwireError
from pixelwire.supervise.lock import DataDirectory
from pixelwire.testing.manual_clock import ManualClock
from support.catalogs import make_shop
from support.events import make_event, record

NOW_MS = 1_769_144_167_089
CHECKS = [
    *("settings", "data directory", "file system", "server", "sync", "events", "disk room", "clock"),
    *("descriptors", "readyz", "certificate", "pixel", "proxies"),
]


def nobody(*_: Any, **__: Any) -> Any:
    raise PixelwireError("nobody answers")


def subject(data_dir: Path, **changed: Any) -> Subject:
    base = Subject(
        settings=Settings(data_dir=data_dir, workers=1),
        public_url="http://127.0.0.1:9",
        write_key=None,
        why_not_sent="it was not wanted",
        get=nobody,
        ready=lambda: {"checks": [{"name": "disk", "state": "ok", "reason": None}]},
        read=None,
        clock=ManualClock(NOW_MS),
        wait=nobody,
    )
    return replace(base, **changed)


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    """The worst of each."""
    return {
        finding.check: finding
        for finding in sorted(findings, key=lambda each: list(Severity).index(each.severity))
    }


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    make_shop(tmp_path / "data").catalog.close()
    record(tmp_path / "data", [make_event(received_ms=NOW_MS - 1_000)])
    return tmp_path / "data"


def test_without_a_server_what_needs_it_is_left_out(data_dir: Path) -> None:
    """And all else is looked at."""
    found = by_check(list(examine(subject(data_dir))))
    assert sorted(found) == sorted(CHECKS)
    for check in ("readyz", "certificate", "pixel"):
        assert found[check].severity is Severity.LEFT_OUT
        assert found[check].found == "no server runs on this data directory"
    assert found["events"].found == "1 were stored so far"
    assert found["server"].severity is Severity.WARN


def test_without_a_directory_nearly_all_is_left_out(tmp_path: Path) -> None:
    """But told, check by check."""
    found = by_check(list(examine(subject(tmp_path / "none"))))
    assert sorted(found) == sorted(CHECKS)
    assert found["data directory"].severity is Severity.FAIL
    assert found["pixel"] == Finding("pixel", Severity.LEFT_OUT, "there is no data directory")


def test_with_a_server_it_is_asked(data_dir: Path) -> None:
    """How it is; a pixel only if one is wanted."""
    taken = DataDirectory(data_dir)
    try:
        found = by_check(list(examine(subject(data_dir))))
    finally:
        taken.release()
    assert found["server"].found == f"runs as process {os.getpid()}"
    assert found["readyz"].found == "all 1 checks of the server are ok"
    assert found["pixel"].found == "it was not wanted"
    assert found["certificate"].found == "the public URL is not https"


@pytest.mark.parametrize(
    ("ready", "severity", "words"),
    [
        (nobody, Severity.FAIL, "nobody answers"),
        (lambda: "nonsense", Severity.FAIL, "answers with something else"),
        (dict, Severity.FAIL, "answers with something else"),
        (
            lambda: {"checks": [{"name": "disk", "state": "failing", "reason": "the disk is full"}]},
            Severity.FAIL,
            "disk: the disk is full",
        ),
        (
            lambda: {"checks": [{"name": "courier", "state": "unknown", "reason": None}]},
            Severity.WARN,
            "courier: unknown",
        ),
    ],
)
def test_what_the_server_says_of_itself_is_passed_on(
    data_dir: Path, ready: Callable[[], Any], severity: Severity, words: str
) -> None:
    """Failing is a failure, all else that is not ok a warning."""
    taken = DataDirectory(data_dir)
    try:
        found = by_check(list(examine(subject(data_dir, ready=ready))))["readyz"]
    finally:
        taken.release()
    assert (found.severity, words in found.found) == (severity, True)
    assert found.do


def test_a_pixel_is_sent_and_what_workers_noted_of_it_is_waited_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that our own pixel came through is told as such."""
    waited: list[float] = []
    counted = iter([{"stored": 1, "private": 0, "public": 0}, {"stored": 2, "private": 0, "public": 1}])
    monkeypatch.setattr(trip, "travel", lambda *_: trip.Trip([], was_stored=True))
    monkeypatch.setattr(proxies, "sums", lambda *_: next(counted))
    taken = DataDirectory(data_dir)
    try:
        found = by_check(list(examine(subject(data_dir, write_key="k", wait=waited.append))))
    finally:
        taken.release()
    assert waited == [NOTED_S]
    assert "our own pixel came through a proxy" in found["proxies"].found


def test_files_that_are_damaged_fail(data_dir: Path) -> None:
    """Those set aside too; the rest is looked at all the same."""
    segment = data_dir / "events" / "000001.db"
    segment.write_bytes(b"not a database" * 1_000)
    segment.with_name("000007.db.damaged").write_bytes(b"")
    found = by_check(list(examine(subject(data_dir))))
    assert found["events"].severity is Severity.FAIL
    assert found["events"].found == "damaged: 000001.db, 000007.db; the others are served"
    assert sorted(found) == sorted(CHECKS)


def test_a_store_that_can_not_be_read_fails(data_dir: Path) -> None:
    """With the reason: here it is of a newer Pixelwire."""
    segment = apsw.Connection(str(data_dir / "events" / "000001.db"))
    segment.pragma("user_version", 99)
    segment.close()
    found = by_check(list(examine(subject(data_dir))))
    assert found["events"].severity is Severity.FAIL
    assert "000001.db has schema 99" in found["events"].found
    assert found["proxies"].found == "the ledger can not be read"
    assert sorted(found) == sorted(CHECKS)


def test_the_worst_finding_is_the_result() -> None:
    """What was left out is no fault."""
    kinds = [Severity.LEFT_OUT, Severity.OK]
    assert worst(Finding("x", kind, "") for kind in kinds) is Severity.LEFT_OUT
    assert worst([]) is Severity.OK
    assert worst([Finding("x", Severity.FAIL, ""), Finding("x", Severity.WARN, "")]) is Severity.FAIL
