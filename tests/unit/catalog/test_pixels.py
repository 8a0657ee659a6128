"""Pixels in the catalog."""

from pathlib import Path

import pytest

from pixelwire.catalog.pixels import PixelChanges
from pixelwire.catalog.store import Catalog
from pixelwire.errors import Conflict, InvalidFields, NotFound
from support.catalogs import make_shop

ID = "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"


def test_a_pixels_id_is_its_first_write_key(tmp_path: Path) -> None:
    """32 lower-case hex digits, both in one."""
    catalog, _, pixel = make_shop(tmp_path)
    assert len(pixel.id) == 32
    assert [(key.key, key.is_own) for key in catalog.write_keys(pixel.id)] == [(pixel.id, True)]


def test_a_pixel_without_a_dataset_gets_one_of_its_name(tmp_path: Path) -> None:
    """`dataset_id` is never null."""
    catalog, business, pixel = make_shop(tmp_path)
    assert [(entry.id, entry.name) for entry in catalog.datasets(business.id)] == [(pixel.dataset_id, "Main")]


def test_a_pixel_can_be_made_under_ids_that_were_written_down(tmp_path: Path) -> None:
    """Quickstart writes its ids first."""
    catalog, business, _ = make_shop(tmp_path)
    made = catalog.create_pixel(business.id, "https://x.example", "X", id="0" * 32, new_dataset_id=ID)
    assert (made.id, made.dataset_id) == ("0" * 32, ID)
    with pytest.raises(Conflict):
        catalog.create_pixel(business.id, "https://x.example", "Y", id="0" * 32)


def test_a_dataset_takes_one_pixel_of_its_own_business(tmp_path: Path) -> None:
    """Another business's dataset, one in use and one that is not there are all refused by name."""
    catalog, business, pixel = make_shop(tmp_path)
    other = catalog.create_business("Other")
    free = catalog.create_dataset(business.id, "Free")
    for owner, dataset in [(business, pixel.dataset_id), (other, free.id), (business, ID)]:
        with pytest.raises(InvalidFields, match="dataset_id"):
            catalog.create_pixel(owner.id, "https://x.example", "X", dataset_id=dataset)
    assert (
        catalog.create_pixel(business.id, "https://x.example", "X", dataset_id=free.id).dataset_id == free.id
    )


def test_a_name_is_used_once_in_a_business(tmp_path: Path) -> None:
    """Another business may use it too."""
    catalog, business, _ = make_shop(tmp_path)
    with pytest.raises(Conflict):
        catalog.create_pixel(business.id, "https://x.example", "Main")
    other = catalog.create_business("Other")
    second = catalog.create_pixel(other.id, "https://x.example", "Main")
    third = catalog.create_pixel(other.id, "https://x.example", "Third")
    with pytest.raises(Conflict):
        catalog.change_pixel(third.id, PixelChanges(name="Main"))
    assert catalog.change_pixel(second.id, PixelChanges(name="Main")).name == "Main"


def test_a_pixels_number_is_never_given_again(tmp_path: Path) -> None:
    """Events on disk carry the number, so even a deleted row keeps it."""
    catalog, business, pixel = make_shop(tmp_path)
    for table in ("write_key", "pixel"):
        column = "pixel" if table == "write_key" else "number"
        catalog._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (pixel.number,))
    assert catalog.create_pixel(business.id, "https://x.example", "X").number == pixel.number + 1


def test_settings_are_changed_one_by_one(tmp_path: Path) -> None:
    """What is not named stays as it is."""
    catalog, _, pixel = make_shop(tmp_path)
    catalog.change_pixel(pixel.id, PixelChanges(is_enabled=False, address="none"))
    changed = catalog.change_pixel(pixel.id, PixelChanges(event_rules={"Ping": None}, gpc="store"))
    assert (changed.is_enabled, changed.address, changed.user_agent) == (False, "none", "full")
    assert (changed.event_rules, changed.gpc, changed.name) == ({"Ping": None}, "store", "Main")
    with pytest.raises(InvalidFields) as caught:
        catalog.change_pixel(pixel.id, PixelChanges(address="some", gpc="some", domain="x"))
    assert len(caught.value.problems) == 3


def test_pixels_are_listed_in_pages(tmp_path: Path) -> None:
    """Oldest first, with the number of all, and only the business's own."""
    catalog, business, _ = make_shop(tmp_path)
    for number in range(4):
        catalog.create_pixel(business.id, "https://x.example", f"P{number}")
    other = catalog.create_business("Other")
    page, total = catalog.pixels(business.id, limit=2, offset=3)
    assert ([pixel.name for pixel in page], total) == (["P2", "P3"], 5)
    assert catalog.pixels(other.id) == ([], 0)


def test_a_pixel_of_no_business_is_not_made(tmp_path: Path) -> None:
    """The business is looked up in the same transaction."""
    with pytest.raises(NotFound):
        Catalog.open(tmp_path).create_pixel(ID, "https://x.example", "X")
