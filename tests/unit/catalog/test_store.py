"""The catalog's file: mode, migrations, locking."""

import os
import stat
from pathlib import Path

import apsw
import pytest

from pixelwire.catalog.database import catalog_path, writing
from pixelwire.catalog.statements import migrations
from pixelwire.catalog.store import Catalog
from pixelwire.errors import CatalogBusy, CatalogError, Conflict, SchemaMismatch


def test_nobody_but_its_owner_reads_the_file(tmp_path: Path) -> None:
    """The options of destinations are secrets, so the files are 0600 whatever the umask says."""
    before = os.umask(0o000)
    try:
        catalog = Catalog.open(tmp_path)
        catalog.create_business("Shop")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    catalog.close()
    assert modes == {"catalog.db": 0o600, "catalog.db-wal": 0o600, "catalog.db-shm": 0o600}


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    """A mode that was widened by hand or by a restore is put right."""
    Catalog.open(tmp_path).close()
    catalog_path(tmp_path).chmod(0o644)
    Catalog.open(tmp_path).close()
    assert stat.S_IMODE(catalog_path(tmp_path).stat().st_mode) == 0o600


def test_the_file_is_synced_with_every_transaction(tmp_path: Path) -> None:
    """WAL, full syncs and foreign keys, on every connection."""
    catalog = Catalog.open(tmp_path)
    connection = catalog._connection
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1
    catalog.close()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A catalog that is up to date keeps its rows and its version."""
    with_rows = Catalog.open(tmp_path)
    with_rows.create_business("Shop")
    with_rows.close()
    catalog = Catalog.open(tmp_path)
    assert [business.name for business in catalog.businesses()] == ["Shop"]
    assert catalog._connection.pragma("user_version") == len(migrations())
    catalog.close()


def test_a_catalog_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its destinations get every event, as they did."""
    connection = apsw.Connection(str(catalog_path(tmp_path)))
    connection.execute(migrations()[0])
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO business VALUES ('b', 'Shop', 'ADVERTISER', 'ACTIVE', '{}', 1, 1)")
    connection.execute("""
        INSERT INTO destination
            (id, business_id, kind, name, options, takes_all, start_after, created_ms, updated_ms)
        VALUES ('d', 'b', 'webhook', 'Hook', '{"url":"https://hook.example"}', 1, 7, 1, 1)
    """)
    connection.close()
    catalog = Catalog.open(tmp_path)
    (found,) = catalog.destinations()
    assert (found.filters, found.transforms, found.start_after, found.is_enabled) == ({}, [], 7, True)
    catalog.close()


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """An older program never touches what a newer one wrote."""
    Catalog.open(tmp_path).close()
    connection = apsw.Connection(str(catalog_path(tmp_path)))
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(SchemaMismatch, match=r"schema 999.*start the newer Pixelwire"):
        Catalog.open(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A damaged catalog is an error with a hint, not a traceback of SQLite's."""
    catalog_path(tmp_path).write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogError, match="restore it from a backup"):
        Catalog.open(tmp_path)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The path is in the text."""
    with pytest.raises(CatalogError, match="nowhere"):
        Catalog.open(tmp_path / "nowhere")


def test_a_writer_that_can_not_get_the_lock_is_told_to_try_again(tmp_path: Path) -> None:
    """Two processes write; the one that waits too long hears CatalogBusy and has changed nothing."""
    first, second = Catalog.open(tmp_path), Catalog.open(tmp_path)
    second._connection.set_busy_timeout(1)
    with writing(first._connection), pytest.raises(CatalogBusy):
        second.create_business("Late")
    assert second.businesses() == []
    second.create_business("Later")
    assert [business.name for business in first.businesses()] == ["Later"]
    first.close()
    second.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """A pixel whose write key is taken is not half made."""
    catalog = Catalog.open(tmp_path)
    business = catalog.create_business("Shop")
    pixel = catalog.create_pixel(business.id, "https://shop.example", "One")
    wanted = "ab" * 16
    catalog.create_write_key(pixel.id, wanted)
    with pytest.raises(Exception, match="write key"):
        catalog.create_pixel(business.id, "https://shop.example", "Two", id=wanted)
    assert [entry.name for entry in catalog.pixels(business.id)[0]] == ["One"]
    assert [dataset.name for dataset in catalog.datasets(business.id)] == ["One"]
    catalog.close()


def test_calls_inside_a_transaction_are_one(tmp_path: Path) -> None:
    """Nobody sees a part of them; what was made inside is found inside."""
    catalog, other = Catalog.open(tmp_path), Catalog.open(tmp_path)
    with catalog.transaction():
        business = catalog.create_business("Shop")
        catalog.create_pixel(business.id, "https://shop.example", "One")
        assert [pixel.name for pixel in catalog.pixels(business.id)[0]] == ["One"]
        assert other.businesses() == []
    assert [entry.name for entry in other.businesses()] == ["Shop"]

    def fail_half_way() -> None:
        with catalog.transaction():
            catalog.rename_business(business.id, "Renamed")
            catalog.create_pixel(business.id, "https://shop.example", "One")

    with pytest.raises(Conflict):
        fail_half_way()
    assert catalog.business(business.id).name == "Shop"
    catalog.rename_business(business.id, "After")
    assert other.business(business.id).name == "After"
    catalog.close()
    other.close()
