"""The recorder's loop: takes batches from the workers' connections, commits what is there in one
transaction, and answers. One thread, no event loop: while the commit syncs, the next batches gather in
the sockets. Knows nothing of events beyond their batches.
"""

import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from pixelwire import telemetry
from pixelwire.errors import DiskFull
from pixelwire.event import Failure
from pixelwire.frames import (
    Ack,
    Batch,
    Condition,
    Deframer,
    FrameTooLong,
    Hello,
    Probe,
    Welcome,
    decode_to_recorder,
    encode,
)
from pixelwire.limits import COMMIT_EVENTS_MAX
from pixelwire.record.waiting import WaitingWriter
from pixelwire.record.writer import Writer

RECEIVE_BYTES = 1_048_576
BACKLOG = 128
TIDY_S = 5.0
BUSY_S = 0.005  # a worker whose next batch came this soon after its last answer has more to send
GATHER_S = 0.001  # how long a commit waits for such workers

log = telemetry.logger("record")


class Connection:
    """One worker. It has at most one batch under way, so answers always fit the socket's buffer."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.worker = 0  # known after its Hello
        self.acked_s = 0.0  # monotonic; when it was answered last
        self.is_busy = False
        self._deframer = Deframer()

    def receive(self) -> list[Hello | Batch | Probe]:
        """What has arrived whole. ConnectionError when the worker is gone or talks nonsense."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionResetError("the worker closed the connection")
        try:
            return [decode_to_recorder(body) for body in self._deframer.feed(data)]
        except (FrameTooLong, msgspec.MsgspecError) as error:
            raise ConnectionAbortedError(f"not a frame of ours: {error}") from error

    def send(self, answer: Welcome | Ack | Condition) -> None:
        """ConnectionError or BlockingIOError when the worker does not read."""
        data = encode(answer)
        if self.socket.send(data) != len(data):
            raise ConnectionAbortedError("the worker does not read its answers")


class RecorderServer:
    """Serves a unix socket until `stop` is called. `commit` errors other than a full disk end it."""

    def __init__(self, socket_path: Path, writer: Writer | WaitingWriter) -> None:
        self._writer = writer
        self._socket_path = socket_path
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[Connection, Batch]] = []
        self._stop_receiver, self._stop_sender = socket.socketpair()
        self._connections: set[Connection] = set()
        self._is_disk_full = False
        self._is_stopped = False
        self._tidy_at_s = 0.0
        socket_path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(socket_path))
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stop_receiver, selectors.EVENT_READ)
        self._note_disk(is_full=writer.is_waiting)

    def stop(self) -> None:
        """From any thread: `serve` returns after the commit under way."""
        self._stop_sender.send(b"x")

    def serve(self) -> None:
        """Returns when stopped. SyncFailed when the disk did not confirm a write: nothing is answered."""
        while not self._is_stopped:
            self._look(TIDY_S)
            if self._waiting:
                self._wait_for_busy()
            while self._waiting and not self._is_stopped:
                self._commit()
            self._tidy_when_due()
        self._close()

    def _look(self, timeout_s: float) -> None:
        """Takes in what has come, or comes within the time."""
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._stop_receiver:
                self._is_stopped = True
            elif key.fileobj is self._listener:
                self._accept()
            elif key.data.socket.fileno() >= 0:  # not dropped a moment ago
                self._guarded(key.data, self._receive)

    def _wait_for_busy(self) -> None:
        """One sync for the batches of all busy workers, not one each: theirs is a moment away. A batch of a
        worker that is not busy, the only one under low load, waits for nobody."""
        deadline_s = time.monotonic() + GATHER_S
        here = {connection for connection, _ in self._waiting}
        while not self._is_stopped:
            now_s = time.monotonic()
            if now_s >= deadline_s or not any(
                connection.is_busy and now_s < connection.acked_s + BUSY_S
                for connection in self._connections - here
            ):
                return
            self._look(deadline_s - now_s)
            here = {connection for connection, _ in self._waiting}

    def _tidy_when_due(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._tidy_at_s:
            self._tidy_at_s = now_s + TIDY_S
            was_waiting = self._writer.is_waiting
            self._writer.tidy()
            if was_waiting:
                self._note_disk(is_full=self._writer.is_waiting)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        sock.setblocking(False)
        connection = Connection(sock)
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _receive(self, connection: Connection) -> None:
        for message in connection.receive():
            if isinstance(message, Hello):
                self._drop_older(message.worker)
                connection.worker = message.worker
                connection.send(self._writer.last_batch(message.worker, message.last_number))
            elif isinstance(message, Probe):
                self._writer.examine(message.suspects)
                connection.send(Condition(self._is_disk_full, self._writer.housekeeping_failure))
            elif connection.worker:
                connection.is_busy = time.monotonic() < connection.acked_s + BUSY_S
                self._waiting.append((connection, message))
            else:
                raise ConnectionAbortedError("a batch before the greeting")

    def _commit(self) -> None:
        """One transaction over the batches that wait, up to COMMIT_EVENTS_MAX events."""
        taken: list[tuple[Connection, Batch]] = []
        events = 0
        while self._waiting and events + len(self._waiting[0][1].events) <= COMMIT_EVENTS_MAX:
            connection, batch = self._waiting.pop(0)
            taken.append((connection, batch))
            events += len(batch.events)
        try:
            acks = self._writer.commit([(connection.worker, batch) for connection, batch in taken])
            self._note_disk(is_full=False)
        except DiskFull:
            self._note_disk(is_full=True)
            acks = [Ack(batch.number, Failure.DISK_FULL, []) for _, batch in taken]
        now_s = time.monotonic()
        for (connection, _), ack in zip(taken, acks, strict=True):
            connection.acked_s = now_s
            self._guarded(connection, partial(Connection.send, answer=ack))

    def _guarded(self, connection: Connection, step: Callable[[Connection], None]) -> None:
        """A worker that is gone costs its connection only; it asks again when it is back."""
        try:
            step(connection)
        except OSError as error:
            self._drop(connection)
            log.debug("worker_disconnected", reason=str(error))

    def _drop_older(self, worker: int) -> None:
        """A worker that greets again has given up its former connection: a batch still in there must not
        be committed after the answer to the greeting said that it is absent."""
        for connection in [one for one in self._connections if one.worker == worker]:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._waiting = [(other, batch) for other, batch in self._waiting if other is not connection]
        self._writer.forget_worker(connection.worker)

    def _note_disk(self, *, is_full: bool) -> None:
        if is_full and not self._is_disk_full:
            log.error("disk_full", remedy="free room on the disk of the data directory")
        if not is_full and self._is_disk_full:
            log.warning("disk_has_room_again")
        self._is_disk_full = is_full

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._stop_sender.close()
        self._socket_path.unlink(missing_ok=True)
