"""The way out to an endpoint that an owner chose: a proxy on the loopback that leads to no private address.

The library makes its connections itself, follows redirects, and looks names up whenever it likes. Through
here each connection is checked on the address it really goes to. Knows no object store; sees only TLS.
"""

import asyncio
import base64
import contextlib
import secrets
import socket
from collections.abc import Callable
from typing import Any, Final

from pixelwire.destinations.guard import PrivateAddress, guarded_socket

HEAD_BYTES_MAX: Final = 8_192
HEAD_S: Final = 5.0
CONNECT_S: Final = 5.0  # for one address
CHUNK_BYTES: Final = 65_536

_NAME: Final = "pixelwire"
_TAKEN: Final = b"HTTP/1.1 200 OK\r\n\r\n"
_REFUSED: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
_NOT_REACHED: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"

SocketFactory = Callable[[tuple[Any, ...]], socket.socket]


class Relay:
    def __init__(self, socket_factory: SocketFactory = guarded_socket) -> None:
        self._socket_factory = socket_factory
        # Other users of this machine could connect here too.
        self._password = secrets.token_urlsafe(16)
        self._server: asyncio.Server | None = None
        self._refused = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """The address of the proxy, with its password."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, limit=HEAD_BYTES_MAX)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{_NAME}:{self._password}@127.0.0.1:{port}"

    def refused(self) -> str:
        """Why the last connection was refused, told once; "" when none was since."""
        reason, self._refused = self._refused, ""
        return reason

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_S):
                host, port = self._asked(await reader.readuntil(b"\r\n\r\n"))
            there = await self._connect(host, port)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, PermissionError):
            writer.write(_REFUSED)
        except OSError:  # a TimeoutError is one
            writer.write(_NOT_REACHED)
        else:
            writer.write(_TAKEN)
            await _join((reader, writer), there)
        finally:
            writer.close()

    def _asked(self, head: bytes) -> tuple[str, int]:
        """Host and port of a CONNECT with our password. ValueError for anything else."""
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        expected = base64.b64encode(f"{_NAME}:{self._password}".encode()).decode()
        if not secrets.compare_digest(
            headers.get("proxy-authorization", "").encode(), f"Basic {expected}".encode()
        ):
            raise ValueError("no password")
        method, address, _ = first.split(" ")
        host, _, port = address.rpartition(":")
        if method != "CONNECT" or not host:
            raise ValueError("no CONNECT")
        return host.strip("[]"), int(port)

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the first address that takes it. OSError; PermissionError when one is private."""
        event_loop = asyncio.get_running_loop()
        problem: OSError = ConnectionError(f"{host} has no address")
        for info in await event_loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                connection = self._socket_factory(info)
            except PrivateAddress as exc:
                self._refused = f"{host} {exc.strerror}"
                raise
            try:
                connection.setblocking(False)
                async with asyncio.timeout(CONNECT_S):
                    await event_loop.sock_connect(connection, info[4])
                return await asyncio.open_connection(sock=connection)
            except OSError as exc:
                connection.close()
                problem = exc
            except BaseException:
                connection.close()
                raise
        raise problem


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(here: Ends, there: Ends) -> None:
    """Carries bytes both ways until one side has ended."""
    ways = [
        asyncio.ensure_future(_carry(here[0], there[1])),
        asyncio.ensure_future(_carry(there[0], here[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        there[1].close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the other side is gone: so is this connection
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
