"""Backups of real stores: whole whatever happens meanwhile, sealed files once, the former one unbroken."""

import json
import stat
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from pixelwire.backup import manifest
from pixelwire.backup import take as taking
from pixelwire.backup.errors import BackupDamaged, BackupError
from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import DropLetters, RetryLetters
from pixelwire.clock import SystemClock
from pixelwire.deliver.database import open_to_write
from pixelwire.errors import DataDirectoryError, SchemaMismatch
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.damage import set_aside
from pixelwire.record.reader import Reader
from pixelwire.record.retention import RetentionLimits
from pixelwire.record.segments import segment_path
from pixelwire.record.writer import Writer
from pixelwire.supervise.lock import DataDirectory
from support.catalogs import make_shop
from support.events import make_batch, make_event
from support.keeping import START_MS, deliver_to, fill, fill_days, retention, run
from support.letters import insert_letter
from support.stores import names, problems, restore, take

LAST_HOUR = 1 << 40


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Four segments of three events, the last one open, a shop and a destination half way."""
    place = tmp_path / "data"
    place.mkdir(mode=0o700)
    shop = make_shop(place)
    destination = shop.catalog.create_destination(shop.business.id, "webhook", "hook", {})
    shop.catalog.close()
    fill_days(place, 4)
    deliver_to(place, 6, destination.id)
    (place / "quickstart.json").write_text("{}")
    return place


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def counted(data_dir: Path) -> int:
    reader = Reader(data_dir)
    amount = sum(reader.signal_counts(1, 0, LAST_HOUR).values())
    reader.close()
    return amount


def stored(data_dir: Path) -> list[str]:
    reader = Reader(data_dir)
    ids = [json.loads(event.payload)["messageId"] for event in reader.read(0, limit=10_000).events]
    reader.close()
    return ids


def test_a_backup_is_whole_and_comes_back(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Events, counts, ids, catalog and deliveries are as they were."""
    report = take(data_dir, backup)
    assert (report.manifest.head, report.problems) == (12, [])
    assert problems(backup) == []
    restore(backup, tmp_path / "again")
    assert stored(tmp_path / "again") == stored(data_dir)
    assert counted(tmp_path / "again") == 12
    assert (tmp_path / "again" / "quickstart.json").read_text() == "{}"
    catalog = Catalog.open(tmp_path / "again")
    assert [business.name for business in catalog.businesses()] == ["Shop"]
    catalog.close()


