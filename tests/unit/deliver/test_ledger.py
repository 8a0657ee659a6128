"""The courier's writes: what is durable, when, and what happens when the disk does not take it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from pixelwire.clock import DAY_MS
from pixelwire.deliver.ledger import Ledger, Progress
from pixelwire.deliver.state import Deliveries
from pixelwire.deliver.sweep import SWEEP_ROWS_MAX, sweep
from pixelwire.errors import DeliveryError
from support.letters import insert_letter

Use = Callable[[Ledger], Awaitable[None]]


def with_ledger(data_dir: Path, use: Use) -> None:
    """Runs `use` beside a ledger that commits, then lets it finish."""

    async def run() -> None:
        ledger = Ledger(data_dir)
        committing = asyncio.create_task(ledger.run())
        try:
            await use(ledger)
        finally:
            ledger.finish()
            await committing
            ledger.close()

    asyncio.run(run())


async def adopt(ledger: Ledger, id_: str = "d", start_after: int = 0) -> Progress:
    return await ledger.adopt(id_, store="s", start_after=start_after, now_ms=1)


async def connection_of(ledger: Ledger) -> apsw.Connection:
    """What the ledger writes with, so that a test can break it."""
    found: list[apsw.Connection] = []
    group = ledger.gather()
    group.chores.append(found.append)
    await group.durable.wait()
    return found[0]


def test_a_new_destination_begins_where_it_was_told(tmp_path: Path) -> None:
    """And one that is known goes on where it was."""

    async def use(ledger: Ledger) -> None:
        progress = await adopt(ledger, start_after=40)
        assert (progress.cursor, progress.store, progress.state) == (40, "s", "running")
        progress.cursor = 60
        ledger.gather().progress[progress.number] = lambda: progress
        assert (await adopt(ledger, start_after=40)).cursor == 60

    with_ledger(tmp_path, use)


def test_what_is_durable_is_on_disk(tmp_path: Path) -> None:
    """When a group is told to be durable, every row of it can be read from outside."""

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        group = ledger.gather()
        group.add("sent", [(number, seq, 5, 1) for seq in range(1, 101)])
        group.add("park", [(number, 101, 7, 2, 0, 9, "503")])
        await group.durable.wait()
        door = Deliveries(tmp_path)
        assert [door.of_event(["d"], seq)[0].state for seq in (1, 100, 101)] == ["sent", "sent", "retrying"]
        door.close()
        assert ledger.settled_between(number, 98, 200) == {99, 100, 101}
        assert ledger.settled_to(number) == 101

    with_ledger(tmp_path, use)


def test_lines_are_looked_up_in_order(tmp_path: Path) -> None:
    """The first of each identity with how many there are, nobody's each by itself, and then the next ones."""

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        other = (await adopt(ledger, "e")).number
        group = ledger.gather()
        rows = [(number, seq, 7, 0, 0, 0, "") for seq in (9, 3, 6)]
        rows += [(number, 4, 0, 1, 0, 50, ""), (number, 5, 0, 1, 0, 60, ""), (other, 1, 7, 1, 0, 0, "")]
        group.add("park", rows)
        await group.durable.wait()
        found = sorted(
            (row.seq, row.identity_key, row.next_ms, length, ahead)
            for row, length, ahead in ledger.lines(number, 5)
        )
        assert found == [(3, 7, 0, 3, 6), (4, 0, 50, 1, None), (5, 0, 60, 1, None)]
        assert [row.seq for row in ledger.next_in_line(number, 7, 2)] == [3, 6]
        assert [row.seq for row in ledger.next_in_line(number, 7, 2, after=3)] == [6, 9]

    with_ledger(tmp_path, use)


def test_completions_gather_while_one_commit_syncs(tmp_path: Path) -> None:
    """A hundred writers that wait for their own durability need a few commits, not a hundred."""

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        groups = set()

        async def write(seq: int) -> None:
            group = ledger.gather()
            groups.add(id(group))
            group.add("sent", [(number, seq, 5, 1)])
            await group.durable.wait()

        await asyncio.gather(*(write(seq) for seq in range(100)))
        assert len(groups) <= 2
        assert ledger.settled_between(number, -1, 100) == set(range(100))

    with_ledger(tmp_path, use)


