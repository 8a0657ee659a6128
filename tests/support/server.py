"""The real command, as a user starts it, in a session of its own so that nothing of it is missed."""

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support import processes
from support.processes import Process
from support.waiting import wait_until

COMMAND = Path(sys.executable).with_name("pixelwire")
START_S = 30.0
ACTIVATE = """
import os, sys
fds = [int(fd) for fd in sys.argv[1:3]]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "public:manage"}
os.execv(sys.argv[3], sys.argv[3:])
"""
STOP_S = 10.0  # what the product promises


class Server:
    """`pixelwire quickstart --json` on free ports; the same ports again after `start`."""

    def __init__(
        self, data_dir: Path, *, workers: int = 2, environment: dict[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.workers = workers
        self.port, self.manage_port = _free_ports(2)
        self.facts: dict[str, str] = {}
        self.ready_s = 0.0
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.with_name(data_dir.name + ".log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_group()
        if kind is not None:
            sys.stderr.write(self.log()[-8_000:])

    def start(self) -> None:
        """Starts, or starts again after its processes have ended."""
        self._forget()
        started = time.monotonic()
        self._process = self._spawn([str(COMMAND), "quickstart", "--json", *self._flags()])
        self.facts = json.loads(self._first_line())
        self.ready_s = time.monotonic() - started

    def serve(self) -> None:
        """Starts `pixelwire serve`, which reads its settings anew at SIGHUP; the facts are those of a start
        before."""
        self._forget()
        self._process = self._spawn([str(COMMAND), "serve", *self._flags()])
        self._first_line()

    def take_over(self) -> int:
        """A newer `pixelwire serve` in the place of the one that runs; returns the former's exit status when
        all of its processes have ended."""
        former = self._process
        assert former is not None
        assert former.stdout is not None
        self._process = self._spawn([str(COMMAND), "serve", "--take-over", *self._flags()])
        self._first_line()
        status = former.wait(STOP_S)
        former.stdout.close()
        wait_until(lambda: not processes.of_session(former.pid), STOP_S, "the former server has ended")
        return status

    def start_activated(self, public: socket.socket, manage: socket.socket) -> None:
        """`pixelwire serve` as systemd starts it by a socket unit; the facts are those of a start before."""
        self._forget()
        fds = [fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 100) for sock in (public, manage)]
        activate = [sys.executable, "-c", ACTIVATE, *map(str, fds)]
        self._process = self._spawn([*activate, str(COMMAND), "serve", *self._flags()], fds)
        for fd in fds:
            os.close(fd)
        self._first_line()

    def hang_up(self) -> None:
        """SIGHUP: read the settings anew."""
        os.kill(self.pid, signal.SIGHUP)

    def _flags(self) -> list[str]:
        return [
            *("--data-dir", str(self.data_dir), "--workers", str(self.workers)),
            *("--port", str(self.port), "--manage-port", str(self.manage_port)),
        ]

    def _spawn(self, command: list[str], fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self._environment},
                pass_fds=fds,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # -- processes --

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def processes(self) -> list[Process]:
        return processes.of_session(self.pid)

    def children(self, role: str) -> list[int]:
        return [process.pid for process in self.processes() if process.role == role]

    def kill_group(self) -> None:
        """kill -9 for all of them at once, as close as the kernel gets to it."""
        if self._process is None:
            return
        for pid in {self.pid, *(process.pid for process in self.processes())}:
            try:
                os.killpg(pid, signal.SIGKILL) if pid == self.pid else os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it had ended
        self.wait_gone(STOP_S)
        self._forget()

    def stop(self, number: int = signal.SIGTERM, deadline_s: float = STOP_S) -> int:
        """Asks the supervisor politely; returns the exit status when all processes have ended."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._wait_stopped(deadline_s)

    def stop_group(self, number: int, deadline_s: float = STOP_S) -> int:
        """Signals all processes, as a terminal does on Ctrl-C."""
        os.killpg(self.pid, number)
        return self._wait_stopped(deadline_s)

    def _wait_stopped(self, deadline_s: float) -> int:
        assert self._process is not None
        status = self._process.wait(deadline_s)
        self.wait_gone(1.0)
        self._forget()
        return status

    def wait_gone(self, deadline_s: float) -> None:
        """Until no process of the session lives."""

        def is_gone() -> bool:
            assert self._process is not None
            self._process.poll()  # takes the supervisor's own exit status
            return not self.processes()

        wait_until(is_gone, deadline_s, "all processes have ended", last=self.processes)

    # -- reading back --

    def get(self, path: str, **query: Any) -> Any:
        """A JSON answer of the management listener."""
        target = f"http://127.0.0.1:{self.manage_port}{path}"
        if query:
            target += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(target, headers={"Authorization": f"Bearer {self.facts['token']}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def pixel(self, **query: Any) -> dict[str, Any]:
        return self.get(
            f"/ads/v3/businesses/{self.facts['business_id']}/pixels/{self.facts['pixel_id']}", **query
        )

    def counted(self) -> int:
        """All that Get pixel counts."""
        return sum(row["count"] for row in self.pixel()["historical_events"])

    def receipt(self, message_id: str) -> dict[str, Any] | None:
        path = f"/api/v1/pixels/{self.facts['pixel_id']}/events/{urllib.parse.quote(message_id)}"
        try:
            return self.get(path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def events(self) -> list[dict[str, Any]]:
        """Every stored event, in order."""
        events: list[dict[str, Any]] = []
        after, reached = -1, 0
        while reached != after:
            after = reached
            page = self.get(f"/api/v1/pixels/{self.facts['pixel_id']}/events", after=after, limit=1000)
            events += page["events"]
            reached = page["next_after"]
        return events

    def outcomes(self) -> Counter[str]:
        """Of the whole server, over all hours: outcome, and `received`, -> requests."""
        answer = self.get("/api/v1/outcomes")
        sums: Counter[str] = Counter()
        for row in answer["outcomes"]:
            sums[row["outcome"]] += row["count"]
        sums["received"] = sum(row["count"] for row in answer["received"])
        return sums

    # -- own affairs --

    def _first_line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if readable else b""
        if not line.endswith(b"\n"):
            self.kill_group()
            raise AssertionError(
                f"the command did not become ready within {START_S} s:\n{self.log()[-4_000:]}"
            )
        return line

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
            self._process.wait(1)
        self._process = None


def temporary_server(directory: Path | None = None, **options: Any) -> Server:
    """A server whose data directory is new."""
    return Server(Path(tempfile.mkdtemp(prefix="data-", dir=directory)), **options)


def _free_ports(amount: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(amount)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports
