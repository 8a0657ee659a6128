"""What has to be made and changed so that the catalog is as a file declares it. Writes nothing.

Things are known by their names; what the file does not mention stays as it is.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from pixelwire.apply.declared import DeclaredBusiness, DeclaredDestination, DeclaredPixel, Place
from pixelwire.apply.differences import Difference, options_differ, values_differ
from pixelwire.catalog.businesses import Business
from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog
from pixelwire.destinations import registry
from pixelwire.errors import InvalidFields

Action = Literal["make", "change", "leave"]
Declared = DeclaredBusiness | DeclaredPixel | DeclaredDestination


class Step(msgspec.Struct, frozen=True):
    """One thing of the file and what is to be done about it. Its repr and differences hold no secret."""

    action: Action
    word: str  # business, pixel, write key or destination
    name: str
    business: str  # its name
    differences: tuple[Difference, ...]
    declared: Declared
    id: str | None  # of what is there already
    pixel: str = ""  # of a write key: the pixel's name


class Plan(msgspec.Struct, frozen=True):
    """Steps in the order in which they can be done; what the file does not name; and what is wrong."""

    steps: tuple[Step, ...]
    unnamed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Nothing to do."""
        return all(step.action == "leave" for step in self.steps)

    def count(self, action: Action) -> int:
        return sum(step.action == action for step in self.steps)


def make_plan(catalog: Catalog, businesses: Sequence[DeclaredBusiness]) -> Plan:
    """Reads the catalog in one view of it, if the caller holds one."""
    planning = _Planning(catalog)
    for declared in businesses:
        planning.business(declared)
    named = {declared.name for declared in businesses}
    others = [f"business {entry.name}" for entry in catalog.businesses() if entry.name not in named]
    return Plan(tuple(planning.steps), (*others, *planning.unnamed), tuple(planning.problems))


