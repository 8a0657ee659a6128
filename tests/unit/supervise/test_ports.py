"""The listening sockets."""

import socket

import pytest

from pixelwire.errors import ConfigError
from pixelwire.supervise import ports
from pixelwire.supervise.ports import listen


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PORT_WAIT_S", 0.1)


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
