"""The listening sockets."""

import fcntl
import os
import socket

import pytest

from pixelwire.config import Settings
from pixelwire.errors import ConfigError
from pixelwire.supervise import ports
from pixelwire.supervise.ports import listen


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PORT_WAIT_S", 0.1)


HIGH_FD = 700  # where nothing else is


def test_port_0_takes_a_free_one() -> None:
    """The socket listens, and says where."""
    (sock,) = listen("127.0.0.1", 0, "port")
    with sock, socket.create_connection(sock.getsockname()):
        pass


def test_each_worker_has_a_socket_of_the_same_port() -> None:
    """The kernel spreads connections over them; whichever takes one, the sender sees one address."""
    sockets = listen("127.0.0.1", 0, "port", count=3)
    assert len({sock.getsockname() for sock in sockets}) == 1
    for sock in sockets:
        sock.close()


def test_a_port_in_use_is_named_with_its_setting() -> None:
    """The operator learns which setting to change."""
    with (
        listen("127.0.0.1", 0, "port")[0] as taken,
        pytest.raises(ConfigError, match=r"manage_port: port \d+ on 127\.0\.0\.1 is in use"),
    ):
        listen("127.0.0.1", taken.getsockname()[1], "manage_port")


def test_a_port_is_never_shared() -> None:
    """Not even with a server that allows sharing."""
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharing.bind(("127.0.0.1", 0))
        sharing.listen()
        with pytest.raises(ConfigError, match="in use"):
            listen("127.0.0.1", sharing.getsockname()[1], "port")


def test_an_address_of_another_machine_is_refused() -> None:
    """An address that is not ours is an error that says so."""
    with pytest.raises(ConfigError, match=r"port: can not listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0, "port")


def test_sockets_of_systemd_are_taken_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their order; and their variables are gone for the processes that are started later."""
    manage, public = listen("127.0.0.1", 0, "manage_port")[0], listen("127.0.0.1", 0, "port")[0]
    first = os.dup(manage.fileno())
    second = os.dup(public.fileno())
    assert second == first + 1
    monkeypatch.setattr(ports, "ACTIVATED_FD_FIRST", first)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "manage:public")
    given = ports.activated()
    assert given is not None
    assert given[1] is not None
    assert (given[0].getsockname(), given[1].getsockname()) == (public.getsockname(), manage.getsockname())
    assert "LISTEN_FDS" not in os.environ
    for sock in (*given, manage, public):
        sock.close()


def test_sockets_of_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """LISTEN_PID says whose they are."""
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert ports.activated() is None


def test_two_sockets_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them would listen with nobody behind it."""
    first = fcntl.fcntl(0, fcntl.F_DUPFD, HIGH_FD)
    second = fcntl.fcntl(0, fcntl.F_DUPFD, HIGH_FD)
    sockets = [listen("127.0.0.1", 0, "port")[0] for _ in range(2)]
    for sock, fd in zip(sockets, (first, second), strict=True):
        os.dup2(sock.fileno(), fd)
    assert second == first + 1
    monkeypatch.setattr(ports, "ACTIVATED_FD_FIRST", first)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "public:public")
    with pytest.raises(ConfigError, match="two sockets named public"):
        ports.activated()
    for sock in sockets:
        sock.close()


def test_sockets_of_another_server_may_not_be_what_was_asked_for() -> None:
    """Told by the settings' names; a port of 0 asks for none."""
    taken = ports.Sockets(listen("127.0.0.1", 0, "port", 2), listen("127.0.0.1", 0, "manage_port")[0])
    port, manage_port = taken.public[0].getsockname()[1], taken.manage.getsockname()[1]
    same = Settings(host="127.0.0.1", port=port, manage_host="127.0.0.1", manage_port=manage_port, workers=2)
    assert ports.asked_otherwise(same, taken) == []
    free = same.model_copy(update={"port": 0, "manage_port": 0})
    assert ports.asked_otherwise(free, taken) == []
    other = Settings(host="0.0.0.0", port=port + 1, manage_host="::1", manage_port=1, workers=3)
    assert ports.asked_otherwise(other, taken) == ["host", "port", "manage_host", "manage_port", "workers"]
    for sock in (*taken.public, taken.manage):
        sock.close()
