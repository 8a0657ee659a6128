"""One connection to the server, made anew when the old one is gone. Knows addresses, TLS, time-outs; no SQL.

The name is resolved here, its addresses are checked, and the connection is made to the address that was
checked. Of the operator's own libpq files (passwords, certificates) nothing is used.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pixelwire.clock import Clock
from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.guard import is_private
from pixelwire.destinations.postgres.errors import translate
from pixelwire.destinations.postgres.options import PostgresOptions

if TYPE_CHECKING:
    from psycopg import AsyncConnection

T = TypeVar("T")

IDLE_S_MAX: Final = 30.0  # then it is replaced: what lies between us may have forgotten it
ADDRESSES_MAX: Final = 3
# Where systems keep the authorities they trust; Python's own way to ask finds no file on Debian.
AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
NO_FILE: Final = "/dev/null/none"  # in place of files in the home directory of whoever runs the server


class Link:
    """Opens on demand. For one user at a time."""

    def __init__(self, options: PostgresOptions, clock: Clock, *, is_guarded: bool) -> None:
        self._options = options
        self._clock = clock
        self._is_guarded = is_guarded
        self._connection: AsyncConnection[Any] | None = None
        self._used_s = 0.0

    async def ready(self) -> "AsyncConnection[Any]":
        """A connection, which commits each statement. Unreachable, or Misconfigured."""
        if self._connection is not None and not self._is_good(self._connection):
            await self.drop()
        if self._connection is None:
            self._connection = await self._connect()
        self._used_s = self._clock.monotonic_s()
        return self._connection

    async def drop(self) -> None:
        """The next one is new."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def bounded(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives, within `timeout_s`; else Unreachable. It may be cancelled.

        A server that has gone silent answers no cancellation either, so the socket is shut: the work then
        ends at once, with an error.
        """
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(self._options.timeout_s):
                return await asyncio.shield(task)
        except TimeoutError as exc:
            raise Unreachable(f"no end within {self._options.timeout_s:g} s (`timeout_s`)") from exc
        finally:
            if not task.done():
                self._cut(task)
                await asyncio.wait([task])
                task.cancelled() or task.exception()  # what came of it no longer matters
                await self.drop()

    def _cut(self, task: "asyncio.Future[T]") -> None:
        if self._connection is None or self._connection.closed:
            task.cancel()
            return
        with socket.socket(fileno=socket.dup(self._connection.fileno())) as copy:
            try:
                copy.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side has done it

    def _is_good(self, connection: "AsyncConnection[Any]") -> bool:
        """Whether it was used a moment ago and nothing came since: only an end comes unasked."""
        if connection.closed or self._clock.monotonic_s() - self._used_s > IDLE_S_MAX:
            return False
        poll = select.poll()  # not select(), which knows no high descriptors
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def _connect(self) -> "AsyncConnection[Any]":
        addresses = await self._addresses()
        failure: Unreachable | None = None
        for address in addresses:
            try:
                return await self._connect_to(address, self._options.connect_timeout_s / len(addresses))
            except Unreachable as exc:
                failure = exc
        assert failure is not None
        raise failure

    async def _connect_to(self, address: str, timeout_s: float) -> "AsyncConnection[Any]":
        import psycopg

        try:
            async with asyncio.timeout(timeout_s):
                connection = await psycopg.AsyncConnection.connect(
                    hostaddr=address, autocommit=True, prepare_threshold=None, **self._parameters()
                )
        except TimeoutError as exc:
            raise Unreachable(f"no connection to {address} within {timeout_s:g} s") from exc
        except psycopg.Error as exc:
            raise translate(exc) from exc
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            await connection.close()
            hint = "create a database with ENCODING 'UTF8', then resume the destination"
            raise Misconfigured(
                f"the database's encoding is {encoding}, which can not hold every text", hint=hint
            )
        return connection

    def _parameters(self) -> dict[str, Any]:
        options = self._options
        is_verified = options.sslmode.startswith("verify")
        return {
            "host": options.host,  # what a certificate must be made out to
            "port": options.port,
            "dbname": options.database,
            "user": options.user,
            "password": options.password.reveal() if options.password else "",
            "passfile": NO_FILE,
            "sslmode": options.sslmode,
            "sslrootcert": options.ca_file or (_authorities() if is_verified else NO_FILE),
            "sslcertmode": "disable",
            "gssencmode": "disable",
            "client_encoding": "utf8",
            "application_name": "pixelwire",
        }

    async def _addresses(self) -> list[str]:
        """Where the name leads, without what is not allowed."""
        host, port = self._options.host, self._options.port
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as exc:
            raise Unreachable(f"no address of {host} in time") from exc
        except (OSError, UnicodeError) as exc:
            raise Unreachable(f"no address of {host}: {exc}") from exc
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [address for address in addresses if not (self._is_guarded and is_private(address))]
        if not allowed:
            hint = "set allow_private_addresses = true if it is meant, then resume the destination"
            raise Misconfigured(f"{host} is a private address", hint=hint)
        return allowed[:ADDRESSES_MAX]


def _authorities() -> str:
    """The file of those that this system trusts."""
    files = (ssl.get_default_verify_paths().cafile, *AUTHORITIES)
    return next((file for file in files if file and Path(file).is_file()), "system")


def check_ca_file(path: str) -> None:
    """Misconfigured unless libpq can read authorities from it."""
    try:
        ssl.create_default_context().load_verify_locations(Path(path))
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"ca_file {path} can not be used: {exc}", hint="give a PEM file") from exc
