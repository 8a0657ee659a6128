"""The catalog as workers and the courier see it."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from pixelwire.catalog.database import catalog_path
from pixelwire.catalog.pixels import PixelChanges
from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.store import Catalog
from pixelwire.errors import CatalogError
from pixelwire.event import Signal
from support.catalogs import make_shop


def test_every_key_leads_to_its_pixel(tmp_path: Path) -> None:
    """Number, id and settings, under its own id and under further keys."""
    catalog, _, pixel = make_shop(tmp_path)
    catalog.create_write_key(pixel.id, "old key")
    catalog.change_pixel(pixel.id, PixelChanges(event_rules={"Sign Up": "LEAD", "x": None}, address="full"))
    keys = Snapshot(tmp_path).keys()
    entry = keys["old key"]
    assert set(keys) == {pixel.id, "old key"}
    assert (entry.number, entry.id, entry.is_enabled, entry.address) == (pixel.number, pixel.id, True, "full")
    assert entry.rules == {"signup": Signal.LEAD, "x": 0}


def test_a_key_that_is_off_is_off_alone(tmp_path: Path) -> None:
    """A switched-off key turns its own requests away; a switched-off pixel turns all away."""
    catalog, _, pixel = make_shop(tmp_path)
    key = catalog.create_write_key(pixel.id, "k")
    snapshot = Snapshot(tmp_path)
    catalog.switch_write_key(pixel.id, key.id, is_enabled=False)
    assert {name: entry.is_enabled for name, entry in snapshot.keys().items()} == {pixel.id: True, "k": False}
    catalog.change_pixel(pixel.id, PixelChanges(is_enabled=False))
    catalog.switch_write_key(pixel.id, key.id, is_enabled=True)
    assert {name: entry.is_enabled for name, entry in snapshot.keys().items()} == {
        pixel.id: False,
        "k": False,
    }


def test_a_pixel_made_a_moment_ago_is_found(tmp_path: Path) -> None:
    """By key, by id and by number; what is not there is None."""
    catalog, business, _ = make_shop(tmp_path)
    snapshot = Snapshot(tmp_path)
    assert snapshot.find_key("1" * 32) is None
    made = catalog.create_pixel(business.id, "https://x.example", "X", id="1" * 32)
    for entry in (snapshot.find_key(made.id), snapshot.pixel(made.id), snapshot.pixel_by_number(made.number)):
        assert entry is not None
        assert entry.number == made.number
    assert snapshot.pixel("nonsense") is None
    assert snapshot.pixel_by_number(99) is None


def test_a_change_is_noticed_once(tmp_path: Path) -> None:
    """So a worker renews its table only when something was written."""
    catalog, _, _ = make_shop(tmp_path)
    snapshot = Snapshot(tmp_path)
    assert [snapshot.has_changed(), snapshot.has_changed()] == [True, False]
    catalog.create_business("Other")
    assert [snapshot.has_changed(), snapshot.has_changed()] == [True, False]


def test_a_destination_gets_the_pixels_of_its_business(tmp_path: Path) -> None:
    """All, those made later included, or the chosen ones; never another business's."""
    catalog, business, pixel = make_shop(tmp_path)
    other = catalog.create_business("Other")
    catalog.create_pixel(other.id, "https://x.example", "X")
    catalog.create_destination(business.id, "webhook", "All", {"secret": "hush"}, start_after=5)
    catalog.create_destination(business.id, "webhook", "Chosen", {}, [pixel.id])
    second = catalog.create_pixel(business.id, "https://x.example", "Second")
    everything, chosen = Snapshot(tmp_path).destinations()
    assert everything.pixels == {pixel.number, second.number}
    assert chosen.pixels == {pixel.number}
    assert (everything.start_after, everything.options, everything.kind) == (5, {"secret": "hush"}, "webhook")
    assert "hush" not in repr(everything)


def test_a_missing_catalog_is_an_error_that_heals(tmp_path: Path) -> None:
    """A worker that could not read the catalog can when it is there."""
    snapshot = Snapshot(tmp_path)
    with pytest.raises(CatalogError):
        snapshot.keys()
    make_shop(tmp_path)
    assert len(snapshot.keys()) == 1
    assert snapshot.has_changed()


@pytest.mark.parametrize("version", [0, 999])
def test_a_catalog_of_another_schema_is_not_read(tmp_path: Path, version: int) -> None:
    """Neither one that is not brought up to date yet, nor one of a newer program."""
    Catalog.open(tmp_path).close()
    connection = apsw.Connection(str(catalog_path(tmp_path)))
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(CatalogError):
        Snapshot(tmp_path).keys()


def test_a_snapshot_can_not_write(tmp_path: Path) -> None:
    """A worker that is broken can not break the catalog."""
    make_shop(tmp_path)
    snapshot = Snapshot(tmp_path)
    with pytest.raises(CatalogError):
        snapshot._rows("DELETE FROM token")


def test_a_worker_loads_nothing_it_does_not_need() -> None:
    """Memory is counted by process: no web framework comes with the snapshot."""
    script = "import sys, pixelwire.catalog.snapshot; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"pydantic", "fastapi", "aiohttp", "structlog", "uvicorn"}.isdisjoint(loaded)
