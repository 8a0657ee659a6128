"""Events by type, from counts."""

from pixelwire.event import PixelEventType
from pixelwire.manage.spotify.history import event_id


def test_the_id_of_an_event_type_never_changes() -> None:
    """It is computed, so it is pinned here: clients may have kept it."""
    assert event_id("0" * 32, PixelEventType.LEAD) == "a33a0edbd67d761534071706d874ddaa"


def test_each_type_of_each_pixel_has_its_own_id() -> None:
    """32 hex digits."""
    ids = {event_id(pixel * 32, kind) for pixel in "01" for kind in PixelEventType}
    assert len(ids) == 2 * len(PixelEventType)
    assert {len(each) for each in ids} == {32}
