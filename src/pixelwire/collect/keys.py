"""Every write key of the server, in memory. Asks the catalog, writes nothing, knows no request.

A key that is not in the table is looked up only when the catalog was written to since the table was
filled: a flood of made-up keys costs one look at the catalog's version each, and a pixel made a moment
ago collects at once. All else (rules, policies, what was switched off) follows with the next renewal.
"""

from typing import Protocol

from pixelwire.catalog.snapshot import PixelEntry
from pixelwire.clock import Clock
from pixelwire.errors import CatalogError
from pixelwire.event import Failure
from pixelwire.limits import KEY_LOOKUPS_PER_S


class Catalog(Protocol):
    """What this room asks of the catalog. Any of these may raise CatalogError."""

    def has_changed(self) -> bool: ...
    def keys(self) -> dict[str, PixelEntry]: ...
    def find_key(self, write_key: str) -> PixelEntry | None: ...
    def close(self) -> None: ...


class Keys:
    """Belongs to one thread, as its catalog does. Empty until it is renewed for the first time."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._table: dict[str, PixelEntry] = {}
        self._is_readable = False  # as of the last time the catalog was asked
        self._is_stale = True  # the catalog was written to since the table was filled
        self._lookups = 0
        self._lookups_second = 0

    def find(self, write_key: str) -> PixelEntry | Failure | None:
        """The pixel of a key; None for a key that does not exist; a Failure while nobody can tell."""
        return self._table.get(write_key) or self._find_new(write_key)

    def renew(self) -> CatalogError | None:
        """Fills the table again if the catalog changed; says why when it can not be read now."""
        try:
            self._renew()
        except CatalogError as exc:
            self._is_readable = False
            return exc
        return None

    def close(self) -> None:
        self._catalog.close()

    def _renew(self) -> None:
        if self._catalog.has_changed() or self._is_stale:
            self._is_stale = True
            self._table = self._catalog.keys()
            self._is_stale = False
        self._is_readable = True

    def _find_new(self, write_key: str) -> PixelEntry | Failure | None:
        if not self._is_readable:
            return Failure.CATALOG_UNREACHABLE  # asked again by the next renewal, not by every request
        try:
            if not self._is_stale and not self._catalog.has_changed():
                return None
            self._is_stale = True
            if not self._may_look_up():
                self._renew()
                return self._table.get(write_key)
            entry = self._catalog.find_key(write_key)
        except CatalogError:
            self._is_readable = False
            return Failure.CATALOG_UNREACHABLE
        if entry is not None:
            self._table[write_key] = entry
        return entry

    def _may_look_up(self) -> bool:
        second = int(self._clock.monotonic_s())
        if second != self._lookups_second:
            self._lookups_second = second
            self._lookups = 0
        self._lookups += 1
        return self._lookups <= KEY_LOOKUPS_PER_S
