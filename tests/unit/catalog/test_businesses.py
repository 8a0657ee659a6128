"""Businesses and datasets in the catalog."""

from pathlib import Path

import pytest

from pixelwire.catalog.store import Catalog
from pixelwire.errors import Conflict, InvalidFields, NotFound
from support.catalogs import make_shop

ID = "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"


def test_a_business_can_be_made_under_an_id_that_was_written_down(tmp_path: Path) -> None:
    """Quickstart writes its ids first, so a kill in between heals."""
    catalog = Catalog.open(tmp_path)
    assert catalog.create_business("Shop", "AGENCY", id=ID).id == ID
    assert catalog.has_business(ID)
    with pytest.raises(Conflict):
        catalog.create_business("Shop", id=ID)


def test_a_business_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    """Both bad fields are named."""
    with pytest.raises(InvalidFields) as caught:
        Catalog.open(tmp_path).create_business(" ", "SHOP")
    assert len(caught.value.problems) == 2


def test_a_renamed_business_keeps_the_rest(tmp_path: Path) -> None:
    """Only the name and the time of the change are new."""
    catalog, business, _ = make_shop(tmp_path)
    renamed = catalog.rename_business(business.id, "New")
    assert (renamed.name, renamed.type, renamed.created_ms) == ("New", business.type, business.created_ms)
    assert renamed.updated_ms >= business.updated_ms
    with pytest.raises(NotFound):
        catalog.rename_business(ID, "New")


def test_documented_members_are_kept(tmp_path: Path) -> None:
    """What the contract accepts besides is not thrown away."""
    catalog = Catalog.open(tmp_path)
    details = {"business_admin_name": "John Doe"}
    made = catalog.create_business("Shop", details=details)
    assert catalog.business(made.id).details == details


def test_a_dataset_belongs_to_a_business(tmp_path: Path) -> None:
    """A dataset made alone waits for its pixel."""
    catalog, business, pixel = make_shop(tmp_path)
    dataset = catalog.create_dataset(business.id, "Sales")
    assert [entry.id for entry in catalog.datasets(business.id)] == [pixel.dataset_id, dataset.id]
    with pytest.raises(NotFound):
        catalog.create_dataset(ID, "Sales")
    with pytest.raises(Conflict):
        catalog.create_dataset(business.id, "Sales", id=dataset.id)
