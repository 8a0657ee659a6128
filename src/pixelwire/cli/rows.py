"""The catalog of a command's data directory, its things by id or name, and their look as rows.

Works on the files, so it does not matter whether the server runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pixelwire.catalog.businesses import Business
from pixelwire.catalog.database import catalog_path
from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog
from pixelwire.cli import options
from pixelwire.errors import DataDirectoryError, InvalidFields, NotFound
from pixelwire.times import iso_s

Named = TypeVar("Named", Business, Pixel, Destination)


@contextmanager
def opened(config: Path | None, data_dir: str | None) -> Iterator[Catalog]:
    """The catalog. DataDirectoryError where there is none: a slip of the pen makes no empty server."""
    path = options.settings(config, data_dir=data_dir).data_dir
    if not catalog_path(path).exists():
        hint = "name it with --data-dir, or make one with `pixelwire init`"
        raise DataDirectoryError(f"{path} is no data directory of Pixelwire", hint=hint)
    catalog = Catalog.open(path)
    try:
        yield catalog
    finally:
        catalog.close()


def business_of(catalog: Catalog, given: str | None) -> Business:
    """The business of this id or name; the only one when none is given."""
    known = catalog.businesses()
    if given is None:
        if len(known) == 1:
            return known[0]
        hint = "make one with `pixelwire business create`" if not known else f"one of {_names(known)}"
        raise InvalidFields([f"--business is needed ({hint})"])
    return _find(known, given, "business")


def pixel_of(catalog: Catalog, given: str) -> Pixel:
    """The pixel of this id or name."""
    return _find(all_pixels(catalog), given, "pixel")


def destination_of(catalog: Catalog, given: str) -> Destination:
    """The destination of this id or name."""
    return _find(catalog.destinations(), given, "destination")


def all_pixels(catalog: Catalog, business: Business | None = None) -> list[Pixel]:
    """The pixels of one business, or of all."""
    owners = [business] if business else catalog.businesses()
    return [pixel for owner in owners for pixel in catalog.pixels(owner.id)[0]]


def row_of(thing: msgspec.Struct) -> dict[str, Any]:
    """A thing as the API would say it: times as text, `enabled`; what only the server needs is left out."""
    row: dict[str, Any] = {}
    for key, value in msgspec.structs.asdict(thing).items():
        if key.endswith("_ms"):
            row[key.removesuffix("_ms") + "_at"] = None if value is None else iso_s(value)
        elif key not in ("number", "details"):
            row[key.removeprefix("is_")] = value
    return row


def _find(known: Sequence[Named], given: str, word: str) -> Named:
    by_id = [thing for thing in known if thing.id == given]
    found = by_id or [thing for thing in known if thing.name == given]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidFields([f"{given!r} is the name of several: give the id ({_names(found)})"])
    raise NotFound(f"there is no {word} {given!r}", hint=f"see `pixelwire {word} list`")


def _names(known: Sequence[Named]) -> str:
    return ", ".join(f"{thing.id} ({thing.name})" for thing in known)
