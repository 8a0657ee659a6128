"""An old server gives its listening sockets to a new one over the same data, so that an upgrade refuses
nobody: connections wait in the queues while one ends and the other begins. Knows sockets, no process.

The way is a unix socket in the old server's private directory, which only its own user can reach. The old one
ends only when the new one says that it has the sockets: one that dies in between leaves it as it was.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pixelwire.errors import DataDirectoryError
from pixelwire.supervise.lock import noted_runtime
from pixelwire.supervise.ports import Sockets

NAME: Final = "control.sock"
REQUEST: Final = b"hand over\n"
TAKEN: Final = b"taken\n"
FDS_MAX: Final = 65  # 64 workers and management
ANSWER_S: Final = 5.0


class Offer:
    """The old server's side: waits for a successor, hands over once, and tells its server to stop."""

    def __init__(self, runtime: Path, sockets: Sockets, on_taken: Callable[[], None]) -> None:
        self._sockets = sockets
        self._on_taken = on_taken
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(runtime / NAME))
        self._listener.listen(1)
        threading.Thread(target=self._wait, name="handover", daemon=True).start()

    def _wait(self) -> None:
        while True:
            try:
                successor, _ = self._listener.accept()
            except OSError:
                return
            with successor, contextlib.suppress(OSError):
                successor.settimeout(ANSWER_S)
                if successor.recv(len(REQUEST)) != REQUEST:
                    continue
                # Management first, then the workers' in order.
                fds = [self._sockets.manage.fileno(), *(sock.fileno() for sock in self._sockets.public)]
                socket.send_fds(successor, [b"sockets\n"], fds)
                if successor.recv(len(TAKEN)) != TAKEN:
                    continue
                self._on_taken()
                self._listener.close()
                return


def take(data_dir: Path) -> Sockets:
    """The new server's side: the sockets of the server that has this data, which then stops by itself.

    DataDirectoryError when there is none.
    """
    runtime = noted_runtime(data_dir, is_anywhere=True)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(str(runtime / NAME) if runtime else "")
            connection.sendall(REQUEST)
            fds = _receive(connection)
            connection.sendall(TAKEN)
        except OSError as error:
            raise DataDirectoryError(
                f"no running server over {data_dir} answers, so there is nothing to take over",
                hint="start without --take-over",
            ) from error
    sockets = [socket.socket(fileno=fd) for fd in fds]
    return Sockets(sockets[1:], sockets[0])


def _receive(connection: socket.socket) -> list[int]:
    _, fds, _, _ = socket.recv_fds(connection, 64, FDS_MAX)
    if len(fds) < 2:
        raise ConnectionAbortedError("the other side sent no sockets")
    return list(fds)
