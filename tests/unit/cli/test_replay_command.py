"""Replays on the command line, without a courier."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.wishes import CancelReplay, StartReplay, Wish
from pixelwire.clock import DAY_MS
from pixelwire.deliver.database import open_to_write
from support.events import Call, make_event, record

Run = Callable[..., Any]
START_MS = 20_000 * DAY_MS  # 2024-10-04


@pytest.fixture
def replays(ready: Run, tmp_path: Path) -> Run:
    """The command, where a destination has had six events, a day apart: tracks on even days, else pages."""
    made = ready("destination", "create", "webhook", "Hook", "--option", "url=https://h.example", "--json")
    for day in range(6):
        call = Call.PAGE if day % 2 else Call.TRACK
        event = make_event(1, call=call, message_id=f"m-{day}", received_ms=START_MS + day * DAY_MS)
        record(tmp_path / "data", [event])
    connection = open_to_write(tmp_path / "data")
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)"
        " VALUES (?, 's', 0, 6, 'running', 5, 1)",
        (made.json["id"],),
    )
    connection.close()
    return lambda *arguments: ready("replay", *arguments)


def ordered(tmp_path: Path) -> list[Wish]:
    snapshot = Snapshot(tmp_path / "data")
    try:
        return [order.wish for order in snapshot.orders()]
    finally:
        snapshot.close()


def take(tmp_path: Path, replay_id: str, outcome: str | None, *, sent: int = 0) -> None:
    """What the courier writes down of a replay that it has taken."""
    connection = open_to_write(tmp_path / "data")
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision, sent_total)"
        " VALUES (?, 's', 0, 3, 'running', 5, 1, ?)",
        (replay_id, sent),
    )
    connection.execute(
        "INSERT INTO replay (number, home, wish, first_seq, last_seq, end_seq, created_ms, outcome)"
        ' SELECT ?, 1, \'{"verb":"replay","from_ms":0,"to_ms":9,"first_seq":1,"end_seq":6,"store":""}\','
        " 1, 6, 6, 5, ?",
        (connection.last_insert_rowid(), outcome),
    )
    connection.close()


def test_a_dry_run_counts(replays: Run, tmp_path: Path) -> None:
    """What would be sent, the first and the last; nothing is ordered."""
    ran = replays("start", "Hook", "--from", "2024-10-05", "--to", "2024-10-07", "--dry-run")
    assert ran.out == (
        "3 events would be sent to Hook\n"
        "the first was received at 2024-10-05T00:00:00.000Z\n"
        "the last was received at 2024-10-07T00:00:00.000Z\n"
    )
    of_tracks = replays(
        "start", "Hook", "--from", "2024-10-05", "--event", "Cli*", "--dry-run", "--json"
    ).json
    assert (of_tracks["events"], of_tracks["at_least"]) == (2, False)
    assert replays("start", "Hook", "--from", "1999-01-01", "--to", "1999-01-01", "--dry-run").out.startswith(
        "0 "
    )
    assert ordered(tmp_path) == []


def test_a_replay_is_ordered(replays: Run, tmp_path: Path) -> None:
    """With the stretch of its events; how to watch it is said."""
    choice = ("--pixel", "Front", "--call", "track", "--event", "Clicked", "--event", "Order*")
    ran = replays("start", "Hook", "--from", "2024-10-05T00:00Z", "--to", "2024-10-08T00:00:00.001Z", *choice)
    assert ran.out.endswith("to Hook is ordered\n")
    assert "pixelwire replay show" in ran.err
    [wish] = ordered(tmp_path)
    assert isinstance(wish, StartReplay)
    assert (wish.first_seq, wish.end_seq, wish.pixels) == (2, 5, [1])
    assert (wish.from_ms, wish.to_ms) == (START_MS + DAY_MS, START_MS + 4 * DAY_MS + 1)
    assert wish.filters == {"calls": ["track"], "events": ["Clicked", "Order*"]}
    [row] = replays("list", "Hook", "--json").json
    assert (row["state"], row["reason"]) == ("waiting", "the server has not taken it yet")


def test_replays_are_listed_shown_and_cancelled(replays: Run, tmp_path: Path) -> None:
    """The newest without a name; one at its end can not be cancelled."""
    first, second = (
        replays("start", "Hook", "--from", day, "--json").json for day in ("2024-10-04", "2024-10-05")
    )
    assert replays("show", "Hook", "--json").json["id"] == second["id"]
    assert replays("cancel", "Hook", first["id"]).code == 0
    assert ordered(tmp_path)[-1] == CancelReplay(first["id"])
    take(tmp_path, first["id"], "cancelled", sent=3)
    take(tmp_path, second["id"], None)
    assert [row["state"] for row in replays("list", "Hook", "--json").json] == ["running", "cancelled"]
    assert "50%" in replays("list", "Hook").out
    refused = replays("cancel", "Hook", first["id"])
    assert (refused.code, refused.err) == (1, "error: the replay is cancelled already\n")


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("cancelled", 1)])
def test_following_ends_with_the_replay(replays: Run, tmp_path: Path, outcome: str, code: int) -> None:
    """Its exit code says how; without a terminal nothing is drawn."""
    made = replays("start", "Hook", "--from", "2024-10-04", "--json").json
    take(tmp_path, made["id"], outcome, sent=4)
    ran = replays("show", "Hook", made["id"], "--follow")
    assert (ran.code, ran.out, ran.err) == (
        code,
        f"the replay is {outcome}: 4 events sent, 0 filtered, 0 dead letters\n",
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["start", "Hook"], 2, "--from"),
        (["start", "Hook", "--from", "soon"], 2, "write a time like"),
        (["start", "Hook", "--from", "2024-10-05", "--to", "2024-10-04"], 2, "--from must be before --to"),
        (["start", "Hook", "--from", "1999-01-01", "--to", "1999-01-01"], 3, "no event is stored"),
        (["start", "Hook", "--from", "2024-10-04", "--pixel", "Other"], 3, "there is no pixel"),
        (["start", "None", "--from", "2024-10-04"], 3, "there is no destination"),
        (["show", "Hook"], 3, "has no replay"),
        (["cancel", "Hook", "nothing"], 3, "has no replay nothing"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(
    replays: Run, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    """With an exit code of its own, and nothing is ordered."""
    ran = replays(*arguments)
    assert (ran.code, len(ran.err.splitlines())) == (code, 1)
    assert says in ran.err
    assert ordered(tmp_path) == []
