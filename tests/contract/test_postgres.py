"""PostgreSQL under the destinations' contract, against a real server behind a proxy that fails on command."""

import asyncio
import re
from pathlib import Path
from typing import Any

from pixelwire.destinations import registry
from pixelwire.testing import check_destination as contract
from pixelwire.testing.check_destination import Behaviour, Trial, check_destination
from support.postgres import HOST, PostgresServer
from support.tcp_proxy import TcpProxy
from support.warehouse import Warehouse

PAGE = Path(__file__).parents[2] / "docs" / "destinations" / "postgres.md"
ROLE, PASSWORD = "pixelwire", "the-password-of-the-role"


class Database:
    """A database with a role of its own, as an owner would make them; both can be told how to behave."""

    def __init__(self, server: PostgresServer, proxy: TcpProxy) -> None:
        self.name = server.new_database()
        self._proxy = proxy
        self._admin = server.connect(self.name)
        self._blocker = server.connect(self.name)
        self._admin.execute(f"drop role if exists {ROLE}")
        self._admin.execute(f"create role {ROLE} login password '{PASSWORD}'")
        self._admin.execute(f"grant create on database {self.name} to {ROLE}")

    def close(self) -> None:
        self._blocker.close()
        self._admin.execute(f"drop owned by {ROLE} cascade")
        self._admin.execute(f"drop role {ROLE}")
        self._admin.close()

    async def behave(self, behaviour: Behaviour) -> None:
        self._undo()
        if behaviour is Behaviour.IS_GONE:
            self._proxy.stop()
        elif behaviour is Behaviour.IS_SILENT:
            self._proxy.silence()
        elif behaviour is Behaviour.LOCKS_OUT:
            self._admin.execute(f"alter role {ROLE} password 'another one'")
            self._end_sessions()
        elif behaviour is Behaviour.IS_BUSY:
            self._blocker.execute("begin")
            self._blocker.execute("lock table pixelwire.tracks")
        elif behaviour is Behaviour.REFUSES:
            # As its owner might, and as no event should have to meet.
            self._admin.execute("alter table pixelwire.tracks add constraint never check (false) not valid")

    async def received(self) -> list[str]:
        if not self._admin.execute("select to_regclass('pixelwire.tracks')").fetchone()[0]:  # type: ignore[index] # one row
            return []
        rows = self._admin.execute("select id from pixelwire.tracks order by uuid_ts").fetchall()
        return [row[0] for row in rows]

    def _undo(self) -> None:
        self._proxy.start()
        self._proxy.resume()
        self._blocker.execute("rollback")
        self._admin.execute(f"alter role {ROLE} password '{PASSWORD}'")
        self._admin.execute("alter table if exists pixelwire.tracks drop constraint if exists never")

    def _end_sessions(self) -> None:
        self._admin.execute(
            f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '{ROLE}'"
        )


def options(database: Database, proxy: TcpProxy) -> dict[str, Any]:
    return {
        "host": HOST,
        "port": proxy.port,
        "database": database.name,
        "user": ROLE,
        "password": PASSWORD,
        "sslmode": "disable",
        "connect_timeout_s": 1.0,
        "timeout_s": 1.0,
    }


def test_postgres_keeps_the_contract(postgres: PostgresServer) -> None:
    """Every rule of the contract: gone, silent, busy, locked out, refusing."""
    with TcpProxy(postgres.port) as proxy:
        database = Database(postgres, proxy)
        try:
            trial = Trial(registry.spec("postgres"), options(database, proxy), database)
            passed = asyncio.run(check_destination(trial))
        finally:
            database.close()
    assert passed == [check.__name__ for check in contract.CHECKS]


def test_the_statements_on_the_page_work(postgres: PostgresServer) -> None:
    """As they stand there: what an administrator runs first, and what an analyst asks."""
    [before, sales, discarded] = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    database = postgres.new_database()
    with postgres.connect(database) as admin:
        admin.execute("create role analyst")
        try:
            admin.execute(before)
            with Warehouse(postgres, database=database, user="pixelwire", password="...") as warehouse:
                context = {"page": {"referrer": "https://search.example/"}}
                payload = {"event": "Order Completed", "context": context}
                for properties in ({"revenue": "9.50"}, {"revenue": "0.50", "odd": "\0"}):
                    warehouse.store(warehouse.item("track", {**payload, "properties": properties}))
                admin.execute("update pixelwire.order_completed set received_at = now()")
                admin.execute("set role analyst")
                [(_, referrer, orders, total)] = admin.execute(sales).fetchall()
                assert (referrer, orders, float(total)) == ("https://search.example/", 2, 10.0)
                [(table, column, _, count, _)] = admin.execute(discarded).fetchall()
                assert (table, column, count) == ("order_completed", "odd", 1)
        finally:
            admin.execute("reset role")
            for role in ("pixelwire", "analyst"):
                admin.execute(f"drop owned by {role} cascade")
                admin.execute(f"drop role {role}")
