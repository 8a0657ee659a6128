"""Does what a plan says, in one transaction: all of it or nothing. Knows no file and no terminal."""

from typing import Any

from msgspec import UNSET

from pixelwire.apply.declared import DeclaredBusiness, DeclaredDestination, DeclaredPixel
from pixelwire.apply.plan import Plan, Step, make_plan
from pixelwire.catalog.pixels import PixelChanges
from pixelwire.catalog.store import Catalog
from pixelwire.errors import Conflict

_PIXEL_MEMBERS = ("domain", "address", "user_agent", "gpc", "event_rules")


def perform(
    catalog: Catalog, plan: Plan, businesses: tuple[DeclaredBusiness, ...], head: int
) -> dict[str, str]:
    """The ids of the pixels that were made, by `business / pixel`. New destinations begin after `head`, the
    newest event's seq.

    Conflict when the catalog is no longer as the plan saw it: nothing was done then.
    """
    assert not plan.problems
    with catalog.transaction():
        if make_plan(catalog, businesses) != plan:
            raise Conflict("the catalog was changed meanwhile", hint="nothing was done; apply again")
        doing = _Doing(catalog, head)
        for step in plan.steps:
            doing.step(step)
    return doing.made


class _Doing:
    def __init__(self, catalog: Catalog, head: int) -> None:
        self.made: dict[str, str] = {}
        self._catalog = catalog
        self._head = head
        self._businesses: dict[str, str] = {}  # ids by name
        self._pixels: dict[tuple[str, str], str] = {}  # ids by business and name

    def step(self, step: Step) -> None:
        declared = step.declared
        if isinstance(declared, DeclaredBusiness):
            self._businesses[step.name] = step.id or self._make_business(declared)
        elif isinstance(declared, DeclaredDestination):
            self._destination(step, declared)
        elif step.word == "pixel":
            self._pixel(step, declared)
        elif step.action == "make":
            self._catalog.create_write_key(self._pixels[step.business, step.pixel], step.name)

    def _make_business(self, declared: DeclaredBusiness) -> str:
        return self._catalog.create_business(declared.name, **_given(declared, "type", "id")).id

    def _pixel(self, step: Step, declared: DeclaredPixel) -> None:
        pixel_id = step.id
        if pixel_id is None:
            owner = self._businesses[step.business]
            assert isinstance(declared.domain, str), "the plan asks for it"
            made = self._catalog.create_pixel(owner, declared.domain, declared.name, **_given(declared, "id"))
            pixel_id = self.made[f"{step.business} / {step.name}"] = made.id
        self._pixels[step.business, step.name] = pixel_id
        if step.action != "leave":
            changes: dict[str, Any] = _given(declared, *_PIXEL_MEMBERS)
            if declared.enabled is not UNSET:
                changes["is_enabled"] = declared.enabled
            self._catalog.change_pixel(pixel_id, PixelChanges(**changes))

    def _destination(self, step: Step, declared: DeclaredDestination) -> None:
        if step.action == "leave":
            return
        owner = self._businesses[step.business]
        given = _given(declared, "filters", "transforms")
        if declared.enabled is not UNSET:
            given["is_enabled"] = declared.enabled
        if declared.pixels is not UNSET:
            given["pixels"] = self._chosen(owner, declared.pixels)
        if step.id is not None:
            self._catalog.change_destination(step.id, **given, **_given(declared, "options"))
            return
        assert isinstance(declared.kind, str), "the plan asks for it"
        self._catalog.create_destination(
            owner,
            declared.kind,
            declared.name,
            declared.options or {},
            start_after=0 if declared.from_start is True else self._head,
            **given,
        )

    def _chosen(self, business_id: str, wanted: list[str] | None) -> list[str] | None:
        if wanted is None:
            return None
        ids = {pixel.name: pixel.id for pixel in self._catalog.pixels(business_id)[0]}
        return [ids.get(one, one) for one in wanted]


def _given(declared: DeclaredBusiness | DeclaredPixel | DeclaredDestination, *members: str) -> dict[str, Any]:
    """Those that the file mentions."""
    values = {name: getattr(declared, name) for name in members}
    return {name: value for name, value in values.items() if value is not UNSET}
