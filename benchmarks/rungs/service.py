"""A command in a session of its own that answers HTTP on a port, for the time of a `with` block."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from support.processes import Process, of_session
from support.waiting import wait_until

START_S = 30.0
STOP_S = 10.0


class Service:
    """`roles`: what a word of a process's command line holds -> its role in the tables."""

    def __init__(self, command: list[str], port: int, log: Path, roles: Mapping[str, str]) -> None:
        self._command = command
        self._port = port
        self._log = log
        self._roles = roles
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._answers, START_S, "it answers", last=self._said)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def processes(self) -> list[Process]:
        assert self._process is not None
        return of_session(self._process.pid, self._roles)

    def _end(self) -> None:
        """Nothing of it is needed any more: no farewells."""
        assert self._process is not None
        for process in self.processes():
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it had ended
        self._process.wait(STOP_S)
        wait_until(lambda: not self.processes(), STOP_S, "its processes have ended", last=self.processes)

    def _answers(self) -> bool:
        """Whatever it is: some listen before there is anybody to answer."""
        assert self._process is not None
        assert self._process.poll() is None, self._said()
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return connection.recv(5) == b"HTTP/"
        except OSError:
            return False

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:]
