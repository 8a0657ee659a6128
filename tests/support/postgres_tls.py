"""TLS before a PostgreSQL that was built without it: the handshake is done here, the rest is passed on."""

import asyncio
import struct
from typing import Final

from support.tcp_proxy import TcpProxy
from support.tls import server_context

SSL_REQUEST: Final = struct.pack(
    "!ii", 8, 80_877_103
)  # the protocol's first message of a client that wants TLS


class PostgresTls(TcpProxy):
    """Its certificate is for localhost, and nobody vouches for it. Without TLS nobody gets in."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            raise ConnectionRefusedError
        writer.write(b"S")
        await writer.start_tls(server_context())
