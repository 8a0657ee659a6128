"""Which file system a path lies on, as the kernel tells it. Knows on which a database can not lie."""

import re
from pathlib import Path
from typing import Final, NamedTuple

TABLE: Final = Path("/proc/self/mountinfo")

# Their locks do not keep a process on another machine out, or a sync there does not reach a disk.
NETWORK_KINDS: Final = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs"),
        *("nfs", "nfs4", "orangefs", "panfs", "smb2", "smb3", "smbfs"),
    }
)
# A virtual machine's way to its host: what is behind it, only the host knows.
SHARED_KINDS: Final = frozenset({"9p", "fuse.vmhgfs-fuse", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"})
NETWORK_FUSE: Final = re.compile(
    r"fuse\.(.*(sshfs|gluster|ceph|s3|gcs|rclone|smb|nfs|dav|juicefs|seaweed|blob|goofys).*)"
)
MEMORY_KINDS: Final = frozenset({"tmpfs", "ramfs"})
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    point: Path
    kind: str
    is_read_only: bool

    @property
    def is_network(self) -> bool:
        return self.kind in NETWORK_KINDS or NETWORK_FUSE.fullmatch(self.kind) is not None

    @property
    def is_shared(self) -> bool:
        return self.kind in SHARED_KINDS

    @property
    def is_memory(self) -> bool:
        return self.kind in MEMORY_KINDS


def mount_of(path: Path, table: Path = TABLE) -> Mount | None:
    """The mount a path lies on; None when the kernel does not tell."""
    try:
        rows = table.read_text(errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:
        return None
    found: Mount | None = None
    for mount in filter(None, map(_read, rows)):
        is_around = mount.point == place or mount.point in place.parents
        # Of two at the same place the later one is on top.
        if is_around and (found is None or len(mount.point.parts) >= len(found.point.parts)):
            found = mount
    return found


def _read(row: str) -> Mount | None:
    """`36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue`"""
    left, separator, right = row.partition(" - ")
    fields, more = left.split(), right.split()
    if not separator or len(fields) < 6 or len(more) < 3:
        return None
    point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
    options = {*fields[5].split(","), *more[2].split(",")}
    return Mount(Path(point), more[0], "ro" in options)
