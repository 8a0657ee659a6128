"""The system's Caddy before a server, with its access log as it comes, as a child of the test."""

import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.recipes import free_port, program
from support.waiting import wait_until

START_S = 15.0
STOP_S = 10.0

CONFIGURATION = """\
{{
	admin off
	auto_https off
}}
:{port} {{
	bind 127.0.0.1
	log {{
		output file {directory}/access.log
	}}
	reverse_proxy 127.0.0.1:{upstream}
}}
"""


class Caddy:
    """`with Caddy(directory, upstream_port) as caddy:` serves `caddy.port` until the end of the block."""

    def __init__(self, directory: Path, upstream: int) -> None:
        directory.mkdir(parents=True)
        self.port = free_port()
        self.log = directory / "access.log"
        self._directory = directory
        configuration = directory / "Caddyfile"
        configuration.write_text(CONFIGURATION.format(port=self.port, directory=directory, upstream=upstream))
        self._command = [program("caddy", "caddy"), "run", "--adapter", "caddyfile"]
        self._command += ["--config", str(configuration)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"HOME": str(self._directory), "PATH": "/usr/bin:/bin"},
            )
        wait_until(self._listens, START_S, "Caddy listens", last=self._said)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_S)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._said()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _said(self) -> str:
        return (self._directory / "output.log").read_text(errors="replace")[-2_000:]
