"""The way out that leads to no private address."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from pixelwire.destinations.object_store.relay import HEAD_BYTES_MAX, Relay

Use = Callable[[Relay, str, int], Awaitable[None]]


def unguarded(info: tuple[Any, ...]) -> socket.socket:
    """For the loopback, which the real one refuses."""
    return socket.socket(*info[:3])


def with_relay(use: Use, relay: Relay) -> None:
    """Runs `use` with the relay's address and the port of a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        try:
            await use(relay, await relay.start(), server.sockets[0].getsockname()[1])
        finally:
            await relay.close()
            server.close()

    asyncio.run(run())


@asynccontextmanager
async def asked(
    url: str, request: str, *, password: str | None = None
) -> AsyncIterator[tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]]:
    """The head of the relay's answer to a first line, and the connection, open within the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    token = base64.b64encode(f"{parts.username}:{password or parts.password}".encode()).decode()
    try:
        writer.write(f"{request} HTTP/1.1\r\nProxy-Authorization: Basic {token}\r\n\r\n".encode())
        yield await reader.readuntil(b"\r\n\r\n"), reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def answer_to(url: str, request: str, *, password: str | None = None) -> bytes:
    async with asked(url, request, password=password) as (head, _, _):
        return head


def test_bytes_pass_both_ways() -> None:
    """To an address that may be reached, as many as there are."""

    async def use(_: Relay, url: str, port: int) -> None:
        async with asked(url, f"CONNECT localhost:{port}") as (head, reader, writer):
            assert head.startswith(b"HTTP/1.1 200")
            sent = bytes(range(256)) * 4_096
            writer.write(sent)
            assert await reader.readexactly(len(sent)) == sent

    with_relay(use, Relay(unguarded))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "2130706433", "169.254.169.254"]
)
def test_private_addresses_are_refused(host: str) -> None:
    """However they are written, and the reason is told once; no connection is tried."""

    async def use(relay: Relay, url: str, port: int) -> None:
        head = await answer_to(url, f"CONNECT {host}:{port}")
        assert head.startswith(b"HTTP/1.1 403")
        assert "is a private address" in relay.refused()
        assert relay.refused() == ""

    with_relay(use, Relay())


@pytest.mark.parametrize("request_line", ["GET http://localhost/", "CONNECT localhost", "CONNECT", "\x00"])
def test_only_a_connect_is_taken(request_line: str) -> None:
    """Anything else is refused and reaches nobody."""

    async def use(relay: Relay, url: str, _: int) -> None:
        head = await answer_to(url, request_line)
        assert head.startswith(b"HTTP/1.1 403")
        assert relay.refused() == ""

    with_relay(use, Relay(unguarded))


def test_others_on_the_machine_can_not_use_it() -> None:
    """Who does not know the password is refused."""

    async def use(_: Relay, url: str, port: int) -> None:
        head = await answer_to(url, f"CONNECT localhost:{port}", password="guess")
        assert head.startswith(b"HTTP/1.1 403")

    with_relay(use, Relay(unguarded))


def test_a_head_has_an_end() -> None:
    """A longer one is refused, and not kept in memory."""

    async def use(_: Relay, url: str, port: int) -> None:
        head = await answer_to(url, f"CONNECT localhost:{port} {'x' * 2 * HEAD_BYTES_MAX}")
        assert head.startswith(b"HTTP/1.1 403")

    with_relay(use, Relay(unguarded))


def test_who_is_not_there_is_told() -> None:
    """As a gateway would."""

    async def use(_: Relay, url: str, port: int) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            head = await answer_to(url, f"CONNECT localhost:{unheard.getsockname()[1]}")
        assert head.startswith(b"HTTP/1.1 502")

    with_relay(use, Relay(unguarded))


def test_closing_ends_what_is_open() -> None:
    """A connection under way does not outlive its destination."""

    async def use(relay: Relay, url: str, port: int) -> None:
        async with asked(url, f"CONNECT localhost:{port}") as (_, reader, _):
            await relay.close()
            assert await reader.read() == b""

    with_relay(use, Relay(unguarded))
