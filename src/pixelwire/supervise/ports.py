"""The listening sockets. The supervisor binds and keeps them, workers and management inherit them, so that a
process that dies leaves no connection refused: it waits in its queue for the next one.
"""

import errno
import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pixelwire.errors import ConfigError
from pixelwire.limits import PORT_WAIT_S

if TYPE_CHECKING:
    from pixelwire.config import Settings

BACKLOG: Final = 4_096
RETRY_S: Final = 0.05
ACTIVATED_FD_FIRST: Final = 3  # as sd_listen_fds(3) says


class Sockets(NamedTuple):
    """The listening sockets of one server."""

    public: list[socket.socket]  # one a worker
    manage: socket.socket


def bind_all(settings: "Settings") -> Sockets:
    """Those that systemd hands over when it started us by a socket unit, else our own. ConfigError when
    they can not be had."""
    given = activated()
    if given is not None:
        # One socket for all workers then: it is systemd's, and outlives even this process.
        public, manage = given
        others = [socket.socket(fileno=os.dup(public.fileno())) for _ in range(settings.workers - 1)]
        (ours,) = [manage] if manage else listen(settings.manage_host, settings.manage_port, "manage_port")
        return Sockets([public, *others], ours)
    public_sockets = listen(settings.host, settings.port, "port", settings.workers)
    (manage,) = listen(settings.manage_host, settings.manage_port, "manage_port")
    return Sockets(public_sockets, manage)


def asked_otherwise(settings: "Settings", taken: Sockets) -> list[str]:
    """The settings that sockets from another server do not follow: they stay as they are."""
    host, port = taken.public[0].getsockname()[:2]
    manage_host, manage_port = taken.manage.getsockname()[:2]
    facts = {
        "host": (settings.host, host),
        "port": (settings.port or port, port),
        "manage_host": (settings.manage_host, manage_host),
        "manage_port": (settings.manage_port or manage_port, manage_port),
        "workers": (settings.workers, len(taken.public)),
    }
    return [name for name, (asked, found) in facts.items() if asked != found]


def activated() -> tuple[socket.socket, socket.socket | None] | None:
    """(public, manage) as systemd passed them: by the names `public` and `manage`, else in that order."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    os.environ.pop("LISTEN_PID")
    by_name: dict[str, socket.socket] = {}
    for number in range(count):
        sock = socket.socket(fileno=ACTIVATED_FD_FIRST + number)
        sock.setblocking(False)
        os.set_inheritable(sock.fileno(), False)
        given = names[number] if number < len(names) else ""
        name = given if given in ("public", "manage") else ("public", "manage")[min(number, 1)]
        if name in by_name:
            # Left alone it would keep on listening, and its visitors would wait for ever.
            for opened in (*by_name.values(), sock):
                opened.close()
            raise ConfigError([f"port: systemd passed two sockets named {name}; use one ListenStream for it"])
        by_name[name] = sock
    if "public" not in by_name:
        raise ConfigError(["port: systemd passed no socket named public; see the socket unit in docs"])
    return by_name["public"], by_name.get("manage")


def listen(host: str, port: int, setting: str, count: int = 1) -> list[socket.socket]:
    """Listening sockets on one address, `count` of them; port 0 takes a free one.

    Each worker accepts from a socket of its own, so that the kernel spreads connections evenly: from one
    shared queue a single worker takes nearly all. Waits up to PORT_WAIT_S for a port that is in use: after
    a `kill -9` the former processes take a moment to end. ConfigError, naming the setting, when it can not
    be had.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    deadline = time.monotonic() + PORT_WAIT_S
    while True:
        try:
            # Alone first: with SO_REUSEPORT a second server would share the port silently.
            with _bind(family, address, is_shared=False) as probe:
                address = probe.getsockname()
            sockets = [_bind(family, address, is_shared=True) for _ in range(count)]
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise ConfigError([_problem(setting, host, port, error)]) from error
            time.sleep(RETRY_S)
        else:
            for sock in sockets:
                sock.listen(BACKLOG)
                sock.setblocking(False)
            return sockets


def _bind(family: int, address: Any, *, is_shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and address[0] != "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _problem(setting: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{setting}: port {port} on {host} is in use by another program; choose another port"
    if error.errno == errno.EACCES:
        return f"{setting}: port {port} on {host} needs more rights; choose one above 1023"
    return f"{setting}: can not listen on {host} port {port}: {error.strerror}"