def test_a_cursor_is_written_as_it_was_when_its_group_closed(tmp_path: Path) -> None:
    """One read later could pass events that are not durable yet."""

    async def use(ledger: Ledger) -> None:
        progress = await adopt(ledger)
        group = ledger.gather()
        group.progress[progress.number] = lambda: progress
        progress.cursor = 7
        await group.durable.wait()
        progress.cursor = 8
        door = Deliveries(tmp_path)
        assert door.summary()[0].cursor == 7
        door.close()

    with_ledger(tmp_path, use)


def test_what_was_handed_in_before_the_end_is_durable(tmp_path: Path) -> None:
    """Finishing commits what has gathered."""

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        ledger.gather().add("sent", [(number, 1, 5, 1)])

    with_ledger(tmp_path, use)
    door = Deliveries(tmp_path)
    assert door.of_event(["d"], 1)[0].state == "sent"
    door.close()


def test_a_full_disk_is_waited_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told to be durable meanwhile, and nothing is lost when there is space again."""
    monkeypatch.setattr("pixelwire.deliver.ledger.DISK_FULL_WAIT_S", 0.01)

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        writes = await connection_of(ledger)
        pages = writes.execute("PRAGMA page_count").get
        writes.execute(f"PRAGMA max_page_count = {pages}")
        group = ledger.gather()
        group.add("sent", [(number, seq, 5, 1) for seq in range(1_000)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(group.durable.wait(), 0.1)
        writes.execute("PRAGMA max_page_count = 1000000")
        await group.durable.wait()
        assert len(ledger.settled_between(number, -1, 1_000)) == 1_000

    with_ledger(tmp_path, use)


def test_a_commit_that_fails_ends_the_courier(tmp_path: Path) -> None:
    """What is on disk then is known only after opening the file anew."""

    async def run() -> None:
        ledger = Ledger(tmp_path)
        committing = asyncio.create_task(ledger.run())
        await adopt(ledger)
        (await connection_of(ledger)).set_authorizer(lambda *_: apsw.SQLITE_DENY)
        ledger.gather().add("sent", [(1, 1, 1, 1)])
        with pytest.raises(DeliveryError, match=r"delivery\.db could not be written"):
            await committing
        ledger.close()

    asyncio.run(run())


def test_receipts_go_with_their_events(tmp_path: Path) -> None:
    """A little at a time, never beyond the cursor, and only those before the oldest event."""

    async def use(ledger: Ledger) -> None:
        progress = await adopt(ledger)
        progress.cursor = 2_500
        group = ledger.gather()
        group.progress[progress.number] = lambda: progress
        group.add("sent", [(progress.number, seq, 5, 1) for seq in range(1, 3_001)])
        await group.durable.wait()
        sweeps = []
        group = ledger.gather()
        for _ in range(3):
            group.chores.append(lambda writes: sweeps.append(sweep(writes, oldest_seq=9_000, now_ms=1)))
        await group.durable.wait()
        assert sweeps == [True, False, False]
        assert ledger.settled_between(progress.number, 0, 9_000) == set(range(2_501, 3_001))

    assert SWEEP_ROWS_MAX < 2_500
    with_ledger(tmp_path, use)


def test_a_replay_goes_a_month_after_its_end(tmp_path: Path) -> None:
    """With all that is known of it; while it has a dead letter, or is not at its end, it stays."""
    month_ms = 30 * DAY_MS

    def replay(connection: apsw.Connection, home: int, outcome: str | None) -> None:
        connection.execute(
            "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)"
            " VALUES (?, 's', 0, 9, 'running', 0, 1)",
            (f"replay-{outcome}",),
        )
        number = connection.last_insert_rowid()
        connection.execute(
            "INSERT INTO replay"
            " (number, home, wish, first_seq, last_seq, end_seq, created_ms, finished_ms, outcome)"
            " VALUES (?, ?, '', 1, 9, 9, 0, ?, ?)",
            (number, home, None if outcome is None else 1_000, outcome),
        )
        connection.execute("INSERT INTO sent VALUES (?, 1, 5, 1)", (number,))
        if outcome == "cancelled":
            insert_letter(connection, number, 3)

    async def use(ledger: Ledger) -> None:
        home = (await adopt(ledger)).number
        group = ledger.gather()
        for outcome in ("done", "cancelled", None):
            group.chores.append(lambda writes, outcome=outcome: replay(writes, home, outcome))
        await group.durable.wait()

        async def left_at(now_ms: int) -> list[str]:
            more = [True]
            while more[-1]:
                group = ledger.gather()
                group.chores.append(lambda writes: more.append(sweep(writes, oldest_seq=1, now_ms=now_ms)))
                await group.durable.wait()
            return [id_ for (id_,) in ledger.ask("SELECT id FROM destination ORDER BY number")]

        assert await left_at(1_000 + month_ms) == ["d", "replay-done", "replay-cancelled", "replay-None"]
        assert await left_at(1_001 + month_ms) == ["d", "replay-cancelled", "replay-None"]
        assert ledger.ask("SELECT count(*) FROM replay") == [(2,)]
        assert ledger.ask("SELECT count(*) FROM sent") == [(2,)]

    with_ledger(tmp_path, use)


def bury_retried_and_dropped(connection: apsw.Connection, number: int) -> None:
    letter = insert_letter(connection, number, 3)
    connection.execute("INSERT INTO retried VALUES (?, ?, 5)", (number, letter))
    connection.execute("INSERT INTO dropped VALUES (?, 4, 1, '422', 5, 6)", (number,))


def test_receipts_of_dropped_letters_go_with_their_events(tmp_path: Path) -> None:
    """As those of sent events do."""

    async def use(ledger: Ledger) -> None:
        progress = await adopt(ledger)
        progress.cursor = 9
        group = ledger.gather()
        group.progress[progress.number] = lambda: progress
        group.chores.append(lambda writes: bury_retried_and_dropped(writes, progress.number))
        group.chores.append(lambda writes: assert_swept(writes, 4, more=False))
        await group.durable.wait()
        assert 4 in ledger.settled_between(progress.number, 0, 9)
        group = ledger.gather()
        group.chores.append(lambda writes: assert_swept(writes, 5, more=False))
        await group.durable.wait()
        assert ledger.settled_between(progress.number, 0, 9) == {3}

    with_ledger(tmp_path, use)


def test_receipts_of_filtered_events_go_with_them(tmp_path: Path) -> None:
    """Until then a restart passes them by."""

    async def use(ledger: Ledger) -> None:
        progress = await adopt(ledger)
        progress.cursor = 9
        group = ledger.gather()
        group.progress[progress.number] = lambda: progress
        group.add("filter", [(progress.number, seq, "call is page") for seq in (3, 4, 5)])
        await group.durable.wait()
        assert ledger.settled_between(progress.number, 0, 9) == {3, 4, 5}
        assert ledger.settled_to(progress.number) == 5
        group = ledger.gather()
        group.chores.append(lambda writes: assert_swept(writes, 5, more=False))
        await group.durable.wait()
        assert ledger.settled_between(progress.number, 0, 9) == {5}

    with_ledger(tmp_path, use)


def assert_swept(connection: apsw.Connection, oldest_seq: int, *, more: bool) -> None:
    assert sweep(connection, oldest_seq=oldest_seq, now_ms=1) is more


def test_a_removed_destination_is_kept_for_a_day(tmp_path: Path) -> None:
    """Then all that is known of it goes; retention does not wait for it meanwhile."""

    async def use(ledger: Ledger) -> None:
        number = (await adopt(ledger)).number
        group = ledger.gather()
        group.add("sent", [(number, 1, 5, 1)])
        group.add("park", [(number, 2, 0, 1, 0, 0, "503")])
        group.chores.append(lambda writes: bury_retried_and_dropped(writes, number))
        await group.durable.wait()
        group = ledger.gather()
        group.add("remove", [("d", 1_000)])
        group.chores.append(lambda writes: sweep(writes, oldest_seq=1, now_ms=1_000 + DAY_MS))
        await group.durable.wait()
        assert ledger.known() == []
        assert ledger.settled_between(number, 0, 9) == {1, 2, 3, 4}
        more = [True]
        while more[-1]:
            group = ledger.gather()
            group.chores.append(
                lambda writes: more.append(sweep(writes, oldest_seq=1, now_ms=1_001 + DAY_MS))
            )
            await group.durable.wait()
        assert ledger.settled_between(number, 0, 9) == set()
        assert ledger.ask("SELECT count(*) FROM retried") == [(0,)]
        assert (await adopt(ledger)).number > number

    with_ledger(tmp_path, use)
