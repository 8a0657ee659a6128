"""The targets of an ordeal that take events in batches: object stores and PostgreSQL."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from support.ordeal import Blow, Copy
from support.ordeal_targets import BUSY, STRUCK_S, Proxied, copy_of
from support.postgres import HOST, PostgresServer
from support.receiver import Receiver, ReceiverThread
from support.seaweed import BUCKET, WRITER, SeaweedServer, lines
from support.tcp_proxy import TcpProxy
from support.waiting import wait_until

AWAY: Final = "away"
FULL: Final = "full"
ROLE, PASSWORD = "pixelwire", "the-password-of-the-role"


class S3(Proxied):
    kind = "object_store"
    troubles = (*Proxied.troubles, BUSY)
    pieces_max = 4  # two a file

    def __init__(
        self,
        server: SeaweedServer,
        proxy: TcpProxy,
        busy: Receiver,
        prefix: str,
        batch: int,
        chance: random.Random,
    ) -> None:
        super().__init__(proxy, chance)
        self._server = server
        self._prefix = prefix
        self._batch = batch
        self._busy = busy
        self.options = {
            "url": f"s3://{BUCKET}/{prefix}",
            "endpoint": f"http://{HOST}:{proxy.port}",
            "credentials": server.credentials(WRITER),
            "file_events_max": batch,
            "file_age_s": 1,
            "timeout_s": 1.0,
            "allow_private_addresses": True,
        }

    def trouble(self, name: str) -> bool:
        if name == BUSY:
            self.proxy.lead_to(self._busy.port)
            return True
        return super().trouble(name)

    def heal(self) -> None:
        self.proxy.lead_to(self._server.port)
        super().heal()

    def copies(self) -> list[Copy]:
        return _of_files(self._server.files(self._prefix).values())

    def repeats_max(self, kills: int, troubles: int) -> int:
        """A file that nobody heard of is found again, unless the courier dies once more meanwhile."""
        return kills * self._batch


class Folder:
    """A folder of this machine, which can only be away."""

    kind = "object_store"
    troubles: tuple[str, ...] = (AWAY,)
    refused: frozenset[int] = frozenset()
    repeats_come_at_once = False

    def __init__(self, folder: Path, batch: int) -> None:
        self._folder = folder
        self._batch = batch
        self.options = {"url": folder.as_uri(), "file_events_max": batch, "file_age_s": 1}

    def strike(self, blow: Blow) -> Callable[[], None]:
        before = len(self._files())

        def wait() -> None:
            wait_until(lambda: len(self._files()) > before, STRUCK_S, "a further file")
            blow()

        return wait

    def trouble(self, name: str) -> bool:
        self._folder.rename(self._folder.with_name("away"))
        return True

    def heal(self) -> None:
        self._folder.with_name("away").rename(self._folder)

    def relent(self) -> None:
        raise NotImplementedError

    def copies(self) -> list[Copy]:
        return _of_files(path.read_bytes() for path in self._files())

    def repeats_max(self, kills: int, troubles: int) -> int:
        """As S3's."""
        return kills * self._batch

    def _files(self) -> list[Path]:
        """Those that are there under their names, which sort as their first events do."""
        return sorted(path for path in self._folder.rglob("*.json.gz") if not path.name.startswith("."))


class Postgres(Proxied):
    kind = "postgres"
    troubles = (*Proxied.troubles, BUSY, FULL)

    def __init__(self, server: PostgresServer, proxy: TcpProxy, batch: int, chance: random.Random) -> None:
        super().__init__(proxy, chance)
        database = server.new_database()
        self._admin = server.connect(database)
        self._blocker = server.connect(database)
        self._admin.execute(f"create role {ROLE} login password '{PASSWORD}'")
        self._admin.execute(f"grant create on database {database} to {ROLE}")
        self.options = {
            "host": HOST,
            "port": proxy.port,
            "database": database,
            "user": ROLE,
            "password": PASSWORD,
            "sslmode": "disable",
            "connect_timeout_s": 1.0,
            "timeout_s": 1.0,
            "batch_events_max": batch,
            "linger_s": 0.1,
            "allow_private_addresses": True,
        }

    def close(self) -> None:
        self._blocker.close()
        self._admin.execute(f"drop owned by {ROLE} cascade")
        self._admin.execute(f"drop role {ROLE}")
        self._admin.close()

    def trouble(self, name: str) -> bool:
        if name == BUSY:
            wait_until(self._has_tables, STRUCK_S, "the first rows")
            self._blocker.execute("begin")
            self._blocker.execute("lock table pixelwire.tracks")
        elif name == FULL:
            self._admin.execute(f"alter role {ROLE} connection limit 0")
            self.proxy.cut()
        else:
            return super().trouble(name)
        return True

    def heal(self) -> None:
        self._blocker.execute("rollback")
        self._admin.execute(f"alter role {ROLE} connection limit -1")
        super().heal()

    def copies(self) -> list[Copy]:
        """The rows of pages and of events; every row of `tracks` has one of its event's."""
        tracks = self._ids("tracks")
        assert sorted(tracks) == sorted(self._ids("order_completed"))
        assert self._admin.execute("select count(*) from pixelwire.rudder_discards").fetchall() == [(0,)]
        return [
            Copy(place, visitor, stream=f"{place}")
            for table in ("pages", "order_completed")
            for place, visitor in self._admin.execute(
                f"select place, anonymous_id from pixelwire.{table}"
            ).fetchall()
        ]

    def repeats_max(self, kills: int, troubles: int) -> int:
        """A row that is there is not written again."""
        return 0

    def _has_tables(self) -> bool:
        return self._admin.execute("select to_regclass('pixelwire.tracks')").fetchall() != [(None,)]

    def _ids(self, table: str) -> list[str]:
        return [row[0] for row in self._admin.execute(f"select id from pixelwire.{table}").fetchall()]


@contextmanager
def s3(server: SeaweedServer, prefix: str, batch: int, chance: random.Random) -> Iterator[S3]:
    with ReceiverThread(_slow_down) as busy, TcpProxy(server.port) as proxy:
        yield S3(server, proxy, busy, prefix, batch, chance)


@contextmanager
def folder(directory: Path, batch: int) -> Iterator[Folder]:
    directory.mkdir()
    yield Folder(directory, batch)


@contextmanager
def postgres(server: PostgresServer, batch: int, chance: random.Random) -> Iterator[Postgres]:
    with TcpProxy(server.port) as proxy:
        target = Postgres(server, proxy, batch, chance)
        try:
            yield target
        finally:
            target.close()


def _slow_down(_: web.Request, __: bytes) -> web.Response:
    """As S3 says it."""
    text = "<Error><Code>SlowDown</Code><Message>It is a test.</Message></Error>"
    return web.Response(status=503, text=text)


def _of_files(contents: Iterable[bytes]) -> list[Copy]:
    """Of files in the order of their names: in each the events are in theirs."""
    copies = []
    for content in contents:
        inside = [copy_of(line) for line in lines(content)]
        places = [copy.place for copy in inside]
        assert places == sorted(places)
        copies += inside
    return copies
