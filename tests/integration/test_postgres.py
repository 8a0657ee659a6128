"""PostgreSQL as a destination, against the real server: rows, types, bounds, repeats."""

import threading

import pytest

from pixelwire.destinations.base import GiveUp, Refused, Sent, Unreachable
from pixelwire.destinations.postgres.errors import CERTAIN_S
from pixelwire.testing.manual_clock import ManualClock
from support.postgres import PostgresServer
from support.waiting import wait_until
from support.warehouse import PIXEL, Warehouse

NOT_A_NUMBER = "it does not fit the column's type bigint"


@pytest.mark.parametrize("size", [1, 150])
def test_events_are_rows_by_table(postgres: PostgresServer, size: int) -> None:
    """One event or many, which are prepared in another thread."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(*[warehouse.track("Order Completed", {"orderId": str(n)}) for n in range(size)])
        assert warehouse.tables() == ["order_completed", "rudder_discards", "tracks"]
        assert {row["order_id"] for row in warehouse.rows("order_completed")} == {str(n) for n in range(size)}
        assert len(warehouse.rows("tracks")) == size
        row = next(row for row in warehouse.rows("tracks") if row["id"] == "m1")
        assert row == {
            "id": "m1",
            "context_source_id": PIXEL,
            "received_at": "2026-01-23T04:56:07.089+00:00",
            "event": "order_completed",
            "event_text": "Order Completed",
        }


def test_columns_have_the_types_of_their_values(postgres: PostgresServer) -> None:
    """Text, as pixels send it, unless a transform has made more of it."""
    with Warehouse(postgres) as warehouse:
        mixed = {"text": "9", "whole": 9, "real": 1.5, "yes": True, "list": ["a", 1], "big": 2**70}
        warehouse.store(warehouse.page(mixed), warehouse.page({"whole": 2**40, "real": 2}))
        types = warehouse.types("pages")
        assert {name: types[name] for name in mixed} == {
            "text": "text", "whole": "bigint", "real": "double precision", "yes": "boolean", "list": "text",
            "big": "text",
        }  # fmt: skip
        assert types["received_at"] == types["uuid_ts"] == "timestamp with time zone"
        assert types["user_id"] == types["context_ip"] == "text"
        stored = warehouse.rows("pages")[0]
        assert {name: stored[name] for name in mixed} == mixed | {"list": '["a",1]', "big": str(2**70)}


def test_a_repeat_changes_nothing(postgres: PostgresServer) -> None:
    """Not even when it was written: the rows are the same, and the row versions too."""
    with Warehouse(postgres) as warehouse:
        items = [warehouse.track("A", {"a": 1, "b\0": "\0"}), warehouse.page({"a": "x"})]
        warehouse.store(*items)
        tables = ("tracks", "a", "pages")
        before = [
            warehouse.ask(f"select (ctid, xmin, t)::text from pixelwire.{table} as t") for table in tables
        ]
        discards = warehouse.rows("rudder_discards")
        for _ in range(3):
            warehouse.store(*items)
        assert before == [
            warehouse.ask(f"select (ctid, xmin, t)::text from pixelwire.{table} as t") for table in tables
        ]
        assert warehouse.rows("rudder_discards") == discards


def test_other_content_under_the_same_id_replaces_the_row(postgres: PostgresServer) -> None:
    """As a whole: what is no longer in it, is gone; as after a transform that removes it, and a replay."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({"email": "a@example.org", "a": "1"}, message_id="x"))
        warehouse.store(warehouse.page({"a": "2"}, message_id="x", replay="replay-1"))
        [row] = warehouse.rows("pages")
        assert (row["a"], row.get("email")) == ("2", None)


def test_the_last_of_a_batch_counts(postgres: PostgresServer) -> None:
    """As if they had come one by one."""
    with Warehouse(postgres) as warehouse:
        items = [warehouse.page({"a": str(n)}, message_id="x") for n in range(3)]
        warehouse.store(*items)
        assert [row["a"] for row in warehouse.rows("pages")] == ["2"]


def test_two_pixels_may_use_the_same_id(postgres: PostgresServer) -> None:
    """Neither overwrites the other's event, nor its discards."""
    with Warehouse(postgres) as warehouse:
        for pixel in ("p", "q"):
            warehouse.store(warehouse.page({"a": pixel, "b": f"\0{pixel}"}, message_id="x", pixel_id=pixel))
        assert [(row["context_source_id"], row["a"]) for row in warehouse.rows("pages")] == [
            ("p", "p"),
            ("q", "q"),
        ]
        warehouse.store(warehouse.page({"b": "fine"}, message_id="x", pixel_id="p", attempt=2))
        assert [value for _, _, value, _ in warehouse.discards()] == ['"\\u0000q"']


