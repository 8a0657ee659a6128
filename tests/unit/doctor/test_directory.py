"""Whose the data directory is, and what it lies on."""

import fcntl
import os
from pathlib import Path

import pytest

from pixelwire.doctor import directory
from pixelwire.doctor.directory import Holder, State
from pixelwire.doctor.finding import Finding, Severity
from pixelwire.supervise.lock import DataDirectory


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_directory_of_our_own_is_ok(data_dir: Path) -> None:
    """With its owner and mode."""
    (data_dir / "catalog.db").write_text("")
    finding = only(list(directory.check(data_dir)))
    assert (finding.severity, finding.found.endswith("(mode 700)")) == (Severity.OK, True)


def test_a_directory_that_is_not_there_fails(data_dir: Path) -> None:
    """And so does a file."""
    assert "No such file" in only(list(directory.check(data_dir / "none"))).found
    (data_dir / "file").write_text("")
    finding = only(list(directory.check(data_dir / "file")))
    assert (finding.severity, "is no directory" in finding.found) == (Severity.FAIL, True)


def test_a_directory_of_another_user_is_a_warning(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of two users do not work together."""
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    finding = only(list(directory.check(data_dir)))
    assert (finding.severity, "and this is user 54321" in finding.found) == (Severity.WARN, True)


def test_a_directory_that_can_not_be_written_fails(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be stored."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    finding = only(list(directory.check(data_dir)))
    assert (finding.severity, "can not be written to" in finding.found) == (Severity.FAIL, True)


def test_a_directory_open_to_others_is_a_warning_and_its_secrets_fail(data_dir: Path) -> None:
    """Behind a closed directory nobody reads a file."""
    (data_dir / "quickstart.json").write_text("")
    (data_dir / "quickstart.json").chmod(0o644)
    assert only(list(directory.check(data_dir))).severity is Severity.OK
    data_dir.chmod(0o755)
    first, second = directory.check(data_dir)
    assert (first.severity, first.do) == (Severity.WARN, f"chmod 700 {data_dir}")
    assert (second.severity, "quickstart.json is readable" in second.found) == (Severity.FAIL, True)


@pytest.mark.parametrize(
    ("kind", "options", "severity", "words"),
    [
        ("ext4", "rw", Severity.OK, "ext4 at /"),
        ("nfs4", "rw", Severity.FAIL, "network file system"),
        ("fuse.sshfs", "rw", Severity.FAIL, "network file system"),
        ("ext4", "ro", Severity.FAIL, "mounted read-only"),
        ("tmpfs", "rw", Severity.FAIL, "is memory"),
        ("virtiofs", "rw", Severity.WARN, "shared with this machine's host"),
        ("overlay", "rw", Severity.WARN, "container's own layer"),
    ],
)
def test_some_file_systems_keep_no_promise(
    data_dir: Path, tmp_path: Path, kind: str, options: str, severity: Severity, words: str
) -> None:
    """With what to do about it."""
    (tmp_path / "mounts").write_text(f"27 1 254:0 / / {options} - {kind} /dev/vda rw\n")
    finding = directory.check_file_system(data_dir, is_network_allowed=False, table=tmp_path / "mounts")
    assert (finding.severity, words in finding.found) == (severity, True)
    assert bool(finding.do) == (severity is not Severity.OK)


def test_a_file_system_that_nobody_tells_is_a_warning(data_dir: Path, tmp_path: Path) -> None:
    """A kernel may hide it."""
    none = tmp_path / "none"
    finding = directory.check_file_system(data_dir, is_network_allowed=False, table=none)
    assert finding.severity is Severity.WARN


def test_an_owner_may_insist_on_a_network(data_dir: Path, tmp_path: Path) -> None:
    """Then it is a warning for ever."""
    (tmp_path / "mounts").write_text("27 1 254:0 / / rw - nfs4 server:/export rw\n")
    finding = directory.check_file_system(data_dir, is_network_allowed=True, table=tmp_path / "mounts")
    assert (finding.severity, "allow_network_filesystem" in finding.do) == (Severity.WARN, True)


def test_a_directory_that_nobody_has_is_free(data_dir: Path) -> None:
    """Before the first start, and after a stop."""
    assert directory.holder(data_dir) == Holder(State.FREE)
    DataDirectory(data_dir).release()
    assert directory.holder(data_dir) == Holder(State.FREE)
    finding = directory.check_server(Holder(State.FREE))
    assert (finding.severity, finding.do) == (Severity.WARN, "start it: `pixelwire serve`")


def test_who_has_the_directory_is_told_by_its_lock(data_dir: Path) -> None:
    """And still has it afterwards."""
    taken = DataDirectory(data_dir)
    try:
        for _ in range(2):
            assert directory.holder(data_dir) == Holder(State.RUNNING, os.getpid())
    finally:
        taken.release()
    assert directory.check_server(Holder(State.RUNNING, 7)).found == "runs as process 7"


def test_processes_of_a_supervisor_that_is_gone_are_told(data_dir: Path) -> None:
    """They hold the lock for a moment longer."""
    (data_dir / "lock").write_text("4194305\n")  # no process has this number
    with (data_dir / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        holder = directory.holder(data_dir)
        assert holder == Holder(State.ENDING, 4_194_305)
        assert directory.check_server(holder).severity is Severity.WARN
        (data_dir / "lock").write_text("x")
        assert directory.holder(data_dir) == Holder(State.ENDING, 0)
