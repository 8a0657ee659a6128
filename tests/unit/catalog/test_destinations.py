"""Destinations in the catalog."""

from pathlib import Path

import pytest

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.errors import Conflict, InvalidFields, NotFound
from support.catalogs import make_shop

OPTIONS = {"url": "https://hook.example", "secret": "correct horse"}


def test_options_are_kept_but_never_shown(tmp_path: Path) -> None:
    """They hold secrets, so no repr has them."""
    catalog, business, _ = make_shop(tmp_path)
    made = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS)
    assert made.options == OPTIONS
    assert "correct horse" not in f"{made!r} {made} {[made]}"


def test_every_change_grows_the_revision(tmp_path: Path) -> None:
    """The courier sees that it must look again, for `resume` too."""
    catalog, business, _ = make_shop(tmp_path)
    made = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS)
    switched = catalog.change_destination(made.id, is_enabled=False)
    changed = catalog.change_destination(made.id, name="New", options={"url": "https://new.example"})
    resumed = catalog.resume_destination(made.id)
    assert [made.revision, switched.revision, changed.revision, resumed.revision] == [1, 2, 3, 4]
    assert (switched.is_enabled, changed.is_enabled, resumed.is_enabled) == (False, False, True)
    assert (resumed.name, resumed.options) == ("New", {"url": "https://new.example"})


def test_filters_and_transforms_are_kept_as_declared(tmp_path: Path) -> None:
    """The courier reads them with the destination; a change raises the revision; empty removes them."""
    catalog, business, _ = make_shop(tmp_path)
    filters, transforms = {"calls": ["track"]}, [{"remove": ["context.ip"]}, {"set": {"a": [1, None]}}]
    plain = catalog.create_destination(business.id, "webhook", "Plain", OPTIONS)
    assert (plain.filters, plain.transforms) == ({}, [])
    made = catalog.create_destination(
        business.id, "webhook", "Hook", OPTIONS, filters=filters, transforms=transforms
    )
    renamed = catalog.change_destination(made.id, name="New")
    assert (renamed.filters, renamed.transforms) == (filters, transforms)
    snapshot = Snapshot(tmp_path)
    assert [(entry.filters, entry.transforms) for entry in snapshot.destinations()] == [
        ({}, []),
        (filters, transforms),
    ]
    changed = catalog.change_destination(made.id, filters={}, transforms=[])
    assert (changed.filters, changed.transforms, changed.options) == ({}, [], OPTIONS)
    assert [made.revision, renamed.revision, changed.revision] == [1, 2, 3]
    assert snapshot.destinations()[1].filters == {}


def test_a_destination_takes_pixels_of_its_own_business_only(tmp_path: Path) -> None:
    """A foreign pixel is named, and nothing is made."""
    catalog, business, pixel = make_shop(tmp_path)
    other = catalog.create_business("Other")
    foreign = catalog.create_pixel(other.id, "https://x.example", "X")
    with pytest.raises(InvalidFields, match=foreign.id):
        catalog.create_destination(business.id, "webhook", "Hook", OPTIONS, [pixel.id, foreign.id])
    assert catalog.destinations() == []
    chosen = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS, [pixel.id])
    assert chosen.pixel_ids == [pixel.id]


def test_a_name_is_used_once_in_a_business(tmp_path: Path) -> None:
    """Another business may use it too."""
    catalog, business, _ = make_shop(tmp_path)
    other = catalog.create_business("Other")
    catalog.create_destination(business.id, "webhook", "Hook", OPTIONS)
    second = catalog.create_destination(business.id, "webhook", "Second", OPTIONS)
    foreign = catalog.create_destination(other.id, "webhook", "Hook", OPTIONS)
    with pytest.raises(Conflict):
        catalog.create_destination(business.id, "webhook", "Hook", OPTIONS)
    with pytest.raises(Conflict):
        catalog.change_destination(second.id, name="Hook")
    assert [entry.id for entry in catalog.destinations(other.id)] == [foreign.id]


def test_a_deleted_destination_is_gone(tmp_path: Path) -> None:
    """With its choice of pixels."""
    catalog, business, pixel = make_shop(tmp_path)
    made = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS, [pixel.id], start_after=7)
    assert made.start_after == 7
    catalog.delete_destination(made.id)
    assert catalog.destinations() == []
    with pytest.raises(NotFound):
        catalog.delete_destination(made.id)
    with pytest.raises(NotFound):
        catalog.resume_destination(made.id)


def test_its_pixels_can_be_changed(tmp_path: Path) -> None:
    """Some, others, or all; a foreign one is refused and nothing changes."""
    catalog, business, pixel = make_shop(tmp_path)
    second = catalog.create_pixel(business.id, "https://second.example", "Second")
    made = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS)
    for wanted in ([pixel.id], [second.id], [second.id, pixel.id], None):
        changed = catalog.change_destination(made.id, pixels=wanted)
        assert changed.pixel_ids == (
            None if wanted is None else sorted(wanted, key=[pixel.id, second.id].index)
        )
        assert catalog.change_destination(made.id, name="Hook").pixel_ids == changed.pixel_ids
    with pytest.raises(InvalidFields, match="pixel_ids: the business has no pixel x"):
        catalog.change_destination(made.id, name="Other", pixels=["x"])
    assert catalog.destination(made.id).name == "Hook"


def test_a_change_of_what_was_changed_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    """Who merges options says which revision was read, so that no change is lost."""
    catalog, business, _ = make_shop(tmp_path)
    made = catalog.create_destination(business.id, "webhook", "Hook", OPTIONS, is_enabled=False)
    assert not made.is_enabled
    catalog.change_destination(made.id, name="First", revision=made.revision)
    with pytest.raises(Conflict, match="at the same time"):
        catalog.change_destination(made.id, name="Second", revision=made.revision)
    assert catalog.destination(made.id).name == "First"
