"""Where data may lie, told by the kernel's table of mounts."""

from pathlib import Path

import pytest

from pixelwire.errors import DataDirectoryError
from pixelwire.supervise.preflight import check_file_system

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
