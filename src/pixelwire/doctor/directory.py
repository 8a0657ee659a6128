"""The data directory: whose it is, who may read it, which server has it, and what it lies on."""

import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from pixelwire.doctor.finding import Finding, fail, ok, warn
from pixelwire.home import LOCK_NAME
from pixelwire.mounts import TABLE, mount_of

CHECK: Final = "data directory"
SERVER: Final = "server"
FILE_SYSTEM: Final = "file system"
SECRETS: Final = ("quickstart.json", "catalog.db")
OTHERS: Final = 0o077


class State(Enum):
    """Whether a server has the directory."""

    FREE = "free"
    RUNNING = "running"
    ENDING = "ending"  # its supervisor is gone, a process of it still holds the lock


class Holder(NamedTuple):
    state: State
    pid: int = 0


def check(data_dir: Path) -> Iterator[Finding]:
    """Whose it is, and who else may look into it."""
    try:
        found = data_dir.stat()
    except OSError as error:
        do = "name it with --data-dir or the setting data_dir; `pixelwire init` makes a new one"
        yield fail(CHECK, f"{data_dir} can not be looked at: {error.strerror}", do)
        return
    if not stat.S_ISDIR(found.st_mode):
        yield fail(CHECK, f"{data_dir} is no directory", "name a directory with --data-dir")
        return
    problems = [*_owner(data_dir, found.st_uid), *_modes(data_dir, found.st_mode)]
    mode = f"{stat.S_IMODE(found.st_mode):03o}"
    yield from problems or [ok(CHECK, f"{data_dir}, of {user_name(found.st_uid)} (mode {mode})")]


def check_file_system(data_dir: Path, *, is_network_allowed: bool, table: Path = TABLE) -> Finding:
    """Whether it is one on which a sync means what it says."""
    mount = mount_of(data_dir, table)
    if mount is None:
        return warn(FILE_SYSTEM, "the kernel does not tell what it is", "see that it is a local disk")
    where = f"{mount.kind} at {mount.point}"
    if mount.is_network:
        found = f"{where}: a network file system, on which locks and syncs can not be trusted"
        if is_network_allowed:
            return warn(FILE_SYSTEM, found, "allow_network_filesystem is set: be sure that it keeps both")
        return fail(FILE_SYSTEM, found, "move the data directory to a local disk")
    if mount.is_shared:
        found = f"{where} is shared with this machine's host: whether a sync reaches a disk is in its hands"
        return warn(FILE_SYSTEM, found, "use a volume or a virtual disk of this machine")
    if mount.is_read_only:
        return fail(FILE_SYSTEM, f"{where} is mounted read-only", f"mount -o remount,rw {mount.point}")
    if mount.is_memory:
        found = f"{where} is memory: everything is gone after a restart of the machine"
        return fail(FILE_SYSTEM, found, "move the data directory to a disk")
    if mount.kind in ("overlay", "aufs"):
        found = f"{where} is a container's own layer: it is gone with the container"
        return warn(FILE_SYSTEM, found, "mount a volume there")
    return ok(FILE_SYSTEM, where)


def holder(data_dir: Path) -> Holder:
    """Which server has the directory. Asks the lock itself, for a moment, and writes nothing."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Holder(State.FREE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        pid = int(text) if text.isdecimal() else 0
        return Holder(State.RUNNING if Path(f"/proc/{pid}").exists() else State.ENDING, pid)
    except OSError:
        return Holder(State.FREE)  # a file system without locks; its own check tells
    finally:
        os.close(descriptor)
    return Holder(State.FREE)


def check_server(found: Holder) -> Finding:
    """Who has the lock."""
    if found.state is State.RUNNING:
        return ok(SERVER, f"runs as process {found.pid}")
    if found.state is State.ENDING:
        text = f"the supervisor (process {found.pid}) is gone, its processes still hold the lock"
        return warn(SERVER, text, "they end by themselves within seconds; then start the server again")
    return warn(SERVER, "none runs on this data directory", "start it: `pixelwire serve`")


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _owner(data_dir: Path, uid: int) -> Iterator[Finding]:
    if uid != os.geteuid():
        found = f"{data_dir} is {user_name(uid)}'s, and this is {user_name(os.geteuid())}"
        yield warn(CHECK, found, f"run Pixelwire and its commands as {user_name(uid)}, or chown -R it")
    if not os.access(data_dir, os.W_OK | os.X_OK):
        yield fail(CHECK, f"{data_dir} can not be written to", "give the server's user the right to")


def _modes(data_dir: Path, mode: int) -> Iterator[Finding]:
    is_open = bool(mode & OTHERS)
    if is_open:
        found = f"{data_dir} is open to other users (mode {stat.S_IMODE(mode):03o}): it holds visitors' data"
        yield warn(CHECK, found, f"chmod 700 {data_dir}")
    for name in SECRETS:
        try:
            of_file = (data_dir / name).stat().st_mode
        except OSError:
            continue
        if is_open and of_file & OTHERS:
            found = f"{name} is readable by other users: it holds secrets"
            yield fail(CHECK, found, f"chmod 600 {data_dir / name}; then delete its tokens and make new ones")
