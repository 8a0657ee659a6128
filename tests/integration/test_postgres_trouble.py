"""PostgreSQL as a destination when something is wrong: each trouble has its clear error, none loses a row."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.destinations import registry
from pixelwire.destinations.base import Batch, Misconfigured, Surroundings, Unreachable
from pixelwire.destinations.postgres.connection import IDLE_S_MAX
from pixelwire.testing.manual_clock import ManualClock
from support.postgres import PostgresServer
from support.postgres_tls import PostgresTls
from support.tcp_proxy import TcpProxy
from support.tls import CERTIFICATE
from support.waiting import wait_until
from support.warehouse import Warehouse


@pytest.fixture
def tls(postgres: PostgresServer) -> Iterator[PostgresTls]:
    with PostgresTls(postgres.port) as proxy:
        yield proxy


def fails(warehouse: Warehouse, kind: type[Exception]) -> str:
    """The text of the error that both a check and a send end with."""
    with pytest.raises(kind) as checked:
        warehouse.check()
    with pytest.raises(kind) as sent:
        warehouse.send(warehouse.page())
    assert str(checked.value) == str(sent.value)
    assert warehouse.server.password not in str(sent.value)
    return str(sent.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": "wrong"}, ["password authentication failed", "correct `user` and `password`"]),
        ({"user": "nobody_known"}, ["authentication failed", "correct `user` and `password`"]),
        (
            {"database": "no_such_database"},
            ['database "no_such_database" does not exist', "correct `database`"],
        ),
        ({"sslmode": "require"}, ["does not support SSL", 'sslmode = "disable"']),
    ],
)
def test_what_the_owner_must_correct_is_said(
    postgres: PostgresServer, options: dict[str, Any], words: list[str]
) -> None:
    """What is wrong, and which option corrects it."""
    with Warehouse(postgres, **options) as warehouse:
        text = fails(warehouse, Misconfigured)
        assert [word for word in words if word not in text] == []
        assert "resume the destination" in text


def test_a_host_where_nobody_listens_is_tried_again(postgres: PostgresServer) -> None:
    """Nothing was sent."""
    with TcpProxy(postgres.port) as proxy, Warehouse(postgres, port=proxy.port) as warehouse:
        proxy.stop()
        assert "Connection refused" in fails(warehouse, Unreachable)


def test_a_name_that_leads_nowhere_is_tried_again(postgres: PostgresServer) -> None:
    """A name server may be away."""
    with Warehouse(postgres, host="no-such-host.invalid") as warehouse:
        assert "no address of no-such-host.invalid" in fails(warehouse, Unreachable)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "2130706433"])
def test_a_private_address_is_refused(host: str) -> None:
    """Before anything is sent there, whatever way it is written."""
    options = {"host": host, "database": "d", "user": "u"}
    destination, _ = registry.build("postgres", options, Surroundings(ManualClock()))
    with pytest.raises(Misconfigured, match="is a private address"):
        asyncio.run(destination.check())


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path) -> None:
    """When the destination is opened."""
    options = {"host": "db.example", "database": "d", "user": "u", "ca_file": str(tmp_path / "none.pem")}
    destination, _ = registry.build("postgres", options, Surroundings(ManualClock()))
    with pytest.raises(Misconfigured, match=r"ca_file .*none\.pem can not be used"):
        asyncio.run(destination.open())


@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full"])
def test_a_certificate_is_verified(postgres: PostgresServer, tls: PostgresTls, sslmode: str) -> None:
    """Against the file of authorities, else the system's."""
    to = {"host": "localhost", "port": tls.port, "sslmode": sslmode}
    with Warehouse(postgres, **to) as warehouse:
        assert "`ca_file`" in fails(warehouse, Misconfigured)
    with Warehouse(postgres, **to, ca_file=str(CERTIFICATE)) as warehouse:
        warehouse.check()
        warehouse.store(warehouse.page())


def test_a_certificate_for_another_name_is_refused(postgres: PostgresServer, tls: PostgresTls) -> None:
    """It is for localhost, not for its address."""
    options = {"port": tls.port, "sslmode": "verify-full", "ca_file": str(CERTIFICATE)}
    with Warehouse(postgres, **options) as warehouse:
        assert "`host`" in fails(warehouse, Misconfigured)


def test_tls_without_verification_is_possible(postgres: PostgresServer, tls: PostgresTls) -> None:
    """Many servers make their own certificate; it keeps listeners out, but no impostor."""
    with Warehouse(postgres, port=tls.port, sslmode="require") as warehouse:
        warehouse.store(warehouse.page())