def test_what_does_not_fit_is_kept_with_the_reason(postgres: PostgresServer) -> None:
    """And the event's other values are stored."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({"n": 1}))
        warehouse.store(warehouse.page({"n": "one", "m": "stored"}))
        assert warehouse.rows("pages")[1]["m"] == "stored"
        assert warehouse.discards() == [("pages", "n", "one", NOT_A_NUMBER)]
        [discard] = warehouse.rows("rudder_discards")
        assert (discard["row_id"], discard["context_source_id"]) == ("m2", PIXEL)
        assert discard["received_at"] == "2026-01-23T04:56:07.089+00:00"


def test_a_replay_replaces_what_was_discarded(postgres: PostgresServer) -> None:
    """When the owner has made room, the value moves into its column."""
    clock = ManualClock()
    with Warehouse(postgres, clock=clock) as warehouse:
        warehouse.store(warehouse.page({"n": 1}))
        late = warehouse.page({"n": "one"})
        warehouse.store(late)
        warehouse.execute("alter table pixelwire.pages alter column n type text")
        clock.advance(CERTAIN_S + 1)
        warehouse.store(warehouse.page({"n": "two"}))
        assert warehouse.discards() == [("pages", "n", "one", NOT_A_NUMBER)]
        warehouse.store(warehouse.item("page", late.payload, message_id=late.message_id, replay="replay-1"))
        assert warehouse.discards() == []
        assert [row["n"] for row in warehouse.rows("pages")] == ["1", "one", "two"]


def test_an_altered_column_is_honoured(postgres: PostgresServer) -> None:
    """RudderStack treats the tables as the truth: the next attempt sees the new type."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({"price": "9.50", "seen": "2026-01-23T04:56:07Z", "list": [1]}))
        warehouse.execute(
            "alter table pixelwire.pages alter column price type numeric using price::numeric,"
            " alter column seen type timestamptz using seen::timestamptz,"
            " alter column list type jsonb using list::jsonb"
        )
        item = warehouse.page({"price": 10.25, "seen": "2026-01-24", "list": [{"a": [1]}]})
        with pytest.raises(Unreachable, match="tables may have changed"):
            warehouse.send(item)
        warehouse.store(item)
        row = warehouse.rows("pages")[1]
        assert (row["price"], row["seen"], row["list"]) == (10.25, "2026-01-24T00:00:00+00:00", [{"a": [1]}])


def test_no_table_gets_more_columns_than_allowed(postgres: PostgresServer) -> None:
    """A thousand by default; strangers choose the names."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({f"p{n}": "x" for n in range(400)}))
        warehouse.store(warehouse.page({f"q{n}": "x" for n in range(400)}))
        warehouse.store(warehouse.page({f"r{n}": "x" for n in range(400)}))
        assert len(warehouse.types("pages")) == 1_000
        discarded = {column for _, column, _, _ in warehouse.discards()}
        row = warehouse.rows("pages")[2]
        assert discarded | row.keys() >= {f"r{n}" for n in range(400)}
        assert discarded
        assert {reason for *_, reason in warehouse.discards()} == {
            "the table has 1,000 columns already; columns_max is 1,000"
        }


@pytest.mark.parametrize("gone", ["alter table pixelwire.pages drop column a", "drop table pixelwire.pages"])
def test_what_its_owner_drops_comes_back(postgres: PostgresServer, gone: str) -> None:
    """The attempt that meets it fails for a time; the next one adds it."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({"a": "1"}, message_id="x"))
        warehouse.execute(gone)
        item = warehouse.page({"a": "2"}, message_id="x")
        with pytest.raises(Unreachable, match="tables may have changed"):
            warehouse.send(item)
        warehouse.store(item)
        assert [row["a"] for row in warehouse.rows("pages")] == ["2"]


