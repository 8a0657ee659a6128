"""Where data may lie, told by the kernel's table of mounts."""

from pathlib import Path

import apsw
import pytest

from pixelwire.errors import DataDirectoryError, SchemaMismatch
from pixelwire.record.segments import segment_path, totals_path
from pixelwire.supervise.preflight import check_events, check_file_system, check_owner
from support.events import make_event, record

LOCAL = "36 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "ceph", "fuse.sshfs"])
def test_a_network_file_system_is_refused(kind: str, tmp_path: Path) -> None:
    """With its kind, and also for a directory that is still to be made; taken when the owner says so."""
    table = tmp_path / "mountinfo"
    table.write_text(f"{LOCAL}40 36 0:50 / {tmp_path}/far rw - {kind} server:/ rw\n")
    for data_dir in (tmp_path / "far", tmp_path / "far" / "deep" / "data"):
        with pytest.raises(DataDirectoryError, match=f"network file system \\({kind}\\)"):
            check_file_system(data_dir, is_network_allowed=False, table=table)
        check_file_system(data_dir, is_network_allowed=True, table=table)


@pytest.mark.parametrize("text", [LOCAL, "", "nonsense\n"])
def test_a_local_one_or_one_that_is_not_told_is_taken(text: str, tmp_path: Path) -> None:
    """A table that can not be read keeps no server from starting."""
    table = tmp_path / "mountinfo"
    table.write_text(text)
    check_file_system(tmp_path, is_network_allowed=False, table=table)
    check_file_system(tmp_path, is_network_allowed=False, table=tmp_path / "missing")


@pytest.mark.parametrize("name", ["totals", "segment"])
def test_a_program_that_is_older_than_the_events_is_refused(name: str, tmp_path: Path) -> None:
    """Before it starts anything, or asks a running server for its sockets."""
    record(tmp_path, [make_event()])
    check_events(tmp_path)
    path = totals_path(tmp_path) if name == "totals" else segment_path(tmp_path, 1)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(SchemaMismatch, match="newer"):
        check_events(tmp_path)


def test_the_data_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with sudo, which would leave files that the owner can not open; no data is nobody's."""
    check_owner(tmp_path)
    check_owner(tmp_path / "none")
    (tmp_path / "lock").touch()
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    with pytest.raises(DataDirectoryError, match="belongs to another user"):
        check_owner(tmp_path)
