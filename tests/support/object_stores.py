"""The other sides of an object store destination, as the destinations' contract asks for them."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pixelwire.testing.check_destination import Behaviour
from support.seaweed import HOST, SeaweedServer, lines
from support.tcp_proxy import TcpProxy

# What S3 says when it is asked for too much, and to those whom it does not know.
ANSWERS: Final = {
    Behaviour.IS_BUSY: ("503 Service Unavailable", "SlowDown"),
    Behaviour.LOCKS_OUT: ("403 Forbidden", "InvalidAccessKeyId"),
}


class SeaweedTarget:
    """A prefix in SeaweedFS, behind a proxy; what it does not do on command is answered in its place."""

    def __init__(self, server: SeaweedServer, proxy: TcpProxy, prefix: str) -> None:
        self._server = server
        self._proxy = proxy
        self._prefix = prefix
        self._stand_in: StandIn | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self._proxy.port}"

    async def behave(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.REFUSES:
            raise NotImplementedError  # a store does not look into files
        if self._stand_in is not None:
            await self._stand_in.stop()
            self._stand_in = None
        self._proxy.resume()
        if behaviour in ANSWERS:
            self._proxy.stop()
            self._stand_in = await StandIn(*ANSWERS[behaviour]).start(self._proxy.port)
        elif behaviour is Behaviour.IS_GONE:
            self._proxy.stop()
        else:
            self._proxy.start()
            self._proxy.cut()
            if behaviour is Behaviour.IS_SILENT:
                self._proxy.silence()

    async def received(self) -> Sequence[str]:
        files = await asyncio.to_thread(self._server.files, self._prefix)
        return [line["messageId"] for content in files.values() for line in lines(content)]


class FolderTarget:
    """A folder of this machine. It knows no credentials, and no events that it would refuse."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._away = folder.with_name("away")

    async def behave(self, behaviour: Behaviour) -> None:
        if behaviour not in (Behaviour.TAKES, Behaviour.IS_GONE):
            raise NotImplementedError
        if behaviour is Behaviour.IS_GONE and self._folder.exists():
            self._folder.rename(self._away)
        elif behaviour is Behaviour.TAKES and self._away.exists():
            self._away.rename(self._folder)

    async def received(self) -> Sequence[str]:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return [line["messageId"] for path in files for line in lines(path.read_bytes())]


class StandIn:
    """Answers requests with a status, as S3 writes it, after it has read each whole."""

    def __init__(self, status: str, code: str = "", *, first: Sequence[str] = ()) -> None:
        """`first`: what the first requests are answered, before the status."""
        self._first = list(first)
        self._status = status
        self._body = f"<Error><Code>{code}</Code><Message>It is a test.</Message></Error>" if code else ""
        self._server: asyncio.Server | None = None
        self.port = 0
        self.heads: list[str] = []  # of the requests, as they came

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> "StandIn":
        self._server = await asyncio.start_server(self._take, HOST, port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers.get("content-length", "0")))
            status = self._first.pop(0) if self._first else self._status
            length = f"Content-Length: {len(self._body)}\r\nConnection: close"
            writer.write(f"HTTP/1.1 {status}\r\n{length}\r\n\r\n{self._body}".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # who asked went away
        finally:
            writer.close()
