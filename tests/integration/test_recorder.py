"""The recorder over its socket: real frames, a real store, one thread."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import msgspec
import pytest

from pixelwire.event import Failure
from pixelwire.frames import (
    ABSENT,
    COMMITTED,
    LENGTH,
    STORED,
    Ack,
    Batch,
    Deframer,
    Hello,
    Welcome,
    decode_to_worker,
    encode,
)
from pixelwire.record import server as server_module
from pixelwire.record.options import RecorderOptions
from pixelwire.record.reader import Reader
from pixelwire.record.segments import open_for_reading, segment_path
from pixelwire.record.server import RecorderServer
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

DEADLINE_S = 10.0


class WorkerSide:
    """A worker's connection, used by hand."""

    def __init__(self, socket_path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(socket_path))
        self._deframer = Deframer()

    def hello(self, worker: int, last_number: int = 0) -> Welcome:
        self.socket.sendall(encode(Hello(worker, last_number)))
        return cast("Welcome", self.answer())

    def send(self, batch: Batch) -> Ack:
        self.socket.sendall(encode(batch))
        return cast("Ack", self.answer())

    def answer(self) -> Welcome | Ack:
        while True:
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionResetError
            for body in self._deframer.feed(data):
                return decode_to_worker(body)

    def is_cut_off(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


Connect = Callable[[Path], WorkerSide]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections that are closed at the end of the test."""
    with ExitStack() as stack:

        def make(socket_path: Path) -> WorkerSide:
            worker = WorkerSide(socket_path)
            stack.callback(worker.socket.close)
            return worker

        yield make


class Running:
    """A recorder in a thread of this process."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.socket_path = folder / "r.sock"
        self.writer: Writer
        self._server: RecorderServer
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,))
        self._thread.start()
        assert ready.wait(DEADLINE_S)

    def _run(self, ready: threading.Event) -> None:
        # An apsw connection belongs to the thread that made it.
        self.writer = Writer.open(self.data_dir)
        self._server = RecorderServer(self.socket_path, self.writer)
        ready.set()
        self._server.serve()
        self.writer.close()

    def commits(self) -> list[int]:
        """How many events each transaction brought, in order."""
        with closing(open_for_reading(segment_path(self.data_dir, 1))) as connection:
            return [size for (size,) in connection.execute("SELECT length(keys) / 8 FROM id_batch")]

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    recorder = Running(tmp_path)
    yield recorder
    recorder.stop()


def test_a_batch_is_on_disk_when_it_is_acknowledged(running: Running, connect: Connect) -> None:
    """The answer comes after the sync; a reader sees the events then."""
    worker = connect(running.socket_path)
    assert worker.hello(5) == Welcome(ABSENT, [])
    ack = worker.send(make_batch(1, [make_event(message_id="m"), make_event(message_id="m"), make_event()]))
    assert ack == Ack(1, STORED, [1])
    assert Reader(running.data_dir).head() == 2


def test_busy_workers_share_a_sync(
    running: Running, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends again right after an answer is waited for; who does not come costs the others little."""
    monkeypatch.setattr(server_module, "BUSY_S", DEADLINE_S)
    monkeypatch.setattr(server_module, "GATHER_S", DEADLINE_S)
    workers = [connect(running.socket_path) for _ in range(2)]
    for number, worker in enumerate(workers, 1):
        worker.hello(number)
        worker.send(make_batch(1, [make_event()]))
    monkeypatch.setattr(server_module, "GATHER_S", 0.05)
    workers[0].send(make_batch(2, [make_event()]))  # nobody else is known to be busy yet
    workers[1].send(make_batch(2, [make_event()]))  # waits in vain for the first
    monkeypatch.setattr(server_module, "GATHER_S", DEADLINE_S)
    for worker in workers:
        worker.socket.sendall(encode(make_batch(3, [make_event()])))
    assert [worker.answer() for worker in workers] == [Ack(3, STORED, [])] * 2
    commits = running.commits()
    assert len(commits) == 5
    assert commits[-1] == 2


def test_a_worker_that_comes_back_learns_of_its_batch(running: Running, connect: Connect) -> None:
    """Whatever the connection, what counts is what was committed."""
    first = connect(running.socket_path)
    first.hello(5)
    first.send(make_batch(1, [make_event(message_id="m"), make_event(message_id="m")]))
    first.socket.close()
    again = connect(running.socket_path)
    assert again.hello(5, 1) == Welcome(COMMITTED, [1])
    assert again.send(make_batch(2, [make_event()])).status == STORED


def test_a_worker_has_one_connection(running: Running, connect: Connect) -> None:
    """Who greets again gives up the former connection and what is still in it."""
    former = connect(running.socket_path)
    former.hello(5)
    connect(running.socket_path).hello(5)
    assert former.is_cut_off()


@pytest.mark.parametrize(
    "nonsense",
    [
        encode(make_batch(1, [make_event()])),
        LENGTH.pack(3) + b"\xc1\xc1\xc1",
        LENGTH.pack(1 << 31),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["a batch before the greeting", "no message", "too long", "another protocol"],
)
def test_who_talks_nonsense_is_cut_off(running: Running, connect: Connect, nonsense: bytes) -> None:
    """The connection ends; the recorder and the others go on."""
    other = connect(running.socket_path)
    other.hello(6)
    odd = connect(running.socket_path)
    odd.socket.sendall(nonsense)
    assert odd.is_cut_off()
    assert other.send(make_batch(1, [make_event()])).status == STORED


def test_a_full_disk_is_an_answer(running: Running, connect: Connect) -> None:
    """The worker is told at once, the recorder stays, and with room again the next batch is stored."""
    worker = connect(running.socket_path)
    worker.hello(5)
    connection = running.writer._chain.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    big = [make_event(payload={"x": "y" * 3_000}) for _ in range(50)]
    assert worker.send(make_batch(1, big)) == Ack(1, Failure.DISK_FULL, [])
    connection.pragma("max_page_count", 1_000_000)
    assert worker.send(make_batch(1, big)) == Ack(1, STORED, [])
    assert Reader(running.data_dir).head() == 50


def start_process(folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    socket_path = folder / "r.sock"
    process = subprocess.Popen(
        [sys.executable, "-m", "pixelwire.record"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    options = RecorderOptions(data_dir=str(folder / "data"), socket_path=str(socket_path))
    process.stdin.write(msgspec.json.encode(options) + b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    return process, socket_path


def end(process: subprocess.Popen[bytes]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    status = process.wait(DEADLINE_S)
    process.stdout.close()
    return status


def test_the_process_ignores_signals_and_ends_with_its_pipe(tmp_path: Path, connect: Connect) -> None:
    """Ctrl-C reaches the whole group; the recorder must outlive the workers."""
    process, socket_path = start_process(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, number)
    worker = connect(socket_path)
    worker.hello(1)
    assert worker.send(make_batch(1, [make_event()])).status == STORED
    assert end(process) == 0
    assert not socket_path.exists()


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, connect: Connect) -> None:
    """kill -9, and the next process finds every event, id and answer."""
    process, socket_path = start_process(tmp_path)
    worker = connect(socket_path)
    worker.hello(1)
    for number in range(1, 51):
        worker.send(make_batch(number, [make_event(message_id=f"m{number}")]))
    process.kill()
    end(process)
    process, socket_path = start_process(tmp_path)
    worker = connect(socket_path)
    assert worker.hello(1, 50) == Welcome(COMMITTED, [])
    assert worker.send(make_batch(51, [make_event(message_id="m7")])).duplicates == [0]
    assert Reader(tmp_path / "data").head() == 50
    assert end(process) == 0
