"""The pixels and stored events that a destination gets, as a caller names them. Knows no HTTP and no rule."""

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog
from pixelwire.errors import InvalidFields, NotFound
from pixelwire.event import StoredEvent
from pixelwire.record.reader import Reader


def covered_pixels(catalog: Catalog, destination: Destination, pixel_id: str | None) -> dict[int, Pixel]:
    """Those whose events the destination gets, by their numbers; one of them, when it is named.

    InvalidFields when that is none of them, another business's or not there.
    """
    of_business, _ = catalog.pixels(destination.business_id)
    chosen = destination.pixel_ids
    found = [pixel for pixel in of_business if chosen is None or pixel.id in chosen]
    if pixel_id is not None:
        found = [pixel for pixel in found if pixel.id == pixel_id]
        if not found:
            raise InvalidFields([f"pixel_id: the destination gets no events of a pixel {pixel_id}"])
    return {pixel.number: pixel for pixel in found}


def covered_event(reader: Reader, pixels: dict[int, Pixel], message_id: str) -> StoredEvent:
    """The newest of this id. NotFound."""
    found = [event for number in pixels if (event := reader.find(number, message_id)) is not None]
    if not found:
        raise NotFound("no pixel of the destination has a stored event of this id")
    return max(found, key=lambda event: event.seq)
