"""The fault table of docs/faults.md, the clock: counts stay in the hour that was seen, nothing is deleted,
and who sends an id again is known. The whole server runs under faketime; its monotonic clock stays true.
"""

import math
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from pixelwire.clock import HOUR_MS, SystemClock
from pixelwire.record.reader import Reader
from support.faults import OPEN_METRICS, WARNING, see_check, see_log, see_metric, see_ready
from support.keeping import PER_SEGMENT, fill
from support.load import Connection
from support.server import Server

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
EVENTS = 40
TOLERANCE_S = 60
HOURS_AGO = (100, 80, 60, 40, 20)
OLD = len(HOURS_AGO) * PER_SEGMENT
CHECK = "pixelwire_health_check_state"
PIXEL = 1  # the number of the first pixel of a store
HOUR_MAX = 10_000_000


class Visitor:
    """Sends events with ids of their own and tells what became of each."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def send(self, mark: str) -> set[str]:
        connection = Connection(self._server.port)
        key = self._server.facts["write_key"]
        outcomes = set()
        for number in range(EVENTS):
            target = f"/pixel/v1/page?writeKey={key}&anonymousId=a&messageId={mark}-{number}"
            outcomes.add(connection.get(target).headers["x-pixelwire-outcome"])
        connection.close()
        return outcomes


def under_faketime(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment of a server whose wall clock is set by a file."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    assert library, "this test needs faketime: apt-get install faketime"
    setting = folder / "clock"
    setting.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(setting),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return environment, setting


def set_clock(setting: Path, seconds: int) -> None:
    """Whole or not at all: it is read all the time."""
    fresh = setting.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.replace(setting)


def times_of(server: Server, mark: str) -> list[float]:
    return [
        datetime.fromisoformat(event["received_at"]).timestamp()
        for event in server.events()
        if event["message_id"].startswith(mark)
    ]


def check_counts(server: Server, received_s: list[float]) -> None:
    """Over all hours, also those to come: each event in the one that the server saw."""
    reader = Reader(server.data_dir)
    counts = reader.signal_counts(PIXEL, 0, HOUR_MAX)
    hours = Counter(int(received) // HOUR_S for received in received_s)
    assert {hour: amount for (hour, _), amount in counts.items()} == hours
    outcomes: Counter[str] = Counter()
    for (_, outcome, _), amount in reader.outcomes(None, 0, HOUR_MAX).items():
        outcomes[outcome] += amount
    assert (outcomes["stored"], outcomes["duplicate"]) == (OLD + 3 * EVENTS, 5 * EVENTS)
    reader.close()


def store_of_days(data_dir: Path, environment: dict[str, str]) -> Server:
    """A server, stopped, over sealed segments of the last days, with no hole of a day between them. By their
    age they may go after a month."""
    server = Server(data_dir, environment={**OPEN_METRICS, "PIXELWIRE_RETENTION_DAYS": "30", **environment})
    server.start()
    server.stop()
    now_ms = SystemClock().now_ms()
    fill(data_dir, [now_ms - hours * HOUR_MS for hours in HOURS_AGO for _ in range(PER_SEGMENT)])
    return server


@pytest.mark.parametrize("jump_s", [-HOUR_S, DAY_S, 3_650 * DAY_S], ids=["hour back", "day", "ten years"])
def test_a_clock_that_is_set(jump_s: int, tmp_path: Path) -> None:
    """Ids stay known across the jump and across a restart after it, and when the clock is set right again.
    Nothing is deleted, though after ten years everything is older than it may be."""
    environment, setting = under_faketime(tmp_path)
    with store_of_days(tmp_path / "data", environment) as server:
        visitor = Visitor(server)
        assert visitor.send("before") == {"stored"}
        set_clock(setting, jump_s)
        assert visitor.send("before") == {"duplicate"}
        assert visitor.send("after") == {"stored"}
        see_log(server, "clock_jumped", "why the clock was set")
        server.stop()
        server.start()
        if jump_s > 30 * DAY_S:
            see_check(server, "retention", "warning", "check the clock")
            see_metric(server, CHECK, WARNING, check="retention")
            see_metric(server, "pixelwire_retention_waiting_state", 1, reason="clock")
            see_log(server, "retention_waits", "clock", "pixelwire retention confirm")
        assert visitor.send("before") == {"duplicate"}
        assert visitor.send("after") == {"duplicate"}
        set_clock(setting, 0)
        assert visitor.send("before") == {"duplicate"}
        assert visitor.send("after") == {"duplicate"}
        assert visitor.send("again") == {"stored"}
        see_check(server, "retention", "ok", "")
        old, before, after = times_of(server, "e"), times_of(server, "before"), times_of(server, "after")
        assert (len(old), len(before), len(after)) == (OLD, EVENTS, EVENTS), "nothing is deleted"
        assert math.isclose(after[0] - before[0], jump_s, abs_tol=TOLERANCE_S), "the time that was seen"
        see_ready(server)
        check_counts(server, [*old, *before, *after, *times_of(server, "again")])