def test_dropped_columns_count_for_postgresql(postgres: PostgresServer) -> None:
    """It counts every column that a table ever had, up to 1,600."""
    with Warehouse(postgres, columns_max=1_500) as warehouse:
        for letter in "abcd":
            warehouse.store(warehouse.page({f"{letter}{n}": "x" for n in range(390)}))
            names = [f"drop column {letter}{n}" for n in range(390)]
            warehouse.execute(f"alter table pixelwire.pages {', '.join(names)}")
        warehouse.store(warehouse.page({f"e{n}": "x" for n in range(100)}))
        assert 0 < len(warehouse.discards()) < 100


def test_there_are_no_more_event_tables_than_allowed(postgres: PostgresServer) -> None:
    """The events beyond are in `tracks`, their properties in the discards."""
    with Warehouse(postgres, event_tables_max=2) as warehouse:
        warehouse.store(*[warehouse.track(f"Event {n}", {"a": n}, message_id=f"m{n}") for n in range(4)])
        warehouse.store(warehouse.track("Event 9", {"a": 9}, message_id="m9"))
        assert warehouse.tables() == ["event_0", "event_1", "rudder_discards", "tracks"]
        assert len(warehouse.rows("tracks")) == 5
        reason = "there are 2 event tables already; event_tables_max is 2"
        assert warehouse.discards() == [(f"event_{n}", "a", str(n), reason) for n in (2, 3, 9)]


def test_a_row_of_many_long_values_is_stored_as_far_as_it_fits(postgres: PostgresServer) -> None:
    """PostgreSQL would refuse it whole."""
    with Warehouse(postgres) as warehouse:
        values = {f"p{n}": "x" * (n % 70 + 1) for n in range(900)}
        warehouse.store(warehouse.page(values))
        [row] = warehouse.rows("pages")
        discards = {column: value for _, column, value, _ in warehouse.discards()}
        assert {column: row.get(column) or discards[column] for column in values} == values


@pytest.mark.parametrize(
    "event",
    [
        "🛒",
        '"; drop table tracks; --',
        "x" * 300,
        "е" * 300,
        "select",
        "Tracks",
        "rudder discards",
        "pg_class",
        "xmin",
        "%s %(a)s",
        "a\\b",
    ],
)
def test_odd_event_names_have_tables(postgres: PostgresServer, event: str) -> None:
    """And odd properties columns."""
    with Warehouse(postgres) as warehouse:
        odd = {
            "🛒": "1",
            '"; drop': "2",
            "x" * 300: "3",
            "select": "4",
            "xmin": "5",
            "%s": "6",
            "tableoid": "7",
        }
        for _ in range(2):
            warehouse.store(warehouse.track(event, odd))
        [own] = [table for table in warehouse.tables() if table not in ("tracks", "rudder_discards")]
        for row in warehouse.rows(own):
            assert {value for value in row.values() if len(str(value)) == 1} >= set("1234567")
        assert [row["event_text"] for row in warehouse.rows("tracks")] == [event, event]
        assert warehouse.discards() == []


def test_an_events_name_that_is_taken_costs_its_properties_and_nothing_else(postgres: PostgresServer) -> None:
    """Strangers choose it: that of a table, view, index or type must not stop a destination."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page())
        warehouse.execute("create table pixelwire.orders (id integer primary key, context_source_id text)")
        warehouse.execute("create view pixelwire.report as select 1 as id")
        warehouse.execute("create type pixelwire.mood as enum ('good')")
        warehouse.execute(
            "create table pixelwire.strict (id text, context_source_id text, must text not null,"
            " primary key (id, context_source_id))"
        )
        events = {
            "Orders": "id is integer",
            "Report": "no table",
            "Mood": "a type",
            "Pages pkey": "no table",
            "Strict": "must",
        }
        for event in events:
            warehouse.store(warehouse.track(event, {"a": "1"}))
        assert len(warehouse.rows("tracks")) == len(events)
        reasons = {table: reason for table, column, _, reason in warehouse.discards() if column == "a"}
        assert len(warehouse.discards()) == len(events)
        for event, word in events.items():
            assert word in reasons[event.lower().replace(" ", "_")]


def test_an_array_types_name_gives_way(postgres: PostgresServer) -> None:
    """PostgreSQL makes a type `_x` for each table `x`."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.track("x", {"a": "1"}), warehouse.track("_x", {"a": "1"}))
        assert warehouse.tables() == ["_x", "rudder_discards", "tracks", "x"]


