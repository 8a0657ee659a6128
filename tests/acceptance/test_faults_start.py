"""The fault table of docs/faults.md, the start: what can not work is refused at once, with what to do, and
nothing of it is touched. Network file systems can not be had here: tests/unit/supervise/test_preflight.py.
"""

import os
import subprocess
from pathlib import Path

import apsw
import pytest

from support.faults import read_only
from support.server import COMMAND, Server

REFUSED_S = 30.0  # a directory in use is waited for, for 5 s
NOBODY = 65_534


def refusal(data_dir: Path, *flags: str, environment: dict[str, str] | None = None) -> str:
    """What the command says when it does not start."""
    done = subprocess.run(
        [str(COMMAND), "serve", "--data-dir", str(data_dir), "--port", "0", "--manage-port", "0", *flags],
        capture_output=True,
        text=True,
        timeout=REFUSED_S,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def contents(data_dir: Path) -> dict[str, bytes]:
    """The databases, byte for byte."""
    return {str(path): path.read_bytes() for path in sorted(data_dir.rglob("*.db"))}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory whose server was stopped."""
    with Server(tmp_path / "data") as server:
        server.stop()
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["events/000001.db", "totals.db", "catalog.db", "delivery.db"])
def test_data_of_a_newer_version(name: str, data_dir: Path) -> None:
    """A file that a newer Pixelwire wrote: the line says so and what to start instead."""
    connection = apsw.Connection(str(data_dir / name))
    connection.pragma("user_version", 99)
    connection.close()
    before = contents(data_dir)
    said = refusal(data_dir)
    assert "99" in said
    assert "newer" in said
    assert contents(data_dir) == before


def test_a_data_directory_in_use(tmp_path: Path) -> None:
    """Refused with the process that has it, which goes on."""
    with Server(tmp_path / "data") as server:
        said = refusal(server.data_dir)
        assert f"in use by another Pixelwire (process {server.pid})" in said
        assert "--data-dir" in said
        assert server.counted() == 0


def test_a_data_directory_of_another_user_as_root(data_dir: Path) -> None:
    """Root could write there, and would leave files that the owner can not open."""
    assert os.geteuid() == 0, "this test gives files away, run it as root"
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    before = contents(data_dir)
    said = refusal(data_dir)
    assert f"belongs to another user (uid {NOBODY})" in said
    assert "run as that user" in said
    assert contents(data_dir) == before
    assert all(path.stat().st_uid == NOBODY for path in data_dir.rglob("*"))


def test_a_data_directory_that_is_read_only(data_dir: Path) -> None:
    """Told at once, with the path."""
    with read_only(data_dir):
        said = refusal(data_dir)
    assert str(data_dir) in said
    assert "Read-only file system" in said
