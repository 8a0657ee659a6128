"""The command `pixelwire reconcile`: what it is given, and what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import HOUR_MS
from pixelwire.event import RECEIVED, Tally
from pixelwire.record.writer import Writer
from pixelwire.times import iso_ms
from support.events import make_batch, make_event

Run = Callable[..., Any]
AT_MS = 1_769_144_167_089  # 2026-01-23T04:56:07.089Z
HOURS = ("--from", "2026-01-23T04:00Z", "--to", "2026-01-23T05:00Z")


def answered(*ids: str) -> None:
    """A log of nginx with these ids."""
    Path("access.log").write_text(
        "".join(
            f'- - - [23/Jan/2026:04:56:07 +0000] "GET /pixel/v1/page HTTP/1.1" 200 43 "-" "-"'
            f' msec=1769144167.1 request_time=0.005 outcome="stored" message_id="{id_}"\n'
            for id_ in ids
        )
    )


@pytest.fixture
def shop(ready: Run) -> Run:
    """A data directory with one event, m1."""
    writer = Writer.open(Path("data"), is_inline=True)
    received = Tally(AT_MS // HOUR_MS, 0, RECEIVED, "", 1)
    writer.commit([(7, make_batch(1, [make_event(message_id="m1", received_ms=AT_MS)], [received]))])
    writer.close()
    return ready


def test_what_agrees_is_exit_code_0(shop: Run) -> None:
    """A table by hour, and a word at the end."""
    answered("m1")
    ran = shop("reconcile", "access.log", *HOURS)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "From 2026-01-23T04:00:00.000Z to 2026-01-23T05:00:00.000Z:"
    assert lines[1] == "1 requests of pixels in 1 lines, with message ids."
    assert lines[3].startswith("HOUR                  LOG  LEDGER  STORED IN LOG  IN LEDGER  ON DISK")
    assert lines[4].split() == ["2026-01-23T04:00:00Z", "1", "1", "1", "1", "1", "0", "agrees"]
    assert lines[-1] == "All agrees."


def test_what_is_missing_is_exit_code_1(shop: Run) -> None:
    """With ids, where they were answered, and what to do."""
    answered("m1", "m\x7f2")
    ran = shop("reconcile", "access.log", *HOURS)
    assert ran.code == 1
    assert "missing: m\\x7f2  2026-01-23T04:56:07.100Z  access.log:2" in ran.out
    assert "1 missing: " in ran.out
    answered("m1", "m2", "m3")
    assert "... and 1 more" in shop("reconcile", "access.log", *HOURS, "--list", "1").out


def test_what_may_be_harmless_is_exit_code_0_unless_strict(shop: Run) -> None:
    """An event that is in no log was sent past the proxy."""
    Path("access.log").write_text("")
    ran = shop("reconcile", "access.log", *HOURS)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Nothing is missing, nothing is double.")
    assert "1 that no log tells of" in ran.out
    assert shop("reconcile", "access.log", *HOURS, "--strict").code == 1


def test_programs_get_json(shop: Run) -> None:
    """With everything in it."""
    answered("m1", "m2")
    said = shop("reconcile", "access.log", *HOURS, "--json").json
    assert said["missing"]["first"] == [
        {"message_id": "m2", "at": "2026-01-23T04:56:07.100Z", "note": "access.log:2"}
    ]
    assert (said["has_faults"], said["hours"][0]["hour"]) == (True, "2026-01-23T04:00:00Z")
    assert said["logs"]["requests"] == 2


def test_unreadable_lines_are_told_by_their_place(shop: Run) -> None:
    """On stderr, without what is in them."""
    answered("m1")
    with Path("access.log").open("a") as log:
        log.write("203.0.113.7 secret\n")
    ran = shop("reconcile", "access.log", *HOURS)
    assert ran.err == "not readable: access.log:2: 19 bytes in no format that is known\n"
    assert "1 lines could not be read" in ran.out


def test_a_day_as_an_end_counts_whole(shop: Run) -> None:
    """As in the API."""
    answered("m1")
    said = shop("reconcile", "access.log", "--from", "2026-01-22", "--to", "2026-01-23", "--json").json
    assert (said["from"], said["to"]) == ("2026-01-22T00:00:00.000Z", "2026-01-24T00:00:00.000Z")
    zone = shop("reconcile", "access.log", "--from", "2026-01-23T05:00+01:00", "--json").json
    assert zone["from"] == iso_ms(AT_MS)[:13] + ":00:00.000Z"


def test_a_pixel_is_named_as_everywhere(shop: Run) -> None:
    """By its name too."""
    answered("m1")
    said = shop("reconcile", "access.log", *HOURS, "--pixel", "Front", "--json").json
    assert said["logs"]["unattributed"] == 1
    assert shop("reconcile", "access.log", *HOURS, "--pixel", "None").code == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["access.log", "--from", "yesterday"], 2),
        (["access.log", "--from", "2026-01-23", "--to", "2026-01-22"], 2),
        (["access.log", "--manage-url", "http://127.0.0.1:9", "--pixel", "Front"], 2),
        (["access.log", "--manage-url", "http://127.0.0.1:9"], 2),
        (["none.log"], 1),
        (["empty.log"], 1),
    ],
)
def test_what_is_wrong_is_one_line(shop: Run, arguments: list[str], code: int) -> None:
    """With what to do."""
    answered("m1")
    Path("empty.log").write_text("")
    ran = shop("reconcile", *arguments)
    assert ran.code == code
    assert ran.err.count("\n") == 1


def test_without_data_there_is_nothing_to_compare_with(run: Run) -> None:
    """A slip of the pen is told."""
    answered("m1")
    ran = run("reconcile", "access.log")
    assert (ran.code, "there is no data directory" in ran.err) == (1, True)


def test_a_server_elsewhere_is_asked(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token that is on no command line."""
    answered("m1")
    monkeypatch.setenv("PIXELWIRE_TOKEN", "t")
    ran = shop("reconcile", "access.log", "--manage-url", "http://127.0.0.1:9")
    assert ran.code == 4
