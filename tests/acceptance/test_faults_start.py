"""The fault table of docs/faults.md, the start: what can not work is refused at once, with what to do, and
nothing of it is touched.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import pytest

from support.faults import read_only, see_log
from support.load import Connection
from support.server import COMMAND, START_S, Server
from support.waiting import wait_until

REFUSED_S = 30.0  # a directory in use is waited for, for 5 s
NOBODY = 65_534
ANY_PORTS = ("--port", "0", "--manage-port", "0")
# Root, but one that may not look into the directories of others: as any other user.
COMMONER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
# A program whose table of mounts is another file.
ANOTHER_TABLE = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /proc/$$/mountinfo && exec "$@"')


def refusal(data_dir: Path, *flags: str, before: Sequence[str] = ()) -> str:
    """What the command says when it does not start; `before` is a program to start it with."""
    done = subprocess.run(
        [*before, str(COMMAND), "serve", "--data-dir", str(data_dir), *ANY_PORTS, *flags],
        capture_output=True,
        text=True,
        timeout=REFUSED_S,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def contents(data_dir: Path) -> dict[str, bytes]:
    """The databases, byte for byte."""
    return {str(path): path.read_bytes() for path in sorted(data_dir.rglob("*.db"))}


def ask(server: Server) -> str:
    """A visitor's outcome."""
    visitor = Connection(server.port)
    answer = visitor.get(f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1")
    visitor.close()
    return answer.headers["x-pixelwire-outcome"]


@contextmanager
def another_version(path: Path) -> Iterator[None]:
    """A database looks as if a newer Pixelwire had written it."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5_000)
    version = connection.pragma("user_version")
    connection.pragma("user_version", 99)
    try:
        yield
    finally:
        connection.pragma("user_version", version)
        connection.close()


def open_files(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.add(str(entry.readlink()))
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server leaves that was stopped."""
    folder = tmp_path_factory.mktemp("store")
    with Server(folder / "data") as server:
        server.stop()
    return folder / "data"


@pytest.fixture
def data_dir(store: Path, tmp_path: Path) -> Path:
    """A data directory whose server was stopped."""
    return shutil.copytree(store, tmp_path / "data")


@pytest.mark.parametrize("name", ["events/000001.db", "totals.db", "catalog.db", "delivery.db"])
def test_data_of_a_newer_version(name: str, data_dir: Path) -> None:
    """A file that a newer Pixelwire wrote: the line says so and what to start instead."""
    connection = apsw.Connection(str(data_dir / name))
    connection.pragma("user_version", 99)
    connection.close()
    before = contents(data_dir)
    said = refusal(data_dir)
    assert "has schema 99" in said
    assert "start the newer Pixelwire that wrote it" in said
    assert said.count("\n") == 1, "one line"
    assert contents(data_dir) == before


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_data_directory_on_a_network_file_system(kind: str, data_dir: Path, tmp_path: Path) -> None:
    """Refused by its kind. None is mounted here: the process sees the kernel's table with a row more."""
    table = tmp_path / "mountinfo"
    row = f"9999 1 0:99 / {data_dir} rw - {kind} server:/export rw\n"
    table.write_text(Path("/proc/self/mountinfo").read_text() + row)
    before = contents(data_dir)
    said = refusal(data_dir, before=(*ANOTHER_TABLE, str(table)))
    assert f"network file system ({kind})" in said
    assert "use a local disk" in said
    assert contents(data_dir) == before


def test_a_data_directory_in_use(tmp_path: Path) -> None:
    """Refused with the process that has it, which goes on."""
    with Server(tmp_path / "data") as server:
        said = refusal(server.data_dir)
        assert f"in use by another Pixelwire (process {server.pid})" in said
        assert "--data-dir" in said
        assert server.counted() == 0


@pytest.mark.parametrize("before", [(), COMMONER], ids=["root", "another user"])
def test_a_data_directory_of_another_user(before: Sequence[str], data_dir: Path) -> None:
    """Root could write there, and would leave files that the owner can not open; others may not even look."""
    assert os.geteuid() == 0, "this test gives files away, run it as root"
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    untouched = contents(data_dir)
    said = refusal(data_dir, before=before)
    assert f"belongs to another user (uid {NOBODY})" in said
    assert "run as that user" in said
    assert contents(data_dir) == untouched
    assert all(path.stat().st_uid == NOBODY for path in data_dir.rglob("*"))


def test_a_data_directory_that_is_read_only(data_dir: Path) -> None:
    """Told at once, with the path."""
    with read_only(data_dir):
        said = refusal(data_dir)
    assert str(data_dir) in said
    assert "Read-only file system" in said


@pytest.mark.parametrize("name", ["events/000001.db", "totals.db", "catalog.db", "delivery.db"])
def test_a_successor_that_is_older_than_the_data(name: str, tmp_path: Path) -> None:
    """`--take-over` is refused before the sockets are asked for: the server that runs goes on."""
    with Server(tmp_path / "data") as server:
        assert ask(server) == "stored"
        with another_version(server.data_dir / name):
            said = refusal(server.data_dir, "--take-over")
        assert "newer" in said
        assert ask(server) == "stored"
        assert server.counted() == 2


def test_a_successor_of_another_user(tmp_path: Path) -> None:
    """The same: it would take the sockets and find that it can not use the data."""
    with Server(tmp_path / "data") as server:
        os.chown(server.data_dir / "lock", NOBODY, NOBODY)
        said = refusal(server.data_dir, "--take-over")
        assert f"belongs to another user (uid {NOBODY})" in said
        assert ask(server) == "stored"


def test_a_successor_with_other_settings_says_what_it_keeps(tmp_path: Path) -> None:
    """Sockets are taken as they are: who asks for other ports or more workers is told that they stay."""
    with Server(tmp_path / "data") as server:
        server.workers += 1
        assert server.take_over() == 0
        see_log(server, "take_over_keeps", "workers", "stop the server")
        assert len(server.children("worker")) == server.workers - 1


def test_a_hangup_at_the_start_is_kept(tmp_path: Path) -> None:
    """Who says that settings have changed does not know how far a start is: they are read once it is up."""
    with Server(tmp_path / "data") as server:
        second = subprocess.Popen(
            [str(COMMAND), "serve", "--data-dir", str(server.data_dir), *ANY_PORTS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        lock = str(server.data_dir / "lock")
        wait_until(lambda: lock in open_files(second.pid), START_S, "it waits for the data directory")
        second.send_signal(signal.SIGHUP)
        server.stop()
        assert "reloaded" in second.stderr.readline()
        second.terminate()
        assert second.wait(REFUSED_S) == 0
        second.stderr.close()