class _Planning:
    def __init__(self, catalog: Catalog) -> None:
        self.steps: list[Step] = []
        self.unnamed: list[str] = []
        self.problems: list[str] = []
        self._catalog = catalog
        self._known = catalog.businesses()
        self._owners: dict[str, str] | None = None  # pixel ids by write key
        self._wanted_keys: dict[str, Place] = {}

    def business(self, declared: DeclaredBusiness) -> None:
        found = [entry for entry in self._known if entry.name == declared.name]
        if len(found) > 1:
            self._problem(declared, "name", "several businesses of this server have it: rename all but one")
            return
        known = found[0] if found else None
        self._same(declared, "id", declared.id, known and known.id)
        self._same(declared, "type", declared.type, known and known.type)
        if known is None and isinstance(declared.id, str) and self._catalog.has_business(declared.id):
            self._problem(declared, "id", "another business has it")
        self._step("business", declared, declared.name, known, [])
        self._pixels(declared, known)
        self._destinations(declared, known)

    # -- Pixels ------------------------------------------------------------------------------------

    def _pixels(self, business: DeclaredBusiness, known: Business | None) -> None:
        there = self._pixels_of(known)
        for declared in business.pixels:
            found = there.get(declared.name)
            self._same(declared, "id", declared.id, found and found.id)
            if found is None:
                self._required(declared, "domain", declared.domain)
                if isinstance(declared.id, str) and self._catalog.has_pixel(declared.id):
                    self._problem(declared, "id", "another pixel has it")
            self._step("pixel", declared, business.name, found, list(_pixel_differences(declared, found)))
            self._write_keys(declared, business.name, found)
        named = {declared.name for declared in business.pixels}
        self.unnamed += [f"pixel {name} of {business.name}" for name in there if name not in named]

    def _write_keys(self, pixel: DeclaredPixel, business: str, found: Pixel | None) -> None:
        own = {entry.key for entry in self._catalog.write_keys(found.id)} if found else {pixel.id}
        for key in pixel.write_keys or ():
            if key in self._wanted_keys:
                self._problem(pixel, "write_keys", f"{key} stands at {self._wanted_keys[key]} too")
            elif key not in own and key in self._all_keys():
                self._problem(pixel, "write_keys", f"another pixel of this server has {key}")
            self._wanted_keys[key] = pixel.place
            action: Action = "leave" if key in own else "make"
            self.steps.append(Step(action, "write key", key, business, (), pixel, _id(found), pixel.name))

    # -- Destinations ------------------------------------------------------------------------------

    def _destinations(self, business: DeclaredBusiness, known: Business | None) -> None:
        there = {entry.name: entry for entry in self._catalog.destinations(known.id)} if known else {}
        pixels = {pixel.id: pixel.name for pixel in self._pixels_of(known).values()}
        names = {*pixels.values(), *(pixel.name for pixel in business.pixels)}
        for declared in business.destinations:
            found = there.get(declared.name)
            self._same(declared, "kind", declared.kind, found and found.kind)
            if found is None:
                self._required(declared, "kind", declared.kind)
                self._check_defaults(declared)
            for pixel in declared.pixels or ():
                if pixel not in names and pixel not in pixels:
                    self._problem(declared, "pixels", f"the business has no pixel {pixel!r}")
            differences = list(_destination_differences(declared, found, pixels))
            self._step("destination", declared, business.name, found, differences)
        named = {declared.name for declared in business.destinations}
        self.unnamed += [f"destination {name} of {business.name}" for name in there if name not in named]

    def _check_defaults(self, declared: DeclaredDestination) -> None:
        """Without options of its own a new one has only defaults."""
        if declared.options is UNSET and "options" not in declared.wrong and isinstance(declared.kind, str):
            try:
                registry.validate(declared.kind, {})
            except InvalidFields as exc:
                self.problems += [f"{declared.place}: options.{problem}" for problem in exc.problems]

    # -- What all have in common -------------------------------------------------------------------

    def _step(
        self,
        word: str,
        declared: Declared,
        business: str,
        found: Business | Pixel | Destination | None,
        differences: list[Difference],
    ) -> None:
        action: Action = "make" if found is None else "change" if differences else "leave"
        shown = () if found is None else tuple(differences)
        self.steps.append(Step(action, word, declared.name, business, shown, declared, _id(found)))

    def _same(self, declared: Declared, member: str, wanted: object, there: object) -> None:
        """Problem where what can not be changed is another."""
        if wanted is not UNSET and there is not None and wanted != there:
            self._problem(declared, member, f"is {there} here and can not be changed")

    def _required(self, declared: Declared, member: str, value: object) -> None:
        if value is UNSET and member not in declared.wrong:
            self._problem(declared, member, "is required")

    def _problem(self, declared: Declared, member: str, text: str) -> None:
        self.problems.append(f"{declared.place}: {member}: {text}")

    def _pixels_of(self, known: Business | None) -> dict[str, Pixel]:
        return {pixel.name: pixel for pixel in self._catalog.pixels(known.id)[0]} if known else {}

    def _all_keys(self) -> dict[str, str]:
        if self._owners is None:
            pixels = [pixel for entry in self._known for pixel in self._pixels_of(entry).values()]
            self._owners = {
                entry.key: pixel.id for pixel in pixels for entry in self._catalog.write_keys(pixel.id)
            }
        return self._owners


def _id(found: Business | Pixel | Destination | None) -> str | None:
    return found.id if found else None


def _pixel_differences(declared: DeclaredPixel, found: Pixel | None) -> Iterator[Difference]:
    if found is None:
        return
    for member in ("domain", "enabled", "address", "user_agent", "gpc", "event_rules"):
        wanted = getattr(declared, member)
        there = found.is_enabled if member == "enabled" else getattr(found, member)
        if wanted is not UNSET:
            yield from values_differ(member, there, wanted)


def _destination_differences(
    declared: DeclaredDestination, found: Destination | None, pixels: dict[str, str]
) -> Iterator[Difference]:
    if found is None:
        return
    if isinstance(declared.options, dict):
        yield from options_differ(found.kind, found.options, declared.options)
    for member in ("filters", "transforms", "enabled"):
        wanted = getattr(declared, member)
        there = found.is_enabled if member == "enabled" else getattr(found, member)
        if wanted is not UNSET:
            yield from values_differ(member, there, wanted)
    if declared.pixels is not UNSET:
        chosen = (
            "all" if declared.pixels is None else sorted({pixels.get(one, one) for one in declared.pixels})
        )
        there_now: Any = "all" if found.pixel_ids is None else sorted(pixels[one] for one in found.pixel_ids)
        yield from values_differ("pixels", there_now, chosen)