@pytest.mark.parametrize(
    ("table", "statement", "problem"),
    [
        (
            "pages",
            "create table pixelwire.pages (id integer primary key)",
            "its column id is integer, not text",
        ),
        (
            "pages",
            "create table pixelwire.pages (id text primary key)",
            "its column context_source_id is missing",
        ),
        (
            "pages",
            "create table pixelwire.pages (id text primary key, context_source_id text)",
            "it has no unique key of id and context_source_id",
        ),
        (
            "pages",
            "create table pixelwire.pages (id text, context_source_id text, uuid_ts text,"
            " primary key (id, context_source_id))",
            "its column uuid_ts is text, not timestamp with time zone",
        ),
        (
            "pages",
            "create table pixelwire.pages (id text, context_source_id text, shop text not null,"
            " primary key (id, context_source_id))",
            "its column shop must have a value",
        ),
        ("pages", "create view pixelwire.pages as select 'x' as id", "it is no table"),
        (
            "rudder_discards",
            "create table pixelwire.rudder_discards (row_id integer)",
            "its column row_id is integer, not text",
        ),
    ],
)
def test_a_table_of_another_shape_is_named(
    postgres: PostgresServer, table: str, statement: str, problem: str
) -> None:
    """With what is other about it; it is not touched."""
    with Warehouse(postgres) as warehouse:
        warehouse.execute("create schema pixelwire")
        warehouse.execute(statement)
        text = fails(warehouse, Misconfigured)
        assert f"table pixelwire.{table} can not be used: {problem}" in text
        assert "set another `schema`" in text


def test_a_role_without_rights_is_told_which(postgres: PostgresServer) -> None:
    """It may neither make the schema nor write to somebody else's tables."""
    role = "role_without_rights"
    with Warehouse(postgres) as owner:
        owner.execute(f"create role {role} login password 'x'")
        try:
            options = {"database": owner.database, "user": role, "password": "x"}
            with Warehouse(postgres, **options) as warehouse:
                assert "permission denied for database" in fails(warehouse, Misconfigured)
                owner.store(owner.page())
                assert "permission denied" in fails(warehouse, Misconfigured)
                owner.execute(f"grant usage, create on schema pixelwire to {role}")
                with pytest.raises(Misconfigured, match=r"table pixelwire\.pages belongs to another role"):
                    warehouse.check()
                with pytest.raises(Misconfigured, match="permission denied for table pages"):
                    warehouse.send(warehouse.page())
        finally:
            owner.execute(f"drop owned by {role}")
            owner.execute(f"drop role {role}")


def test_a_schema_that_is_there_needs_no_right_to_make_one(postgres: PostgresServer) -> None:
    """The page says: create it for the role."""
    role = "role_with_schema"
    with Warehouse(postgres) as owner:
        owner.execute(f"create role {role} login password 'x'")
        owner.execute(f"create schema pixelwire authorization {role}")
        owner.execute(f"revoke temporary on database {owner.database} from public")
        try:
            options = {"database": owner.database, "user": role, "password": "x"}
            with Warehouse(postgres, **options) as warehouse:
                warehouse.check()
                warehouse.store(warehouse.page({"a": "\0"}), warehouse.track())
        finally:
            owner.execute(f"drop owned by {role} cascade")
            owner.execute(f"drop role {role}")


def test_a_database_that_can_not_hold_every_text_is_named(postgres: PostgresServer) -> None:
    """One event in Greek would stop it."""
    with postgres.connect() as admin:
        admin.execute("create database latin encoding 'LATIN1' locale 'C' template template0")
    with Warehouse(postgres, database="latin") as warehouse:
        assert "the database's encoding is LATIN1" in fails(warehouse, Misconfigured)


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("alter database {} set default_transaction_read_only = on", "read-only transaction"),
        ("alter database {} connection limit 0", "too many connections"),
        ("alter database {} allow_connections false", "not currently accepting connections"),
    ],
)
def test_what_may_pass_is_tried_again(postgres: PostgresServer, setting: str, word: str) -> None:
    """A standby, a crowd, a maintenance."""
    with postgres.connect() as admin:
        role = "role_of_few"
        admin.execute(f"create role {role} login password 'x'")
        warehouse = Warehouse(postgres, user=role, password="x")
        admin.execute(f"grant create on database {warehouse.database} to {role}")
        admin.execute(setting.format(warehouse.database).encode())
        try:
            with warehouse:
                assert word in fails(warehouse, Unreachable)
        finally:
            admin.execute(f"alter database {warehouse.database} allow_connections true".encode())
            admin.execute(f"revoke create on database {warehouse.database} from {role}".encode())
            admin.execute(f"drop role {role}")


