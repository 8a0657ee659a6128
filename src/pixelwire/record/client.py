"""The door for those who append: a worker's connection to the recorder. Connects again by itself for as
long as it is open; knows nothing of batches beyond sending them.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from pixelwire.frames import (
    Ack,
    Batch,
    Deframer,
    FrameTooLong,
    Hello,
    Welcome,
    decode_to_worker,
    encode,
)

RECONNECT_S = 0.05


class RecorderClient(asyncio.Protocol):
    """`greet` gives the Hello of each new connection; `on_welcome`, `on_ack`, `on_lost` are told."""

    def __init__(
        self,
        socket_path: str,
        *,
        greet: Callable[[], Hello],
        on_welcome: Callable[[Welcome], None],
        on_ack: Callable[[Ack], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._socket_path = socket_path
        self._greet = greet
        self._on_welcome = on_welcome
        self._on_ack = on_ack
        self._on_lost = on_lost
        self._transport: asyncio.WriteTransport | None = None
        self._deframer = Deframer()
        self._connecting: asyncio.Task[None] | None = None
        self._is_closed = False
        self.is_welcome = False  # connected, and told what became of the last batch

    def open(self) -> None:
        """Begins to connect, and goes on trying until it works or `close` is called."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def close(self) -> None:
        self._is_closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.close()

    def send(self, batch: Batch) -> None:
        """Only while `is_welcome`, one at a time."""
        assert self._transport is not None
        self._transport.write(encode(batch))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.create_unix_connection(lambda: self, self._socket_path)
                return
            except OSError:
                await asyncio.sleep(RECONNECT_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is one by its methods only
        self._deframer = Deframer()
        self._transport.write(encode(self._greet()))

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._deframer.feed(data):
                message = decode_to_worker(body)
                if isinstance(message, Ack):
                    self._on_ack(message)
                elif isinstance(message, Welcome):
                    self.is_welcome = True
                    self._on_welcome(message)
        except (FrameTooLong, msgspec.MsgspecError):
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.is_welcome = False
        self._on_lost()
        if not self._is_closed:
            self.open()