def test_files_are_their_owner_s_only(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """In the backup and in what is restored: they hold secrets and visitors' data."""
    take(data_dir, backup)
    restore(backup, tmp_path / "again")
    for root in (backup, tmp_path / "again"):
        for path in (root, *root.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


def test_sealed_segments_are_copied_once(data_dir: Path, backup: Path) -> None:
    """The next backup copies what can have changed; what the former one alone needed is gone."""
    first = take(data_dir, backup)
    assert [file.name for file in first.kept] == []
    fill_days(data_dir, 1, first_ms=START_MS + 4 * 86_400_000)
    second = take(data_dir, backup)
    assert [file.name for file in second.kept] == [f"events/00000{number}.db" for number in (1, 2, 3)]
    assert [file.name for file in second.copied if file.number] == ["events/000004.db", "events/000005.db"]
    assert names(backup) == {"manifest.json", "lock", *(file.path for file in second.manifest.files)}
    assert problems(backup) == []


def test_a_copy_that_is_gone_is_made_again(data_dir: Path, backup: Path) -> None:
    """What the manifest speaks of must be there."""
    first = take(data_dir, backup)
    (backup / first.manifest.segments()[2].path).unlink()
    second = take(data_dir, backup)
    assert 2 in [file.number for file in second.copied]
    assert problems(backup) == []


def test_what_retention_removed_leaves_the_backup(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Unless it shall be kept; then a restore brings it back and counts nothing twice."""
    deliver_to(data_dir, 12)
    take(data_dir, backup)
    run(retention(data_dir, RetentionLimits(hard_bytes_max=1)))
    assert sorted(take(data_dir, backup, keep_removed=True).manifest.segments()) == [1, 2, 3, 4]
    restore(backup, tmp_path / "all")
    assert (len(stored(tmp_path / "all")), counted(tmp_path / "all")) == (12, 12)
    assert sorted(take(data_dir, backup).manifest.segments()) == [4]
    assert problems(backup) == []
    restore(backup, tmp_path / "rest")
    assert (len(stored(tmp_path / "rest")), counted(tmp_path / "rest")) == (3, 12)
    for place in (tmp_path / "all", tmp_path / "rest"):
        fill_days(place, 2, first_ms=START_MS + 4 * 86_400_000)
        assert counted(place) == 18
        assert stored(place)[-1] == "e18"


@pytest.mark.parametrize("at", ["delivery.db", "totals.db", "events/000003.db", "catalog.db"])
def test_events_that_are_sealed_and_folded_meanwhile_are_counted_once(
    at: str, data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """Whatever moment of the backup it happens at: restored, counts and events agree, and none is missing."""
    grown: list[str] = []

    def say(what: str, name: str, size: int) -> None:
        if name == at and not grown:
            grown.append(name)
            fill_days(data_dir, 3, first_ms=START_MS + 4 * 86_400_000)

    report = taking.take(data_dir, backup, SystemClock(), keep_removed=False, say=say)
    assert grown
    assert report.manifest.head >= 12
    assert problems(backup) == []
    restore(backup, tmp_path / "again", accept_cursors=True)
    ids = stored(tmp_path / "again")
    assert ids == [f"e{number}" for number in range(1, report.manifest.head + 1)]
    assert counted(tmp_path / "again") == len(ids)
    fill_days(tmp_path / "again", 3, first_ms=START_MS + 9 * 86_400_000)
    assert counted(tmp_path / "again") == len(ids) + 9
    assert problems(tmp_path / "again") == []


@pytest.mark.parametrize("at", ["totals.db", "events/000002.db"])
def test_events_that_are_removed_meanwhile_keep_their_counts(
    at: str, data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """The open segment is sealed, folded and removed before it is copied: all is taken again."""
    grown: list[str] = []

    def say(what: str, name: str, size: int) -> None:
        if name == at and not grown:
            grown.append(name)
            fill_days(data_dir, 3, first_ms=START_MS + 4 * 86_400_000)
            run(retention(data_dir, RetentionLimits(hard_bytes_max=1)))

    report = taking.take(data_dir, backup, SystemClock(), keep_removed=False, say=say)
    assert (report.manifest.head, sorted(report.manifest.segments())) == (21, [7])
    assert problems(backup) == []
    restore(backup, tmp_path / "again")
    assert counted(tmp_path / "again") == 21


def test_a_writer_that_never_rests_does_not_break_a_backup(data_dir: Path, tmp_path: Path) -> None:
    """Backup after backup while a thread records, seals, folds and removes: each is a whole store."""
    stop = threading.Event()
    limits = RetentionLimits(hard_bytes_max=6_000_000)

    def write() -> None:
        writer = Writer.open(
            data_dir, segment_limits=SegmentLimits(events_max=5), retention=limits, is_inline=True
        )
        number = 0
        while not stop.is_set():
            number += 1
            writer.commit([(77, make_batch(number, [make_event(), make_event(message_id=f"x{number}")]))])
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        heads = []
        for number in range(6):
            report = take(data_dir, tmp_path / "backup")
            heads.append(report.manifest.head)
            assert problems(tmp_path / "backup") == []
            restore(tmp_path / "backup", tmp_path / f"again{number}")
            assert counted(tmp_path / f"again{number}") == report.manifest.head
    finally:
        stop.set()
        thread.join()
    assert heads == sorted(heads)
    assert heads[-1] > 12


class Cut:
    """Ends a backup after so many files."""

    def __init__(self, files: int) -> None:
        self._left = files

    def __call__(self, what: str, name: str, size: int) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def test_a_backup_that_is_cut_short_leaves_the_former_one(data_dir: Path, backup: Path) -> None:
    """At whatever file: its copies are swept away by the next."""
    take(data_dir, backup)
    former = (backup / "manifest.json").read_bytes()
    fill_days(data_dir, 2, first_ms=START_MS + 4 * 86_400_000)
    for cut_at in range(1, 12):
        try:
            taking.take(data_dir, backup, SystemClock(), keep_removed=False, say=Cut(cut_at))
        except KeyboardInterrupt:
            assert (backup / "manifest.json").read_bytes() == former
            assert problems(backup) == []
    assert (backup / "manifest.json").read_bytes() != former, "the last one was not cut"
    kept = manifest.read(backup)
    assert kept is not None
    assert names(backup) == {"manifest.json", "lock", *(file.path for file in kept.files)}


def test_a_store_without_events_can_be_backed_up(tmp_path: Path) -> None:
    """Its catalog is worth a copy too."""
    (tmp_path / "data").mkdir()
    make_shop(tmp_path / "data").catalog.close()
    take(tmp_path / "data", tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    fill(tmp_path / "again", [START_MS])
    assert counted(tmp_path / "again") == 1
    fill(tmp_path / "data", [START_MS])
    take(tmp_path / "data", tmp_path / "backup")
    assert problems(tmp_path / "backup") == []


def test_the_backup_of_another_store_is_not_written_over(
    data_dir: Path, backup: Path, tmp_path: Path
) -> None:
    """But a restored store goes on with the backups of the one that it came from."""
    take(data_dir, backup)
    fill_days(tmp_path / "other", 1)
    with pytest.raises(BackupError, match="another store"):
        take(tmp_path / "other", backup)
    restore(backup, tmp_path / "again", accept_cursors=True)
    fill_days(tmp_path / "again", 2, first_ms=START_MS + 4 * 86_400_000)
    report = take(tmp_path / "again", backup)
    assert [file.number for file in report.kept] == [1, 2, 3]
    assert problems(backup) == []


def test_two_histories_of_a_segment_are_two_files(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """The store and its restored twin seal the same number differently: neither takes the other's copy."""
    take(data_dir, backup)
    restore(backup, tmp_path / "twin", accept_cursors=True)
    fill(data_dir, [START_MS + 5 * 86_400_000] * 3)
    take(data_dir, backup)
    fill(tmp_path / "twin", [START_MS + 6 * 86_400_000] * 3)
    report = take(tmp_path / "twin", backup)
    assert 4 in [file.number for file in report.copied]
    assert problems(backup) == []


@pytest.mark.parametrize("place", ["data", "data/backup", ""])
def test_a_backup_is_not_put_into_the_store(place: str, data_dir: Path, tmp_path: Path) -> None:
    """Nor the other way round."""
    with pytest.raises(BackupError, match="in one another"):
        take(data_dir, tmp_path / place)


def test_other_files_are_left_alone(data_dir: Path, backup: Path) -> None:
    """A directory that is somebody's is not taken for a backup."""
    backup.mkdir()
    (backup / "diary.txt").write_text("dear diary")
    with pytest.raises(BackupError, match="other files"):
        take(data_dir, backup)
    assert names(backup) == {"diary.txt", "lock"}


def test_one_backup_at_a_time(data_dir: Path, backup: Path) -> None:
    """The second one says so and changes nothing."""
    caught: list[Exception] = []

    def say(what: str, name: str, size: int) -> None:
        try:
            take(data_dir, backup)
        except BackupError as error:
            caught.append(error)

    taking.take(data_dir, backup, SystemClock(), keep_removed=False, say=say)
    assert "under way" in str(caught[0])
    assert problems(backup) == []


def test_a_damaged_segment_does_not_stop_a_backup(data_dir: Path, backup: Path) -> None:
    """The rest is copied, and an older copy of it is kept."""
    take(data_dir, backup)
    segment_path(data_dir, 2).write_bytes(b"no database" * 10_000)
    report = take(data_dir, backup)
    assert ["damaged" in problem for problem in report.problems] == [True]
    assert problems(backup) == []


def test_a_segment_that_was_set_aside_is_told(data_dir: Path, backup: Path) -> None:
    """It is not part of the store any more: a note with the backup, a problem when the store is verified."""
    set_aside(data_dir, 2)
    report = take(data_dir, backup)
    assert (report.problems, len(report.notes)) == ([], 1)
    assert sorted(report.manifest.segments()) == [1, 3, 4]
    assert problems(data_dir)[0] == "events/000002.db is damaged and set aside"


def test_a_copy_from_a_backup_mends_a_store(data_dir: Path, backup: Path) -> None:
    """Put in the place of a damaged segment, it is one again."""
    report = take(data_dir, backup)
    set_aside(data_dir, 2).unlink()
    copy = backup / report.manifest.segments()[2].path
    segment_path(data_dir, 2).write_bytes(copy.read_bytes())
    assert problems(data_dir) == []
    assert len(stored(data_dir)) == 12


def test_a_directory_that_is_no_store_is_told(tmp_path: Path) -> None:
    """A slip of the pen makes no empty backup."""
    with pytest.raises(DataDirectoryError, match="no data directory"):
        take(tmp_path, tmp_path.parent / "backup")


# -- Restoring -------------------------------------------------------------------------------------


def test_only_an_empty_directory_is_restored_into(data_dir: Path, backup: Path) -> None:
    """What is there is not touched."""
    take(data_dir, backup)
    before = names(data_dir)
    with pytest.raises(DataDirectoryError, match="not empty"):
        restore(backup, data_dir)
    assert names(data_dir) - {"lock"} == before - {"lock"}


def test_a_restore_that_fails_leaves_nothing(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """A flipped bit is found by its checksum, and the directory is empty again."""
    report = take(data_dir, backup)
    path = backup / report.manifest.segments()[2].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupDamaged, match="checksum"):
        restore(backup, tmp_path / "again")
    assert names(tmp_path / "again") == {"lock"}
    assert any("checksum" in problem for problem in problems(backup))


def test_a_restore_that_was_cut_short_is_begun_anew(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Its marker is there: what it left is swept away, and no server starts before."""
    take(data_dir, backup)
    again = tmp_path / "again"
    (again / "events").mkdir(parents=True)
    (again / "events" / "000001.db").write_bytes(b"half")
    (again / "restoring").touch()
    with pytest.raises(DataDirectoryError, match="cut short"):
        DataDirectory(again, wait_s=0)
    with pytest.raises(DataDirectoryError, match="cut short"):
        take(again, tmp_path / "half")
    restore(backup, again, accept_cursors=True)
    assert problems(again) == []
    assert "restoring" not in names(again)


def test_a_restored_store_is_another_store(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Its id differs, and stays what it is; origin.json says where it comes from."""
    take(data_dir, backup)
    former = Reader(data_dir).store_id()
    store_id = restore(backup, tmp_path / "again").store_id
    assert store_id != former
    assert Reader(tmp_path / "again").store_id() == store_id
    fill_days(tmp_path / "again", 2, first_ms=START_MS + 4 * 86_400_000)
    assert Reader(tmp_path / "again").store_id() == store_id
    origin = json.loads((tmp_path / "again" / "origin.json").read_text())["restored"]
    assert [(one["store_id"], one["head"]) for one in origin] == [(former, 12)]


def test_ids_are_known_after_a_restore(backup: Path, tmp_path: Path) -> None:
    """Duplicates in sealed and open segments, and receipts."""
    fill(tmp_path / "data", [SystemClock().now_ms()] * 11)
    take(tmp_path / "data", backup)
    restore(backup, tmp_path / "again")
    writer = Writer.open(tmp_path / "again", is_inline=True)
    events = [make_event(message_id=f"e{n}") for n in (11, 2, 99)]
    assert writer.commit([(5, make_batch(1, events))])[0].duplicates == [0, 1]
    writer.close()
    found = Reader(tmp_path / "again").find(1, "e2")
    assert found is not None
    assert found.seq == 2


def test_cursors_of_a_restored_store(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """They are of the former store until they are accepted; none is beyond the restored events."""
    take(data_dir, backup)
    restore(backup, tmp_path / "waiting")
    (problem,) = problems(tmp_path / "waiting")
    assert "another store" in problem
    restore(backup, tmp_path / "accepted", accept_cursors=True)
    assert problems(tmp_path / "accepted") == []


def test_what_is_known_of_later_events_is_let_go(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """A delivery.db that is ahead of the events, as no backup of ours leaves one."""
    connection = open_to_write(data_dir)
    connection.execute("UPDATE destination SET cursor = 40, store = 'x'")
    connection.execute("INSERT INTO sent VALUES (1, 13, 0, 1); INSERT INTO sent VALUES (1, 5, 0, 1)")
    connection.execute("INSERT INTO parked VALUES (1, 14, 0, 1, 0, 0, '')")
    letter = insert_letter(connection, 1, 15)
    connection.execute("INSERT INTO dropped VALUES (1, 16, 1, '', 0, 0)")
    connection.close()
    take(data_dir, backup)
    assert len(problems(backup)) == 2
    restore(backup, tmp_path / "again", accept_cursors=True)
    assert problems(tmp_path / "again") == []
    connection = open_to_write(tmp_path / "again")
    assert connection.execute("SELECT cursor FROM destination").get == 12
    assert connection.execute("SELECT group_concat(seq) FROM sent").get == "5"
    assert connection.execute("SELECT seq FROM dead_letter").get == -letter
    assert connection.execute("SELECT count(*) FROM dropped").get == 0
    connection.close()


def test_a_restore_sends_nothing_again_by_an_old_order(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """The former server may have done it after its deliveries were copied. What is dropped stays dropped."""
    catalog = Catalog.open(data_dir)
    [destination] = catalog.destinations()
    catalog.give_order(destination.id, RetryLetters())
    dropping = catalog.give_order(destination.id, DropLetters(reason="422"))
    catalog.close()
    take(data_dir, backup)
    restore(backup, tmp_path / "again")
    snapshot = Snapshot(tmp_path / "again")
    assert snapshot.orders() == [dropping]
    snapshot.close()


@pytest.mark.parametrize("path", ["../escape.db", "/tmp/escape.db"])
def test_a_manifest_can_not_write_elsewhere(path: str, data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """A backup may come from an untrusted place."""
    take(data_dir, backup)
    told = json.loads((backup / "manifest.json").read_text())
    told["files"][0]["name"] = path
    (backup / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(BackupDamaged, match="outside"):
        restore(backup, tmp_path / "again")


def test_no_backup_and_half_a_backup_are_told(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(BackupError, match="no backup"):
        restore(tmp_path, tmp_path / "again")
    report = take(data_dir, backup)
    (backup / report.manifest.files[0].path).unlink()
    with pytest.raises(BackupDamaged, match="can not be read"):
        restore(backup, tmp_path / "again")
    (backup / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(SchemaMismatch):
        restore(backup, tmp_path / "again")
    (backup / "manifest.json").write_text("{")
    with pytest.raises(BackupDamaged):
        take(data_dir, backup)
    assert not (tmp_path / "again").exists()


# -- Verifying -------------------------------------------------------------------------------------


def change(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("name", "statement", "found"),
    [
        ("events/000002.db", "DELETE FROM event WHERE seq = 5", "2 events"),
        ("events/000002.db", "UPDATE signal_count SET amount = amount + 1", "are counted"),
        ("events/000002.db", "DELETE FROM signal_count", "0 are counted"),
        ("events/000002.db", "DELETE FROM id WHERE seq = 5", "ids of 2 events"),
        ("events/000003.db", "UPDATE meta SET number = 9", "number 9"),
        ("events/000004.db", "UPDATE id_batch SET keys = x''", "ids of 0 events"),
        ("totals.db", "UPDATE signal_count SET amount = amount + 1", "totals.db: pixel 1"),
        ("totals.db", "DELETE FROM signal_count", "they count 0"),
        ("totals.db", "UPDATE meta SET folded_to = 2", "they count 9 events, and 6 were stored"),
        ("totals.db", "UPDATE meta SET folded_to = 9", "segment 9 is in them"),
        ("delivery.db", "UPDATE destination SET cursor = 13", "is at event 13"),
        ("delivery.db", "INSERT INTO sent VALUES (1, 13, 0, 1)", "speaks of event 13"),
        ("delivery.db", "UPDATE destination SET store = 'x'", "another store"),
        ("catalog.db", "PRAGMA foreign_keys = 0; DELETE FROM pixel", "pixels numbered [1]"),
    ],
)
def test_what_is_wrong_is_found(name: str, statement: str, found: str, data_dir: Path) -> None:
    """In a data directory, and named."""
    assert problems(data_dir) == []
    change(data_dir / name, statement)
    assert any(found in problem for problem in problems(data_dir)), problems(data_dir)


@pytest.mark.parametrize("name", ["events/000002.db", "totals.db", "delivery.db", "catalog.db"])
def test_a_file_that_is_no_database_is_found(name: str, data_dir: Path) -> None:
    """And the rest is still looked at."""
    (data_dir / name).write_bytes(b"no database" * 10_000)
    (data_dir / f"{name}-wal").unlink(missing_ok=True)
    assert any(problem.startswith(name) for problem in problems(data_dir))


def test_a_segment_that_is_missing_is_found(data_dir: Path) -> None:
    """In the middle, and one whose counts are nowhere else."""
    segment_path(data_dir, 2).unlink()
    assert any("begins with event 7" in problem for problem in problems(data_dir))
    change(data_dir / "totals.db", "UPDATE meta SET folded_to = 0", "DELETE FROM signal_count")
    segment_path(data_dir, 1).unlink()
    assert any("000001.db is missing" in problem for problem in problems(data_dir))


def test_a_store_after_retention_is_whole(data_dir: Path) -> None:
    """The totals count what is gone, and nothing else."""
    run(retention(data_dir, RetentionLimits(hard_bytes_max=1)))
    assert problems(data_dir) == []
    change(data_dir / "totals.db", "UPDATE signal_count SET amount = amount + 1 WHERE hour % 3 = 0")
    assert any("they count" in problem for problem in problems(data_dir))


def test_neither_a_store_nor_a_backup(tmp_path: Path) -> None:
    """There is nothing to verify."""
    with pytest.raises(DataDirectoryError, match="neither"):
        problems(tmp_path)


def test_a_manifest_that_speaks_of_other_files_is_found(data_dir: Path, backup: Path) -> None:
    """Its head and its store are those of the files."""
    take(data_dir, backup)
    told: dict[str, Any] = json.loads((backup / "manifest.json").read_text())
    told["head"] = 13
    (backup / "manifest.json").write_text(json.dumps(told))
    assert any("the manifest speaks of" in problem for problem in problems(backup))
