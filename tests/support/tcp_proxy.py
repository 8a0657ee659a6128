"""A TCP proxy on the loopback that stands between a test and a real server, and can go away or fall silent.

    with TcpProxy(server.port) as proxy:
        client.connect(port=proxy.port)
        proxy.silence()     # nothing passes, either way; new connections are taken and get no answer
        proxy.resume()      # what was held back passes, and the rest
        proxy.cut()         # every connection breaks; new ones are taken
        proxy.lead_to(port) # the same, and new ones are passed on to another server
        proxy.strike(3, process.kill)  # when the third piece from now on comes, before it is passed on
        proxy.stop()        # nobody listens any more
        proxy.start()       # on the same port again

It has a thread and an event loop of its own: its methods may be called from any thread, and return when
it is so.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"
PATIENCE_S: Final = 10.0
PIECE_BYTES: Final = 65_536


class Strike:
    """What happens in the middle of the traffic, once."""

    def __init__(self, pieces: int, blow: Callable[[], object]) -> None:
        self.is_dealt = threading.Event()
        self._left = pieces
        self._blow = blow

    def count(self) -> bool:
        """A piece has come. True when that was the last one that was waited for."""
        self._left -= 1
        if self._left > 0:
            return False
        self._blow()
        self.is_dealt.set()
        return True


class TcpProxy:
    def __init__(self, target_port: int, *, target_host: str = HOST) -> None:
        self.port = 0  # its own, from the system at the first start
        self.connections_total = 0
        self.bytes_total = 0  # passed on, both ways
        self.held_bytes_total = 0  # read while it was silent
        self._target = (target_host, target_port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self._strike: Strike | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._loop.close()

    def start(self) -> None:
        """Listens; does nothing while it does already."""
        self._run(self._start)

    def stop(self) -> None:
        """Nobody listens, and every connection is broken."""
        self._run(self._stop)

    def cut(self) -> None:
        """Breaks every connection there is."""
        self._run(self._cut)

    def silence(self) -> None:
        """Nothing passes from now on; connections stay, and new ones are taken."""
        self._run(self._hold)

    def resume(self) -> None:
        """Everything passes again."""
        self._run(self._pass_on)

    def lead_to(self, port: int) -> None:
        """Every connection breaks, and new ones are passed on to this port of the loopback."""
        self._target = (HOST, port)
        self.cut()

    def strike(self, pieces: int, blow: Callable[[], object]) -> threading.Event:
        """Deals a blow, on the proxy's own thread, when so many more pieces have come from either side, and
        before the last one is passed on. What is returned is set when that has happened.
        """
        strike = self._strike = Strike(pieces, blow)
        return strike.is_dealt

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What is said to a client before anything is passed on. Overridden where there is such a thing."""

    def _run(self, method: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(method(), self._loop).result(PATIENCE_S)

    async def _start(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _hold(self) -> None:
        self._may_pass.clear()

    async def _pass_on(self) -> None:
        self._may_pass.set()

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections_total += 1
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        self._writers.add(writer)
        try:
            await self._may_pass.wait()
            await self.greet(reader, writer)
            theirs, ours = await asyncio.open_connection(*self._target)
            self._writers.add(ours)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, ours))
                    pumps.create_task(self._pump(theirs, writer))
            finally:
                self._writers.discard(ours)
                ours.transport.abort()
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # either side went away, or it was told to break the connection
        finally:
            self._writers.discard(writer)
            self._pumps.discard(task)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_BYTES):
            if self._strike is not None and self._strike.count():
                self._strike = None
            if not self._may_pass.is_set():
                self.held_bytes_total += len(piece)
                await self._may_pass.wait()
            writer.write(piece)
            self.bytes_total += len(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
