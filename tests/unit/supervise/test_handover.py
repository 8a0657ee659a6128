"""Sockets go from an old server to a new one."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pixelwire.errors import DataDirectoryError
from pixelwire.supervise.handover import NAME, REQUEST, Offer, take
from pixelwire.supervise.lock import DataDirectory
from pixelwire.supervise.ports import Sockets, listen
from support.waiting import wait_until

DEADLINE_S = 10.0


@pytest.fixture(autouse=True)
def private_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def close(sockets: Sockets) -> None:
    for sock in (sockets.manage, *sockets.public):
        sock.close()


def test_a_successor_gets_the_listening_sockets(tmp_path: Path) -> None:
    """In their order, with what waits in their queues; and the old server is told to stop."""
    directory = DataDirectory(tmp_path / "d")
    ours = Sockets(listen("127.0.0.1", 0, "port", 2), listen("127.0.0.1", 0, "manage_port")[0])
    told = threading.Event()
    Offer(directory.runtime, ours, told.set)
    addresses = [sock.getsockname() for sock in (ours.manage, *ours.public)]
    waiting = socket.create_connection(ours.manage.getsockname())
    theirs = take(tmp_path / "d")
    assert told.wait(DEADLINE_S)
    close(ours)
    assert [sock.getsockname() for sock in (theirs.manage, *theirs.public)] == addresses
    theirs.manage.setblocking(True)
    taken, _ = theirs.manage.accept()
    taken.close()
    waiting.close()
    close(theirs)
    directory.release()


def test_with_no_server_there_is_nothing_to_take(tmp_path: Path) -> None:
    """Neither before the first start nor after a kill; the text says how to start instead."""
    with pytest.raises(DataDirectoryError, match="without --take-over"):
        take(tmp_path / "d")
    directory = DataDirectory(tmp_path / "d")
    with pytest.raises(DataDirectoryError, match="without --take-over"):
        take(tmp_path / "d")
    directory.release()


def test_a_stranger_takes_nothing(tmp_path: Path) -> None:
    """Who does not ask in the right words gets no socket, and a real successor still does."""
    directory = DataDirectory(tmp_path / "d")
    ours = Sockets(listen("127.0.0.1", 0, "port"), listen("127.0.0.1", 0, "manage_port")[0])
    told = threading.Event()
    Offer(directory.runtime, ours, told.set)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(directory.runtime / NAME))
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        stranger.settimeout(DEADLINE_S)
        with suppress(ConnectionResetError):
            assert stranger.recv(10) == b""
    assert not told.is_set()
    close(take(tmp_path / "d"))
    assert told.wait(DEADLINE_S)
    close(ours)
    directory.release()


def test_a_successor_that_dies_on_the_way_leaves_the_old_server_alone(tmp_path: Path) -> None:
    """It asked, and never said that it has the sockets: the old one goes on, and the next can take them."""
    directory = DataDirectory(tmp_path / "d")
    ours = Sockets(listen("127.0.0.1", 0, "port"), listen("127.0.0.1", 0, "manage_port")[0])
    told: list[str] = []
    Offer(directory.runtime, ours, lambda: told.append("taken"))
    with socket.socket(socket.AF_UNIX) as dying:
        dying.connect(str(directory.runtime / NAME))
        dying.sendall(REQUEST)
        _, fds, _, _ = socket.recv_fds(dying, 64, 8)
        assert len(fds) == 2
        for fd in fds:
            socket.socket(fileno=fd).close()
    taken = take(tmp_path / "d")  # the offer takes one after the other: the first was let go by then
    wait_until(lambda: told == ["taken"], DEADLINE_S, "told once", last=lambda: told)
    close(taken)
    close(ours)
    directory.release()


def test_a_server_is_found_under_another_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service and a shell rarely have the same XDG_RUNTIME_DIR."""
    directory = DataDirectory(tmp_path / "d")
    ours = Sockets(listen("127.0.0.1", 0, "port"), listen("127.0.0.1", 0, "manage_port")[0])
    Offer(directory.runtime, ours, lambda: None)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(other))
    close(take(tmp_path / "d"))
    close(ours)
    directory.release()
