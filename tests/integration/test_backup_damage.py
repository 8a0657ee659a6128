"""Backups of stores of which a segment is damaged or gone: what there is comes back, and no copy that is
worth something is swept away."""

import json
import os
from pathlib import Path

import apsw
import pytest

from pixelwire.clock import DAY_MS
from pixelwire.record.begin import seqs_of_lost
from pixelwire.record.damage import set_aside
from pixelwire.record.reader import Reader
from pixelwire.record.segments import segment_path
from support.keeping import START_MS, fill, fill_days
from support.stores import problems, restore, take

PAGE_BYTES = 4_096
NEWEST = 4


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Four segments of three events; the last one is open and not in the totals."""
    place = tmp_path / "data"
    fill_days(place, NEWEST)
    return place


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def garble(path: Path, first_page: int = 0) -> None:
    """As a failing disk does it."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "DELETE")
    connection.close()
    with path.open("r+b") as file:
        file.seek(first_page * PAGE_BYTES)
        file.write(os.urandom(path.stat().st_size - first_page * PAGE_BYTES))


def stored(data_dir: Path) -> list[tuple[int, str]]:
    """Every event's seq and id."""
    reader = Reader(data_dir)
    found, after = [], 0
    while True:
        page = reader.read(after, limit=100)
        found += [(event.seq, json.loads(event.payload)["messageId"]) for event in page.events]
        if page.at_head:
            reader.close()
            return found
        after = max(page.scanned_to, page.missed_to)


def events(first: int, last: int) -> list[tuple[int, str]]:
    return [(seq, f"e{seq}") for seq in range(first, last + 1)]


def test_a_backup_without_its_newest_segment_comes_back(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Taken while it was damaged: the restored store starts, and goes on after what is left."""
    garble(segment_path(data_dir, NEWEST))
    report = take(data_dir, backup)
    assert len(report.problems) == 1
    assert (report.manifest.head, report.manifest.folded_to) == (9, 3)
    assert problems(backup) == []
    store_id = restore(backup, tmp_path / "again").store_id
    assert Reader(tmp_path / "again").store_id() == store_id
    fill(tmp_path / "again", [START_MS + 5 * DAY_MS] * 4)
    assert stored(tmp_path / "again") == events(1, 13)
    assert problems(tmp_path / "again") == []
    assert Reader(tmp_path / "again").store_id() == store_id


def test_a_backup_whose_newest_segments_are_only_counted_comes_back(
    data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """Their counts were saved into the totals: events go on above every seq that they can have had."""
    for number in (3, 4):
        segment_path(data_dir, number).unlink()
    take(data_dir, backup)
    restore(backup, tmp_path / "again")
    fill(tmp_path / "again", [START_MS + 5 * DAY_MS])
    head = 6 + seqs_of_lost(1) + 1
    assert stored(tmp_path / "again") == [*events(1, 6), (head, f"e{head}")]


@pytest.mark.parametrize("first_page", [0, 5])
def test_an_earlier_copy_of_the_damaged_newest_segment_is_kept(
    first_page: int, data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """The backup ends where that copy ends, and says so."""
    take(data_dir, backup)
    fill_events = [START_MS + 4 * DAY_MS] * 3
    fill(data_dir, fill_events[:1])
    take(data_dir, backup)
    fill(data_dir, fill_events[1:2])
    garble(segment_path(data_dir, 5), first_page)
    report = take(data_dir, backup)
    assert len(report.problems) == 1
    assert report.manifest.head == 13
    assert problems(backup) == []
    restore(backup, tmp_path / "again")
    assert stored(tmp_path / "again") == events(1, 13)


def test_a_copy_of_another_history_is_not_kept(backup: Path, tmp_path: Path) -> None:
    """The store that this one was restored from went on: its events are not this one's."""
    fill(tmp_path / "data", [START_MS] * 4)
    take(tmp_path / "data", backup)
    restore(backup, tmp_path / "twin", accept_cursors=True)
    fill(tmp_path / "data", [START_MS])
    take(tmp_path / "data", backup)
    garble(segment_path(tmp_path / "twin", 2))
    report = take(tmp_path / "twin", backup)
    assert (sorted(report.manifest.segments()), report.manifest.head) == ([1], 3)


def test_the_copy_of_a_segment_that_was_set_aside_stays(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Whatever number of backups is taken until its owner puts it back."""
    take(data_dir, backup)
    garble(segment_path(data_dir, 2))
    set_aside(data_dir, 2)
    for _ in range(2):
        report = take(data_dir, backup)
        assert report.notes == [
            "events/000002.db.damaged was set aside and is not copied; its copy in the backup is kept"
        ]
    restore(backup, tmp_path / "again")
    assert stored(tmp_path / "again") == events(1, 12)


@pytest.mark.parametrize("number", [2, 4])
def test_a_segment_that_somebody_removed_is_told_and_its_copy_stays(
    number: int, data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """Only what retention removed leaves the backup without a word."""
    take(data_dir, backup)
    fill_days(data_dir, 1, first_ms=START_MS + 4 * DAY_MS)
    segment_path(data_dir, number).unlink()
    report = take(data_dir, backup)
    assert report.notes == [
        f"events/{number:06d}.db is missing, and not by retention; its copy in the backup is kept"
    ]
    restore(backup, tmp_path / "again")
    assert stored(tmp_path / "again") == events(1, 15)


def test_a_damaged_segment_that_somebody_removed_does_not_stop_backups(data_dir: Path, backup: Path) -> None:
    """Though it is not in the totals: they can not be waited for, it will never be."""
    garble(segment_path(data_dir, NEWEST))
    fill(data_dir, [START_MS + 5 * DAY_MS])
    segment_path(data_dir, NEWEST).with_suffix(".db.damaged").unlink()
    report = take(data_dir, backup)
    assert report.manifest.folded_to < NEWEST
    assert report.notes == ["events/000004.db is missing, and not by retention; there is no copy"]