def test_a_restart_in_the_middle_loses_nothing(postgres: PostgresServer) -> None:
    """The batch under way fails for a time; the next connection is new, and nobody has to say so."""
    with Warehouse(postgres) as warehouse:
        first = warehouse.page(message_id="1")
        warehouse.store(first)
        postgres.stop()
        with pytest.raises(Unreachable):
            warehouse.send(warehouse.page(message_id="2"))
        postgres.start()
        warehouse.store(first, warehouse.page(message_id="2"))
        postgres.stop()
        postgres.start()
        warehouse.store(
            warehouse.page(message_id="3")
        )  # at the first attempt: it saw that the other end was gone
        assert [row["id"] for row in warehouse.rows("pages")] == ["1", "2", "3"]


def test_a_session_that_is_ended_under_a_batch_is_tried_again(postgres: PostgresServer) -> None:
    """By its administrator, while it waits for a lock; all of the batch or nothing is there."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page(), warehouse.track())
        with postgres.connect(warehouse.database) as other:
            other.execute("begin")
            other.execute("lock table pixelwire.tracks")
            found: list[BaseException] = []

            def send() -> None:
                try:
                    warehouse.send(warehouse.page(), warehouse.track())
                except Unreachable as exc:
                    found.append(exc)

            sending = threading.Thread(target=send)
            sending.start()
            waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
            [pid] = wait_until(lambda: warehouse.ask(waiting, [warehouse.database]), 10, "it waits")
            warehouse.ask("select pg_terminate_backend(%s)", [pid])
            sending.join(10)
            assert not sending.is_alive()
            other.execute("rollback")
        assert [type(exc) for exc in found] == [Unreachable]
        assert (len(warehouse.rows("pages")), len(warehouse.rows("tracks"))) == (1, 1)
        warehouse.store(warehouse.page(), warehouse.track())


def test_a_lock_that_is_not_let_go_has_an_end(postgres: PostgresServer) -> None:
    """And says what it waited for."""
    with Warehouse(postgres, timeout_s=0.3) as warehouse:
        warehouse.store(warehouse.page())
        with postgres.connect(warehouse.database) as other:
            other.execute("begin")
            other.execute("lock table pixelwire.pages")
            with pytest.raises(Unreachable):
                warehouse.send(warehouse.page())


@pytest.mark.parametrize("events", [1, 2_000])
def test_a_server_that_falls_silent_has_an_end(postgres: PostgresServer, events: int) -> None:
    """In the middle of a batch, however large; and all of it arrives when it speaks again."""
    with TcpProxy(postgres.port) as proxy, Warehouse(postgres, port=proxy.port, timeout_s=2) as warehouse:
        warehouse.store(warehouse.page())
        items = [warehouse.track("E", {"text": "x" * 500}, message_id=f"e{n}") for n in range(events)]
        proxy.silence()
        with pytest.raises(Unreachable, match="no end within 2 s"):
            warehouse.send(*items)
        proxy.resume()
        warehouse.store(*items)
        assert len(warehouse.rows("e")) == events


def test_the_library_writes_no_lines_of_its_own(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong is said once, by us."""
    with TcpProxy(postgres.port) as proxy, Warehouse(postgres, port=proxy.port, timeout_s=0.5) as warehouse:
        warehouse.store(warehouse.page())
        proxy.silence()
        with pytest.raises(Unreachable):
            warehouse.send(warehouse.page())
    assert caplog.messages == []


def test_a_send_that_is_cancelled_ends_at_once(postgres: PostgresServer) -> None:
    """Though the server answers no cancellation."""

    async def run(warehouse: Warehouse, proxy: TcpProxy) -> float:
        loop = asyncio.get_running_loop()
        await warehouse.destination.send(Batch([warehouse.page()]))
        proxy.silence()
        send = asyncio.ensure_future(warehouse.destination.send(Batch([warehouse.page()])))
        passed = proxy.bytes_total
        while proxy.held_bytes_total == 0:
            await asyncio.sleep(0)
        assert proxy.bytes_total == passed
        cancelled_s = loop.time()
        send.cancel()
        await asyncio.wait([send])
        assert send.cancelled()
        proxy.resume()
        await warehouse.destination.send(Batch([warehouse.page()]))
        await warehouse.destination.close()
        return loop.time() - cancelled_s

    with TcpProxy(postgres.port) as proxy:
        warehouse = Warehouse(postgres, port=proxy.port, timeout_s=60)
        asyncio.run(run(warehouse, proxy))
        assert len(warehouse.rows("pages")) == 2


def test_a_connection_that_was_idle_for_long_is_replaced(postgres: PostgresServer) -> None:
    """A firewall may have forgotten it, and would let the first batch wait for nothing."""
    clock = ManualClock()
    with TcpProxy(postgres.port) as proxy, Warehouse(postgres, port=proxy.port, clock=clock) as warehouse:
        for _ in range(3):
            warehouse.store(warehouse.page())
        assert proxy.connections_total == 1
        clock.advance(IDLE_S_MAX + 1)
        warehouse.store(warehouse.page())
        assert proxy.connections_total == 2
