"""The fault table of docs/faults.md, damaged segments: the rest is served, no seq is used again."""

import os
import shutil
from collections import Counter
from pathlib import Path

import apsw
import pytest

from pixelwire.event import client_id_key
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.segments import PAGE_BYTES, segment_path
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event
from support.faults import OPEN_METRICS, WARNING, checks, metric, see_check, see_log, see_metric, see_ready
from support.load import Load
from support.promise import check_promise
from support.server import Server
from support.waiting import wait_until

CHECK = "pixelwire_health_check_state"
EVENTS_A_SEGMENT = 100
SEGMENTS = 4
PIXEL = 1  # the number of the first pixel of a store
LAST_PAGES = 13  # of the events only; the counts lie before them


def stored_id(segment: int, position: int) -> str:
    return f"s{segment}-{position}"


def served(data_dir: Path) -> Server:
    """A server over a store of a few segments, stopped; the events have ids of their own."""
    server = Server(data_dir, environment=OPEN_METRICS)
    server.start()
    server.stop()
    writer = Writer.open(data_dir, segment_limits=SegmentLimits(events_max=EVENTS_A_SEGMENT), is_inline=True)
    assert client_id_key(PIXEL, "x") < 0
    for segment in range(1, SEGMENTS + 1):
        events = [
            make_event(PIXEL, message_id=stored_id(segment, position), payload={"filler": "f" * 300})
            for position in range(EVENTS_A_SEGMENT)
        ]
        writer.commit([(segment, make_batch(1, events))])
    writer.close()
    return server


def overwrite(path: Path, first_page: int) -> None:
    """As a failing disk does it: pages are something else. Nothing in the log can mend them."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "WAL")  # without a look at the log nothing would be copied
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    overwrite_file(path, first_page)


def overwrite_file(path: Path, first_page: int) -> None:
    pages = path.stat().st_size // PAGE_BYTES - first_page
    with path.open("r+b") as file:
        file.seek(first_page * PAGE_BYTES)
        file.write(os.urandom(pages * PAGE_BYTES))


def see_damage(server: Server, number: int, counts: str) -> None:
    """All that the owner sees of it."""
    see_check(server, "events", "warning", f"damaged and set aside: segment {number};")
    see_metric(server, CHECK, WARNING, check="events")
    see_metric(server, "pixelwire_segments_damaged_files", 1)
    see_log(server, "segment_damaged", f"{number:06d}.db.damaged", "from a backup", f"counts={counts}")


def test_a_damaged_segment_that_was_sealed(tmp_path: Path) -> None:
    """Found by who reads it, set aside, the rest served and counted; back when a copy takes its place."""
    server = served(tmp_path / "data")
    damaged = segment_path(server.data_dir, 2)
    backup = tmp_path / "backup.db"
    shutil.copy(damaged, backup)
    overwrite(damaged, 6)
    with server:
        with Load(server.port, server.facts["write_key"]) as load:
            load.wait_stored()
            ids = {event["message_id"] for event in server.events()}
            see_damage(server, 2, "kept")
            load.wait_stored()
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        assert ids >= {stored_id(segment, 7) for segment in (1, 3, 4)}
        assert server.receipt(stored_id(2, 7)) is None
        assert server.receipt(stored_id(3, 7)) is not None
        check_promise(server, ledger, before=(SEGMENTS - 1) * EVENTS_A_SEGMENT, lost=EVENTS_A_SEGMENT)
        # The remedy: what was set aside is replaced, and the server need not be told.
        shutil.copy(backup, damaged)
        damaged.with_name(damaged.name + ".damaged").unlink()
        wait_until(lambda: checks(server)["events"].state == "ok", 10, "the segment is served again")
        assert metric(server, "pixelwire_segments_damaged_files") == 0
        assert server.receipt(stored_id(2, 7)) is not None
        check_promise(server, ledger, before=SEGMENTS * EVENTS_A_SEGMENT)


@pytest.mark.parametrize(("first_page", "counts"), [(0, "lost"), (LAST_PAGES, "kept")])
def test_a_damaged_segment_that_was_open(first_page: int, counts: str, tmp_path: Path) -> None:
    """Set aside at the start; events go on in the next one, with numbers that were never used; its counts
    stay when they can be trusted."""
    server = served(tmp_path / "data")
    damaged = segment_path(server.data_dir, SEGMENTS)
    overwrite(damaged, first_page)
    with server:
        with Load(server.port, server.facts["write_key"]) as load:
            load.wait_stored()
            see_damage(server, SEGMENTS, counts)
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        new = [event for event in server.events() if not event["message_id"].startswith("s")]
        assert min(event["seq"] for event in new) > SEGMENTS * EVENTS_A_SEGMENT
        see_ready(server)
        lost = EVENTS_A_SEGMENT if counts == "kept" else 0
        check_promise(server, ledger, before=(SEGMENTS - 1) * EVENTS_A_SEGMENT, lost=lost)


def test_the_open_segment_is_damaged_while_it_is_written(tmp_path: Path) -> None:
    """The recorder leaves it as soon as it meets the damage, and asks nobody; the next one sets it aside."""
    server = served(tmp_path / "data")
    with server:
        newest = segment_path(server.data_dir, SEGMENTS)
        with Load(server.port, server.facts["write_key"]) as load:
            load.wait_stored()
            overwrite_file(newest, 6)  # what lay in it at the start; what came since is in the log
            server.receipt(stored_id(SEGMENTS, 7))  # no server error: who reads it meets the damage
            see_log(server, "recorder_failed", "damaged")
            see_damage(server, SEGMENTS, "")
            lost = set(load.acknowledged_ids())  # at most these; what is acknowledged from here on is there
            load.wait_stored()
        ledger = load.stop()
        assert {"stored"} <= ledger.outcomes.keys() <= {"stored", "duplicate", "failed unconfirmed"}
        assert ledger.wrong == []
        stored = Counter(event["message_id"] for event in server.events())
        assert stored.total() == len(stored), "stored twice"
        assert set(ledger.acknowledged) - stored.keys() <= lost
        assert {stored_id(segment, 7) for segment in (1, 2, 3)} <= stored.keys()
        see_ready(server)


def test_the_newest_segment_is_cut_off(tmp_path: Path) -> None:
    """An empty file where one was that had events: not taken for one that was just begun."""
    server = served(tmp_path / "data")
    newest = segment_path(server.data_dir, SEGMENTS)
    overwrite(newest, 0)
    newest.write_bytes(b"")
    with server:
        with Load(server.port, server.facts["write_key"]) as load:
            load.wait_stored()
            see_damage(server, SEGMENTS, "lost")
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        new = [event for event in server.events() if not event["message_id"].startswith("s")]
        assert min(event["seq"] for event in new) > SEGMENTS * EVENTS_A_SEGMENT
        see_ready(server)
        check_promise(server, ledger, before=(SEGMENTS - 1) * EVENTS_A_SEGMENT)
