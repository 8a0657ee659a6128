"""The read door to delivery.db."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from pixelwire.catalog.wishes import Letters
from pixelwire.deliver.database import FILE, MIGRATIONS, open_to_write
from pixelwire.deliver.state import Deliveries, Delivery
from pixelwire.deliver.statements import script
from pixelwire.errors import DeliveryError, SchemaMismatch
from support.letters import insert_letter


@pytest.fixture
def written(tmp_path: Path) -> Iterator[apsw.Connection]:
    connection = open_to_write(tmp_path)
    yield connection
    connection.close()


@pytest.fixture
def deliveries(tmp_path: Path) -> Iterator[Deliveries]:
    door = Deliveries(tmp_path)
    yield door
    door.close()


def destination(
    connection: apsw.Connection,
    id_: str,
    *,
    cursor: int,
    start_after: int = 0,
    state: str = "running",
    reason: str = "",
) -> int:
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, reason, since_ms, revision)"
        " VALUES (?, 's', ?, ?, ?, ?, 5, 1)",
        (id_, start_after, cursor, state, reason),
    )
    return connection.last_insert_rowid()


def test_nothing_is_known_before_the_courier_ran(deliveries: Deliveries) -> None:
    """Without a delivery.db every event is pending and nothing holds retention back."""
    assert deliveries.of_event(["d"], 1) == [Delivery("d", "pending")]
    assert deliveries.slowest_cursor() is None
    assert deliveries.summary() == []
    assert deliveries.dead_letters("d") == []


def test_what_became_of_an_event(written: apsw.Connection, deliveries: Deliveries) -> None:
    """Each state is told from the rows the courier keeps."""
    number = destination(written, "d", cursor=10, start_after=2)
    written.execute("INSERT INTO sent VALUES (?, 4, 1000, 3), (?, 12, 1001, 1)", (number, number))
    written.execute(
        "INSERT INTO parked VALUES (?, 5, 7, 2, 0, 2000, '503'), (?, 6, 7, 0, 0, 0, 'behind')",
        (number, number),
    )
    insert_letter(written, number, 7)

    def state(seq: int) -> Delivery:
        return deliveries.of_event(["d"], seq)[0]

    assert state(2).state == "filtered"
    assert state(4) == Delivery("d", "sent", 3, at_ms=1000)
    assert state(5) == Delivery("d", "retrying", 2, "503", next_at_ms=2000)
    assert state(6) == Delivery("d", "pending", reason="behind")
    assert state(7) == Delivery("d", "dead", 1, "400", at_ms=3000)
    assert state(8).state == "filtered"
    assert state(11) == Delivery("d", "pending")
    assert state(12).state == "sent"


def test_what_became_of_dead_letters(written: apsw.Connection, deliveries: Deliveries) -> None:
    """One that is sent again counts its attempts on, one that was dropped says so."""
    number = destination(written, "d", cursor=10)
    waiting, tried = (insert_letter(written, number, seq, attempts=4) for seq in (1, 2))
    written.execute("INSERT INTO retried VALUES (?, ?, 0), (?, ?, 0)", (number, waiting, number, tried))
    written.execute("INSERT INTO parked VALUES (?, 2, 7, 3, 0, 2000, '503')", (number,))
    written.execute("INSERT INTO dropped VALUES (?, 3, 1, '422', 3000, 4000)", (number,))
    assert deliveries.of_event(["d"], 1) == [Delivery("d", "retrying", 4, "its owner wants it sent again")]
    assert deliveries.of_event(["d"], 2) == [Delivery("d", "retrying", 7, "503", next_at_ms=2000)]
    assert deliveries.of_event(["d"], 2, is_gone=True) == deliveries.of_event(["d"], 2)
    assert deliveries.of_event(["d"], 3) == [
        Delivery("d", "dead", 1, "dropped by its owner: 422", at_ms=4000)
    ]
    assert [letter.is_retried for letter in deliveries.dead_letters("d")] == [True, True]
    assert deliveries.summary()[0].dead == 0
    assert deliveries.slowest_cursor() == 10


def test_what_filters_hold_back_says_why(written: apsw.Connection, deliveries: Deliveries) -> None:
    """Also when the event is gone; when its row went too, nobody claims that it was sent."""
    number = destination(written, "d", cursor=10)
    written.execute("INSERT INTO filtered VALUES (?, 7, 'call is page')", (number,))
    written.execute("UPDATE destination SET filtered_total = 2, failed_casts_total = 3")
    filtered = [Delivery("d", "filtered", reason="call is page")]
    assert deliveries.of_event(["d"], 7) == deliveries.of_event(["d"], 7, is_gone=True) == filtered
    [unknown] = deliveries.of_event(["d"], 8, is_gone=True)
    assert (unknown.state, unknown.reason) == ("sent", "or filtered: which of them went with the event")
    [summary] = deliveries.summary()
    assert (summary.filtered_total, summary.failed_casts_total) == (2, 3)


def test_orders_about_letters_are_counted_before(written: apsw.Connection, deliveries: Deliveries) -> None:
    """How many of one destination they would concern, by all that is asked of them."""
    number, other = destination(written, "d", cursor=9), destination(written, "e", cursor=9)
    for seq, reason in enumerate(("answered 422", "answered 404", "Answered 422: no"), 1):
        insert_letter(written, number, seq, reason=reason, died_ms=1_000 * seq)
    insert_letter(written, other, 1)

    def meant(**letters: Any) -> int:
        return deliveries.dead_letters_meant("d", Letters(**letters))

    assert meant() == 3
    assert (meant(reason="422"), meant(reason="422", from_ms=1_500), meant(to_ms=3_000)) == (2, 1, 2)
    assert (meant(number=3), meant(number=4), meant(number=5)) == (1, 0, 0)
    written.execute("INSERT INTO retried VALUES (?, 3, 0)", (number,))
    assert (meant(), meant(number=3)) == (2, 0)


def test_one_answer_for_each_id_in_order(written: apsw.Connection, deliveries: Deliveries) -> None:
    """Answers come in the order of the question, unknown destinations included."""
    destination(written, "a", cursor=0, state="paused", reason="401")
    destination(written, "b", cursor=0, state="down", reason="refused")
    assert deliveries.of_event(["b", "x", "a"], 1) == [
        Delivery("b", "pending", reason="destination is down: refused"),
        Delivery("x", "pending"),
        Delivery("a", "paused", reason="401"),
    ]


def test_the_slowest_cursor_counts_parked_events(written: apsw.Connection, deliveries: Deliveries) -> None:
    """A parked event is read again from its segment, so retention must not pass it."""
    assert deliveries.slowest_cursor() is None
    destination(written, "fast", cursor=100)
    parking = destination(written, "parking", cursor=90)
    destination(written, "gone", cursor=1, state="removed")
    assert deliveries.slowest_cursor() == 90
    written.execute("INSERT INTO parked VALUES (?, 40, 0, 1, 0, 0, '503')", (parking,))
    assert deliveries.slowest_cursor() == 39


def test_the_summary_counts(written: apsw.Connection, deliveries: Deliveries) -> None:
    """One row for each destination, with what is parked and dead."""
    number = destination(written, "d", cursor=9, state="down", reason="refused")
    written.execute(
        "INSERT INTO parked VALUES (?, 3, 0, 1, 0, 0, '503'), (?, 4, 0, 1, 0, 0, '503')", (number, number)
    )
    insert_letter(written, number, 7)
    [summary] = deliveries.summary()
    assert (summary.destination_id, summary.state, summary.reason, summary.cursor) == (
        "d",
        "down",
        "refused",
        9,
    )
    assert (summary.parked, summary.dead, summary.sent_total) == (2, 1, 0)


def test_dead_letters_are_listed_in_pages(written: apsw.Connection, deliveries: Deliveries) -> None:
    """A page begins after the last number seen; the payload is asked for apart."""
    number = destination(written, "d", cursor=9)
    for seq in (1, 2, 3):
        insert_letter(written, number, seq, reason=f"answered 40{seq}")
    assert [letter.seq for letter in deliveries.dead_letters("d", limit=2)] == [1, 2]
    assert [letter.seq for letter in deliveries.dead_letters("d", after=2)] == [3]
    assert [letter.seq for letter in deliveries.dead_letters("d", reason="ANSWERED 402")] == [2]
    letter, payload = deliveries.dead_letter("d", 3) or (None, b"")
    assert letter == deliveries.dead_letters("d", after=2)[0]
    assert payload == b"{3}"
    assert deliveries.dead_letter("d", 4) is None
    assert deliveries.dead_letter("other", 3) is None


def test_a_file_that_was_closed_is_readable(tmp_path: Path, deliveries: Deliveries) -> None:
    """The door needs no courier running beside it."""
    connection = open_to_write(tmp_path)
    destination(connection, "d", cursor=9)
    connection.close()
    assert deliveries.slowest_cursor() == 9


def test_only_the_owner_reads_dead_letters(tmp_path: Path, written: apsw.Connection) -> None:
    """Dead letters hold what visitors sent, so the file's mode is 0600."""
    assert written.execute("PRAGMA user_version").get == len(MIGRATIONS)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """Whatever was parked, sent or dead in it stays."""
    with apsw.Connection(str(tmp_path / FILE)) as first:
        first.execute(script(MIGRATIONS[0]))
        first.execute("PRAGMA user_version = 1")
        number = destination(first, "d", cursor=9)
        first.execute("INSERT INTO parked VALUES (?, 3, 7, 1, 0, 0, '503')", (number,))
    first.close()
    newest = open_to_write(tmp_path)
    assert newest.execute("PRAGMA user_version").get == len(MIGRATIONS)
    assert newest.execute("SELECT seq FROM parked WHERE destination = ? AND identity = 7", (number,)).get == 3
    newest.close()


def test_a_newer_file_is_refused(tmp_path: Path, written: apsw.Connection, deliveries: Deliveries) -> None:
    """A schema of the future is not guessed at, neither by the courier nor by the door."""
    written.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(SchemaMismatch, match="newer Pixelwire"):
        deliveries.summary()
    with pytest.raises(SchemaMismatch):
        open_to_write(tmp_path)


def test_a_damaged_file_is_told(tmp_path: Path, deliveries: Deliveries) -> None:
    """What is no database is an error with a hint, not a traceback of the driver."""
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(DeliveryError, match="damaged"):
        deliveries.summary()
