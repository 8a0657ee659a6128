"""What the broker of the tests can not do itself, before it on the loopback: TLS, and a login by SASL PLAIN.

    with KafkaFront(broker_port, tls=context, login=("user", "password")) as front, Tansu(advertised=...):

Until a client has logged in only its greeting passes; then everything does. Requests and answers begin with
their length, then kind, version and number (KIP-43 and KIP-152 have the two that are answered here).
"""

import asyncio
import ssl
import struct
import threading
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"
PATIENCE_S: Final = 10.0
PIECE_BYTES: Final = 65_536
HANDSHAKE, GREETING, AUTHENTICATE = 17, 18, 36
REFUSED_MECHANISM, REFUSED_LOGIN = 33, 58


class KafkaFront:
    def __init__(
        self, target_port: int, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
    ) -> None:
        self.port = 0
        self._target_port = target_port
        self._tls = tls
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._take, HOST, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        broker_answers, broker = await asyncio.open_connection(HOST, self._target_port)
        try:
            if self._login is not None:
                await self._log_in(client, answers, broker_answers, broker)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(client, broker))
                pumps.create_task(_pump(broker_answers, answers))
        except (OSError, EOFError, asyncio.CancelledError, ExceptionGroup):
            pass  # either side went away, or a stranger was sent away
        finally:
            self._tasks.discard(task)
            broker.transport.abort()
            answers.transport.abort()

    async def _log_in(
        self,
        client: asyncio.StreamReader,
        answers: asyncio.StreamWriter,
        broker_answers: asyncio.StreamReader,
        broker: asyncio.StreamWriter,
    ) -> None:
        """Returns when the client is known. EOFError when it wants anything else first, or is not."""
        while True:
            request = await _message(client)
            kind, version, number = struct.unpack_from(">hhi", request)
            if kind == GREETING:
                _write(broker, request)
                _write(answers, await _message(broker_answers))
                continue
            body = _after_client_id(request)
            if kind == HANDSHAKE:
                mechanism = body[2:].decode()
                error = 0 if mechanism == "PLAIN" else REFUSED_MECHANISM
                _write(answers, struct.pack(">ihih5s", number, error, 1, 5, b"PLAIN"))
            elif kind == AUTHENTICATE:
                _, user, password = body[4:].decode().split("\0")
                error = 0 if (user, password) == self._login else REFUSED_LOGIN
                lifetime = struct.pack(">q", 0) if version else b""
                _write(answers, struct.pack(">ihhi", number, error, -1, 0) + lifetime)
                if not error:
                    return
            else:
                raise EOFError("a stranger")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    raise EOFError("one side is gone")


async def _message(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(length)


def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(struct.pack(">i", len(message)) + message)


def _after_client_id(request: bytes) -> bytes:
    (length,) = struct.unpack_from(">h", request, 8)
    return request[10 + max(length, 0) :]
