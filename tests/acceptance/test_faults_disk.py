"""The fault table of docs/faults.md, the disk has no room: while it is written to, and at a start.

The real command on a file system of its own that is small.
"""

import json
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from support.faults import (
    FAILING,
    OPEN_METRICS,
    WARNING,
    fill,
    fill_names,
    see_check,
    see_log,
    see_metric,
    see_ready,
    small_disk,
)
from support.load import Connection, Load
from support.pixels import GIF
from support.promise import check_promise
from support.server import Server
from support.waiting import wait_until

pytestmark = pytest.mark.alone

CHECK = "pixelwire_health_check_state"
REASONS = ("failed disk_full", "failed catalog_unreachable")
PADDING = 24_000
SEGMENT_BYTES = 16 * 1_048_576  # the smallest there is: under a limit of size segments are small
SMALL_SEGMENTS = {"PIXELWIRE_RETENTION_BYTES": str(1 << 30), **OPEN_METRICS}


def load_of(server: Server, *, padding_bytes: int = 0, mark: str = "f") -> Load:
    return Load(server.port, server.facts["write_key"], mark=mark, padding_bytes=padding_bytes)


def test_a_full_disk(tmp_path: Path) -> None:
    """503 `disk_full` at once, loud, and over when there is room again."""
    with small_disk(tmp_path / "data", "32m") as disk, Server(disk, environment=OPEN_METRICS) as server:
        ballast = disk / "ballast"
        with load_of(server) as load:
            load.wait_stored()
            fill(ballast)
            load.wait_failed()
            see_check(server, "disk", "failing", "the disk is full")
            see_metric(server, CHECK, FAILING, check="disk")
            see_log(server, "disk_full", "free room")
            ballast.unlink()
            load.wait_stored()
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored", "failed disk_full"}
        see_ready(server)
        see_metric(server, "pixelwire_requests_answered_total", 16, outcome="failed", reason="disk_full")
        check_promise(server, ledger)


def test_a_disk_without_room_for_another_file(tmp_path: Path) -> None:
    """Nobody notices: the file of events that is written to goes on beyond its size until there is."""
    with (
        small_disk(tmp_path / "data", "256m", files=100) as disk,
        Server(disk, environment=SMALL_SEGMENTS) as server,
    ):
        (recorder,) = server.children("recorder")
        with load_of(server, padding_bytes=PADDING) as load:
            load.wait_stored()
            fill_names(disk / "names")
            load.wait_stored(SEGMENT_BYTES // PADDING)
        ledger = load.stop()
        assert [path.name for path in (disk / "events").glob("*.db")] == ["000001.db"]
        see_check(server, "disk", "warning", "no room for more files")
        see_metric(server, CHECK, WARNING, check="disk")
        see_log(server, "check_failed", "disk", "no room for more files")
        for path in (disk / "names").iterdir():
            path.unlink()
        with load_of(server, padding_bytes=PADDING, mark="g") as load:
            wait_until(lambda: (disk / "events" / "000002.db").exists(), 20, "the next file is begun")
            load.wait_stored(20)
        ledger.add(load.stop())
        assert set(ledger.outcomes) == {"stored"}
        assert server.children("recorder") == [recorder]
        see_ready(server)
        check_promise(server, ledger)


def killed(server: Server) -> None:
    """As a power cut leaves it: everything is where it was."""
    server.kill_group()


def restored(server: Server) -> None:
    """As a restore leaves it: what SQLite keeps beside its files is not there, and would have to be made."""
    server.stop()
    for path in server.data_dir.rglob("*.db"):
        connection = apsw.Connection(str(path))
        connection.pragma("journal_mode", "DELETE")
        connection.pragma("journal_mode", "WAL")
        connection.close()
    for path in server.data_dir.rglob("*.db-*"):
        path.unlink()


@pytest.mark.parametrize(
    ("leave", "reason", "is_readable"),
    [(killed, "disk_full", True), (restored, "catalog_unreachable", False)],
)
def test_a_start_on_a_full_disk(
    leave: Callable[[Server], None], reason: str, is_readable: bool, tmp_path: Path
) -> None:
    """The server comes up: 503 with the image is better than nobody who listens. What can be read is read.
    The sockets, which lay on the same disk, are made elsewhere."""
    disk = tmp_path / "data"
    environment = {**OPEN_METRICS, "XDG_RUNTIME_DIR": str(disk)}
    with small_disk(disk, "64m"), Server(disk, environment=environment) as server:
        with load_of(server) as load:
            load.wait_stored()
        before = load.stop()
        leave(server)
        ballast = disk / "ballast"
        fill(ballast)
        server.serve()
        assert (runtime := Path((disk / "runtime").read_text().strip())).is_dir()
        assert disk not in runtime.parents
        with load_of(server, mark="g") as load:
            load.wait_failed()
            see_check(server, "disk", "failing", "the disk is full")
            see_metric(server, CHECK, FAILING, check="disk")
            see_log(server, "disk_full", "free room")
            if is_readable:
                assert len(server.events()) == len(before.acknowledged)
            else:
                see_check(server, "catalog", "failing", "free some space")
                see_check(server, "courier", "warning", "the courier is starting")
                see_log(server, "courier_waits", "delivery.db", "free some space")
            visitor = Connection(server.port)
            answer = visitor.get(f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1")
            visitor.close()
            assert (answer.status, answer.body) == (503, GIF)
            assert server.log().count("courier_waits") == (not is_readable)
            assert "process_died" not in server.log()
            ballast.unlink()
            load.wait_stored()
        ledger = load.stop()
        assert {"stored", f"failed {reason}"} <= set(ledger.outcomes) <= {"stored", *REASONS}
        see_ready(server)
        see_check(server, "courier", "ok", "")
        stored = {event["message_id"] for event in server.events()}
        assert stored >= {*before.acknowledged, *ledger.acknowledged}
        assert server.counted() == len(stored)
        assert json.loads((disk / "server.json").read_text())["pixel_url"]
