"""Dead letters on the command line."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.wishes import DropLetters, RetryLetters, Wish
from pixelwire.deliver.database import open_to_write
from support.letters import insert_letter

Run = Callable[..., Any]
DAY_MS = 86_400_000


@pytest.fixture
def letters(ready: Run, tmp_path: Path) -> Run:
    """The command, where a destination that is paused has three: of days 1, 2 and 3 since 1970."""
    made = ready("destination", "create", "webhook", "Hook", "--option", "url=https://h.example", "--json")
    connection = open_to_write(tmp_path / "data")
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)"
        " VALUES (?, 's', 0, 9, 'paused', 5, 1)",
        (made.json["id"],),
    )
    for day, reason in ((1, "answered 422: no such field"), (2, "answered 404"), (3, "answered 422: other")):
        payload = b'{"event":"Day %d"}' % day
        insert_letter(connection, 1, day, reason=reason, died_ms=day * DAY_MS, payload=payload)
    connection.execute("INSERT INTO retried VALUES (1, 3, 0)")
    connection.close()
    return lambda *arguments: ready("dead-letter", *arguments)


def ordered(tmp_path: Path) -> list[Wish]:
    snapshot = Snapshot(tmp_path / "data")
    try:
        return [order.wish for order in snapshot.orders()]
    finally:
        snapshot.close()


def test_letters_are_listed_and_shown(letters: Run) -> None:
    """With what became of them; the payload only of one."""
    rows = letters("list", "Hook", "--json").json
    assert [(row["number"], row["state"]) for row in rows] == [(1, "dead"), (2, "dead"), (3, "retrying")]
    assert rows[0]["died_at"] == "1970-01-02T00:00:00.000Z"
    assert [row["number"] for row in letters("list", "Hook", "--reason", "422", "--json").json] == [1, 3]
    page = letters("list", "Hook", "--after", "1", "--limit", "1")
    assert "answered 404" in page.out
    assert page.err == "there may be more: --after 2\n"
    shown = letters("show", "Hook", "2", "--json").json
    assert (shown["reason"], shown["payload"]) == ("answered 404", {"event": "Day 2"})
    assert letters("show", "Hook", "9").code == 3


@pytest.mark.parametrize(
    ("which", "wishes"),
    [
        (["2", "1"], [RetryLetters(2), RetryLetters(1)]),
        (["--all"], [RetryLetters()]),
        (["--reason", "No Such"], [RetryLetters(reason="No Such")]),
        (["--from", "1970-01-02", "--to", "1970-01-03"], [RetryLetters(from_ms=DAY_MS, to_ms=3 * DAY_MS)]),
    ],
)
def test_a_retry_is_ordered(letters: Run, tmp_path: Path, which: list[str], wishes: list[Wish]) -> None:
    """The courier is told which; how many there are is said, and that they wait."""
    ran = letters("retry", "Hook", *which)
    assert ran.code == 0
    assert ran.out.endswith("sent again to Hook\n")
    assert "is paused: they wait" in ran.err
    assert ordered(tmp_path) == wishes


def test_a_drop_asks_first(letters: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes and an answer nothing is ordered."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert letters("drop", "Hook", "--all").code == 130
    assert ordered(tmp_path) == []
    ran = letters("drop", "Hook", "--reason", "answered", "--yes", "--json")
    assert ran.json["letters"] == 2
    assert ordered(tmp_path) == [DropLetters(reason="answered")]


@pytest.mark.parametrize(
    ("which", "code", "says"),
    [
        ([], 2, "say which"),
        (["1", "--all"], 2, "say which"),
        (["--all", "--reason", "422"], 2, "say which"),
        (["--from", "tomorrow"], 2, "write a time like"),
        (["--from", "1970-01-03", "--to", "1970-01-01"], 2, "--from must be before --to"),
        (["7"], 3, "has no dead letter 7"),
        (["3"], 1, "dead letter 3 is being sent again already"),
        (["--reason", "nothing like it"], 3, "there is no such dead letter"),
    ],
)
def test_what_can_not_be_ordered_is_said_in_a_line(
    letters: Run, tmp_path: Path, which: list[str], code: int, says: str
) -> None:
    """With an exit code of its own, and nothing is ordered."""
    for verb in (["retry"], ["drop", "--yes"]):
        ran = letters(verb[0], "Hook", *which, *verb[1:])
        assert (ran.code, len(ran.err.splitlines())) == (code, 1)
        assert says in ran.err
    assert ordered(tmp_path) == []
