"""The two listening sockets. The supervisor binds them, and workers and management inherit them, so that a
process that dies leaves no connection refused: the others, or the next one, take it from the same queue.
"""

import errno
import socket
import time
from typing import Final

from pixelwire.errors import ConfigError
from pixelwire.limits import PORT_WAIT_S

BACKLOG: Final = 4_096
RETRY_S: Final = 0.05


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket on an address; port 0 takes a free one. Waits up to PORT_WAIT_S for a port that
    is in use: after a `kill -9` the former processes take a moment to end.

    ConfigError, naming the setting, when it can not be had.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    deadline = time.monotonic() + PORT_WAIT_S
    while True:
        sock = socket.socket(family, socket.SOCK_STREAM)
        # Without SO_REUSEPORT: a second server must not share the port silently.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host != "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(address)
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise ConfigError([_problem(setting, host, port, error)]) from error
            time.sleep(RETRY_S)
        else:
            sock.setblocking(False)
            return sock


def _problem(setting: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{setting}: port {port} on {host} is in use by another program; choose another port"
    if error.errno == errno.EACCES:
        return f"{setting}: port {port} on {host} needs more rights; choose one above 1023"
    return f"{setting}: can not listen on {host} port {port}: {error.strerror}"
