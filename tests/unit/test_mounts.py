"""File systems, as the kernel lists them."""

from pathlib import Path

import pytest

from pixelwire.mounts import Mount, mount_of

TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:30 / /srv rw - nfs4 server:/export rw,vers=4.2
31 27 0:31 / /srv/local rw - xfs /dev/sdb rw
32 27 0:32 / /srv/with\\040space ro,nosuid - ext4 /dev/sdc ro
33 27 0:33 / /again rw - tmpfs tmpfs rw
34 27 0:34 / /again rw master:2 propagate_from:3 - btrfs /dev/sdd rw
nonsense
35 27 0:35 / /short
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "mountinfo").write_text(TABLE)
    return tmp_path / "mountinfo"


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/var/lib/pixelwire", Mount(Path("/"), "ext4", False)),
        ("/srv", Mount(Path("/srv"), "nfs4", False)),
        ("/srv/data", Mount(Path("/srv"), "nfs4", False)),
        ("/srv/local/data", Mount(Path("/srv/local"), "xfs", False)),
        ("/srv/locals", Mount(Path("/srv"), "nfs4", False)),
        ("/srv/with space/data", Mount(Path("/srv/with space"), "ext4", True)),
        ("/again/data", Mount(Path("/again"), "btrfs", False)),
    ],
)
def test_a_path_lies_on_the_nearest_mount_above_it(table: Path, path: str, mount: Mount) -> None:
    """Of two at one place the later is on top; a read-only one says so."""
    assert mount_of(Path(path), table) == mount


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [
        ("nfs", True),
        ("nfs4", True),
        ("cifs", True),
        ("9p", False),
        ("fuse.sshfs", True),
        ("fuse.glusterfs", True),
        ("fuse.rclone", True),
        ("fuse.mergerfs", False),
        ("fuseblk", False),
        ("ext4", False),
        ("xfs", False),
        ("zfs", False),
        ("overlay", False),
    ],
)
def test_network_file_systems_are_known(kind: str, is_network: bool) -> None:
    """By their kind."""
    assert Mount(Path("/"), kind, False).is_network is is_network


def test_folders_of_a_host_and_memory_are_told_apart() -> None:
    """Some containers have nothing else, and it may well be a local disk behind it."""
    assert Mount(Path("/"), "virtiofs", False).is_shared
    assert Mount(Path("/"), "tmpfs", False).is_memory
    assert not Mount(Path("/"), "ext4", False).is_shared


def test_where_the_kernel_does_not_tell_nothing_is_known(tmp_path: Path) -> None:
    """No table, or an empty one."""
    assert mount_of(tmp_path, tmp_path / "none") is None
    (tmp_path / "empty").write_text("")
    assert mount_of(tmp_path, tmp_path / "empty") is None


def test_this_machine_tells(tmp_path: Path) -> None:
    """The real table."""
    found = mount_of(tmp_path)
    assert found is not None
    assert found.kind
