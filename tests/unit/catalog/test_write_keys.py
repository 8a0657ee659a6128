"""Write keys in the catalog."""

from pathlib import Path

import pytest

from pixelwire.errors import Conflict, NotFound
from support.catalogs import make_shop


def test_a_key_is_unique_over_the_server(tmp_path: Path) -> None:
    """Another business's key, and any pixel's id, can not be taken."""
    catalog, _, pixel = make_shop(tmp_path)
    other = catalog.create_business("Other")
    second = catalog.create_pixel(other.id, "https://x.example", "X")
    catalog.create_write_key(pixel.id, "old key")
    for key in ("old key", pixel.id, second.id):
        with pytest.raises(Conflict):
            catalog.create_write_key(second.id, key)


def test_a_pixels_own_id_is_switched_but_not_deleted(tmp_path: Path) -> None:
    """Tags that are out keep their chance."""
    catalog, _, pixel = make_shop(tmp_path)
    own = catalog.write_keys(pixel.id)[0]
    with pytest.raises(Conflict, match="switch it off"):
        catalog.delete_write_key(pixel.id, own.id)
    assert catalog.switch_write_key(pixel.id, own.id, is_enabled=False).is_enabled is False
    assert catalog.switch_write_key(pixel.id, own.id, is_enabled=True).is_enabled is True


def test_a_deleted_key_is_gone_and_free(tmp_path: Path) -> None:
    """It can be imported again, elsewhere too."""
    catalog, _, pixel = make_shop(tmp_path)
    key = catalog.create_write_key(pixel.id, "k")
    catalog.delete_write_key(pixel.id, key.id)
    assert [entry.key for entry in catalog.write_keys(pixel.id)] == [pixel.id]
    assert catalog.create_write_key(pixel.id, "k").id != key.id


def test_a_key_is_reached_through_its_own_pixel_only(tmp_path: Path) -> None:
    """The id of another pixel's key is no door."""
    catalog, business, pixel = make_shop(tmp_path)
    second = catalog.create_pixel(business.id, "https://x.example", "X")
    key = catalog.create_write_key(pixel.id)
    with pytest.raises(NotFound):
        catalog.delete_write_key(second.id, key.id)
    with pytest.raises(NotFound):
        catalog.switch_write_key(second.id, key.id, is_enabled=False)
    with pytest.raises(NotFound):
        catalog.create_write_key("0" * 32)