def test_long_texts_are_stored_whole(postgres: PostgresServer) -> None:
    """The longest payload, the longest message id."""
    with Warehouse(postgres) as warehouse:
        item = warehouse.page({"a": "x" * 260_000}, message_id="ж" * 255)
        warehouse.store(item)
        [row] = warehouse.rows("pages")
        assert (row["id"], row["a"]) == (item.message_id, "x" * 260_000)


def test_what_is_no_row_is_given_up_and_the_others_are_stored(postgres: PostgresServer) -> None:
    """One event never costs another."""
    with Warehouse(postgres) as warehouse:
        results = warehouse.send(
            warehouse.page(),
            warehouse.item("page", b"[1]"),
            warehouse.page(message_id="a\0"),
            warehouse.page(),
        )
        assert [type(result) for result in results] == [Sent, GiveUp, GiveUp, Sent]
        assert len(warehouse.rows("pages")) == 2


def test_somebody_else_may_add_the_same_column(postgres: PostgresServer) -> None:
    """While it is being added; and it may have another type."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page())
        with postgres.connect(warehouse.database) as other:
            other.execute("begin")
            other.execute("alter table pixelwire.pages add column price bigint")
            sending = threading.Thread(
                target=warehouse.store, args=(warehouse.page({"price": "9", "a": "1"}),)
            )
            sending.start()
            waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
            wait_until(lambda: warehouse.ask(waiting, [warehouse.database]), 10, "it waits for the table")
            other.execute("commit")
            sending.join(10)
            assert not sending.is_alive()
        assert warehouse.types("pages")["price"] == "bigint"
        assert warehouse.rows("pages")[1]["a"] == "1"
        assert warehouse.discards() == [("pages", "price", "9", NOT_A_NUMBER)]


def test_several_writers_make_one_set_of_tables(postgres: PostgresServer) -> None:
    """Two destinations on one schema, both new to it."""
    database = postgres.new_database()
    warehouses = [Warehouse(postgres, database=database) for _ in range(3)]
    failures: list[BaseException] = []

    def write(number: int, warehouse: Warehouse) -> None:
        try:
            with warehouse:
                for n in range(10):
                    properties = {f"p{n}": "x", f"own{number}_{n}": "y"}
                    warehouse.store(warehouse.track(f"E{n}", properties, message_id=f"{number}-{n}"))
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=pair) for pair in enumerate(warehouses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with Warehouse(postgres, database=database) as warehouse:
        assert len(warehouse.rows("tracks")) == 30
        assert [len(warehouse.rows(f"e{n}")) for n in range(10)] == [3] * 10
        assert warehouse.discards() == []


def test_a_row_that_the_owners_own_rule_refuses_is_refused_alone(postgres: PostgresServer) -> None:
    """The engine halves the batch; the reason names the rule and no value."""
    with Warehouse(postgres) as warehouse:
        warehouse.store(warehouse.page({"a": "1"}))
        warehouse.execute("alter table pixelwire.pages add constraint no_bad check (a <> 'secret value')")
        with pytest.raises(Refused) as raised:
            warehouse.send(warehouse.page({"a": "2"}), warehouse.page({"a": "secret value"}))
        assert "no_bad" in str(raised.value)
        assert "secret value" not in str(raised.value)
        warehouse.store(warehouse.page({"a": "3"}))


def test_a_check_leaves_no_table(postgres: PostgresServer) -> None:
    """It makes them, writes to them, and rolls back."""
    with Warehouse(postgres) as warehouse:
        warehouse.check()
        assert warehouse.tables() == []
        assert warehouse.ask("select nspname from pg_namespace where nspname = 'pixelwire'") == []
        warehouse.store(warehouse.page())
        with postgres.connect(warehouse.database) as reader:
            reader.execute("begin")
            reader.execute("select from pixelwire.pages")  # what it holds up would hold up all later readers
            warehouse.check()
        assert warehouse.tables() == ["pages", "rudder_discards"]


def test_rudderstacks_own_discards_get_what_they_lack(postgres: PostgresServer) -> None:
    """Its table has no column for the pixel."""
    with Warehouse(postgres) as warehouse:
        warehouse.execute("create schema pixelwire")
        columns = "column_name text, column_value text, reason text, received_at timestamptz, row_id text"
        warehouse.execute(
            f"create table pixelwire.rudder_discards ({columns}, table_name text, uuid_ts timestamptz)"
        )
        warehouse.store(warehouse.page({"a": "\0"}))
        assert [row["context_source_id"] for row in warehouse.rows("rudder_discards")] == [PIXEL]
